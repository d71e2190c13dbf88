"""What the columns of a table mean, and what its cells say."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

ROLES = (
    "run",
    "name",
    "group",
    "step",
    "time",
    "key",
    "value",
    "metric",
    "config",
    "summary",
    "tag",
    "note",
    "status",
    "ignore",
)
"""What a column may be."""

_BY_NAME = {
    "run": ("run", "run_id", "run id", "run_name", "trial", "trial_id", "experiment", "id"),
    "name": ("name", "run name", "experiment_name"),
    "group": ("group", "run_group"),
    "step": ("step", "global_step", "_step", "iteration", "iter", "epoch", "batch"),
    "time": ("time", "timestamp", "_timestamp", "wall_time", "datetime", "date", "created"),
    "tag": ("tag", "tags"),
    "note": ("note", "notes", "comment", "comments", "remark"),
    "status": ("status", "state"),
}
_RESULT = re.compile(
    r"(^|[^a-z])(loss|acc|accuracy|auc|auroc|f1|score|error|err|rmse|mse|mae|mape|r2|bleu|rouge"
    r"|perplexity|ppl|precision|recall|map|iou|dice|psnr|ssim|fid|wer|cer|reward|return|elapsed"
    r"|duration|runtime|seconds|minutes|hours|latency|throughput|time|metrics?|result|val|test)"
    r"([^a-z]|$)"
)
_SETTING = ("config.", "params.", "param_", "hparam", "hp_", "hp.")


def guess(
    columns: Sequence[str], rows: Sequence[Mapping[str, Any]], given: Mapping[str, str]
) -> dict[str, str]:
    """The role of each column: as given, else by its name and what stands in it."""
    roles = dict(given)
    taken = set(given.values())
    for role, names in _BY_NAME.items():
        if role in taken and role not in ("tag", "note"):
            continue
        for name in names:
            column = next((c for c in columns if c.strip().lower() == name), None)
            if column is not None and column not in roles and _fits(role, column, rows):
                roles[column] = role
                break
    lower = {column.strip().lower(): column for column in columns if column not in roles}
    if "step" in roles.values() and "value" in lower and (set(lower) & {"key", "metric"}):
        roles[lower["value"]] = "value"
        roles[lower.get("key") or lower["metric"]] = "key"
    steps = "step" in roles.values()
    for column in columns:
        if column not in roles:
            roles[column] = _rest(column, rows, steps=steps, long="key" in roles.values())
    return {column: roles[column] for column in columns}


def _fits(role: str, column: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    values = [row[column] for row in rows if row.get(column) is not None]
    if role == "time":
        # Seconds since the beginning are a result, not a moment.
        return bool(values) and all(moment(value) for value in values)
    if role == "step":
        return bool(values) and len(rows) > 1 and all(is_number(value) for value in values)
    return bool(values)


def _rest(column: str, rows: Sequence[Mapping[str, Any]], *, steps: bool, long: bool) -> str:
    name = column.lower()
    values = [row[column] for row in rows if row.get(column) is not None]
    numeric = bool(values) and all(is_number(value) for value in values)
    if not values or long:
        return "ignore"
    if name.startswith(_SETTING):
        return "config"
    if steps:
        return "metric" if numeric else "config"
    if name.startswith(("metrics.", "summary.")) or _RESULT.search(name):
        return "metric" if numeric else "summary"
    return "config"


def number(value: Any) -> float | None:
    """A cell as a number, or None."""
    if isinstance(value, bool | int | float):
        try:
            return float(value)
        except OverflowError:
            return None
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return None


def is_number(value: Any) -> bool:
    """Whether a cell is a number; NaN is one."""
    return number(value) is not None


def moment(value: Any) -> int:
    """A cell as a time in µs: ISO 8601, or seconds or milliseconds since 1970; 0 if it is none."""
    if isinstance(value, datetime):
        whole = value if value.tzinfo else value.replace(tzinfo=UTC)
        return round(whole.timestamp() * 1e6)
    if isinstance(value, date):
        return moment(datetime(value.year, value.month, value.day, tzinfo=UTC))
    amount = number(value)
    if amount is not None:
        if not math.isfinite(amount) or not 1e8 < amount < 1e17:
            return 0
        return round(amount * (1e6 if amount < 1e11 else 1e3 if amount < 1e14 else 1))
    if isinstance(value, str):
        try:
            return moment(datetime.fromisoformat(value.strip()))
        except (ValueError, OverflowError):
            return 0
    return 0


def cell(text: str) -> Any:
    """A cell of a text file as the value it writes; None where it is empty."""
    text = text.strip()
    if not text:
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return int(text) if len(text) < 19 and "_" not in text else text
    except ValueError:
        pass
    try:
        found = float(text) if "_" not in text else None
    except ValueError:
        return text
    # What JSON cannot hold stays a text: as a number it is read again where one is wanted.
    return found if found is not None and math.isfinite(found) else text
