"""Print: tables that fit the terminal, JSON for programs, times and numbers for people."""

from __future__ import annotations

import functools
import math
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from notabene._ids import now_us
from notabene.errors import UsageError
from notabene.settings import Settings, environment

if TYPE_CHECKING:
    from notabene.api import Api

F = TypeVar("F", bound=Callable[..., Any])

STATUS_COLOURS = {
    "running": "blue",
    "finished": "green",
    "failed": "red",
    "stopped": "yellow",
    "killed": "red",
    "lost": "magenta",
}


def common(function: F) -> F:
    """The options that every verb has: ``--store`` and ``--json``."""
    function = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)
    return click.option("--store", type=click.Path(), help="Folder of the store.")(function)


def listing(function: F) -> F:
    """The options of verbs that print lists: ``--fields`` and ``--limit``."""
    function = click.option(
        "--fields", help="Print only these, separated by commas: id,config.lr,summary.loss"
    )(function)
    return click.option(
        "-n", "--limit", type=click.IntRange(min=0), help="At most so many; 0 means all."
    )(function)


def with_api(function: F) -> F:
    """Open the store, hand the Api over as first argument, close it."""

    @functools.wraps(function)
    def call(*args: Any, store: str | None = None, **kwargs: Any) -> Any:
        with open_api(store) as api:
            result = function(api, *args, **kwargs)
            if seconds := Settings()["seal"]:
                api.seal(seconds=seconds)
            return result

    return call  # type: ignore[return-value]  # the wrapper takes what click gives


def open_api(store: str | None) -> Api:
    """The Api of the store that the command line names, else of the settings."""
    from notabene.api import Api

    return Api(store_of(store))


def store_of(store: str | None) -> str | None:
    """The store option of the verb, else that before the verb."""
    context = click.get_current_context(silent=True)
    outer = context.find_root().obj if context is not None else None
    return store or (outer or {}).get("store")


# -- where it goes -------------------------------------------------------------------------


def is_terminal() -> bool:
    """Whether a person looks at the output."""
    return sys.stdout.isatty()


def colours() -> bool:
    """Whether to use colour: a terminal, and nobody said no (https://no-color.org)."""
    env = environment()
    return is_terminal() and not env.get("NO_COLOR") and env.get("TERM") != "dumb"


def width() -> int:
    """Columns of the terminal; 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def unicode_ok() -> bool:
    """Whether the output can show more than ASCII."""
    encoding = (getattr(sys.stdout, "encoding", "") or "ascii").lower()
    return "utf" in encoding


_UNSEEN = re.compile(
    r"(\x1b\[[0-9;:]*m)"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Colours and styles; what moves the cursor, speaks to the terminal, or turns the writing round."""


def clean(text: str, *, styled: bool = False) -> str:
    """Text of the notebook as it may go to a terminal: what would command it, is made visible.

    Args:
        text: May hold anything that a run, a person or another tool wrote.
        styled: Colours in it are meant; they go where there is no colour.
    """
    keep = styled and colours()

    def stand_in(match: re.Match[str]) -> str:
        if styled and match[1]:
            return match[1] if keep else ""
        return "\N{REPLACEMENT CHARACTER}" + (match[1] or "")[1:]

    text = _UNSEEN.sub(stand_in, text.replace("\r\n", "\n"))
    if not unicode_ok():
        text = text.encode("ascii", "replace").decode()
    return text


def say(
    text: str = "", *, colour: str = "", bold: bool = False, end: str = "\n", styled: bool = False
) -> None:
    """Print a line; see :func:`clean`."""
    text = clean(text, styled=styled)
    if (colour or bold) and colours():
        text = click.style(text, fg=colour or None, bold=bold)
    sys.stdout.write(text + end)
    sys.stdout.flush()


def hint(text: str) -> None:
    """Print a line to stderr, so that pipes stay clean."""
    sys.stderr.write(clean(text) + "\n")


def fail(form: dict[str, Any], code: int, *, as_json: bool, text: str) -> int:
    """Print an error, as JSON on stdout where that was asked for, and give the exit code."""
    if as_json:
        sys.stdout.write(encode_json({"error": {**form, "exit_code": code}}) + "\n")
    else:
        label = click.style("error:", fg="red") if sys.stderr.isatty() else "error:"
        sys.stderr.write(f"{label} {clean(text)}\n")
    return code


# -- JSON ----------------------------------------------------------------------------------


def encode_json(value: Any, *, indent: int = 2) -> str:
    """JSON with NaN and the infinities as ``"NaN"``, ``"Infinity"``, ``"-Infinity"``.

    Where the output takes no Unicode, other characters than ASCII are written ``\\u00e9``.
    ``indent=-1`` writes one line.
    """
    from notabene.cli.jsonable import jsonable

    text = msgspec.json.format(msgspec.json.encode(jsonable(value)), indent=indent).decode()
    return text if unicode_ok() else re.sub(r"[^\x00-\x7f]", _escaped, text)


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def print_json(value: Any, fields: str | None = None) -> None:
    """Print a value, or the chosen fields of it (of each of its items)."""
    if fields:
        from notabene.cli.jsonable import jsonable

        names = split_fields(fields)
        plain = jsonable(value)
        check_fields(names, plain if isinstance(plain, list) else [plain])
        rows = [pick(item, names) for item in plain] if isinstance(plain, list) else None
        value = pick(plain, names) if rows is None else rows
    sys.stdout.write(encode_json(value) + "\n")


def print_fields(items: Sequence[Any], fields: str) -> None:
    """Print a table of the chosen fields of documents."""
    names = split_fields(fields)
    check_fields(names, items)
    rows = [[figure(dig(item, name)) for name in names] for item in items]
    print_table([name.upper() for name in names], rows)


def split_fields(fields: str) -> list[str]:
    """``"id, summary.loss"`` -> ``["id", "summary.loss"]``."""
    names = [name.strip() for name in fields.split(",") if name.strip()]
    if not names:
        raise UsageError("--fields names nothing", hint="--fields id,name,status")
    return names


def check_fields(names: Iterable[str], items: Iterable[Any]) -> None:
    """Refuse a field whose first word none of the items has; what it goes on with may be absent.

    Raises:
        UsageError: There is no such field.
    """
    known = {key for item in items if isinstance(item, dict) for key in item}
    for name in names:
        if known and name not in known and name.partition(".")[0] not in known:
            raise UsageError(
                f"there is no field {name!r}", hint=f"there are {', '.join(sorted(known))}"
            )


def pick(item: Any, names: Iterable[str]) -> dict[str, Any]:
    """Values of dotted names; a key that holds dots itself is found as well."""
    return {name: dig(item, name) for name in names}


def dig(item: Any, name: str) -> Any:
    """The value at a dotted name in nested mappings, or None."""
    if not isinstance(item, dict):
        return None
    if name in item:
        return item[name]
    for key, value in item.items():
        if name.startswith(f"{key}."):
            found = dig(value, name[len(key) + 1 :])
            if found is not None:
                return found
    return None


# -- numbers and times ---------------------------------------------------------------------


def figure(value: Any) -> str:
    """A value in as few characters as say it: ``0.0312``, ``1,200,000``, ``3.1e-08``."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        if math.isinf(value):
            return "inf" if value > 0 else "-inf"
        if value == int(value) and abs(value) < 1e6:
            return str(int(value))
        return f"{value:.4g}"
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def ago(stamp: int) -> str:
    """``3 min ago`` for a time in µs."""
    if not stamp:
        return ""
    seconds = max(0, (now_us() - stamp) // 1_000_000)
    for size, word in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {word} ago"
    return f"{seconds} s ago"


def when(stamp: int) -> str:
    """Local date and time for a time in µs."""
    import datetime

    if not stamp:
        return ""
    moment = datetime.datetime.fromtimestamp(stamp / 1e6).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def took(seconds: float) -> str:
    """``3 h 12 min``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def counted(count: int, word: str) -> str:
    """``1 run``, ``1,200 runs``."""
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def size(count: int) -> str:
    """``12 KB``; powers of 1000, as disks are sold."""
    number = float(count)
    for word in ("B", "KB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {word}" if word == "B" or number >= 10 else f"{number:.1f} {word}"
        number /= 1000
    return f"{number:.1f} TB"


# -- tables --------------------------------------------------------------------------------


def print_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Iterable[int] = (),
    styles: dict[int, Callable[[str], str]] | None = None,
) -> None:
    """Print columns; on a terminal they are fitted, the widest cut first.

    Args:
        head: Titles.
        rows: Cells as text.
        right: Columns to align right.
        styles: For a column, the colour of a cell.
    """
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    most = width() if is_terminal() else 100_000
    lines = [[_one_line(cell) for cell in row] for row in rows]
    wide = [max(map(cell_len, cells)) for cells in zip(head, *lines, strict=True)]
    fitted = _fitted(wide, most - 2 * (len(wide) - 1))
    table = Table(
        box=None,
        show_header=any(head),
        pad_edge=False,
        header_style="bold" if colours() else "",
        padding=(0, 2, 0, 0),
    )
    rights = set(right)
    for at, title in enumerate(head):
        table.add_column(
            title,
            justify="right" if at in rights else "left",
            overflow="ellipsis" if unicode_ok() else "crop",
            no_wrap=True,
            max_width=fitted[at],
        )
    for row in lines:
        cells = []
        for at, cell in enumerate(row):
            style = (styles or {}).get(at)
            cells.append(Text(cell, style=style(cell) if style else ""))
        table.add_row(*cells)
    console = Console(
        width=most, no_color=not colours(), highlight=False, soft_wrap=not is_terminal()
    )
    with console.capture() as captured:
        console.print(table)
    # Rich pads each line to the table's width; blanks at the end help nobody.
    for line in captured.get().splitlines():
        say(line.rstrip(), styled=True)


def _one_line(text: str) -> str:
    return clean(text).replace("\n", " ").replace("\t", " ")


def _fitted(wide: list[int], room: int) -> list[int]:
    """Widths that fit into the room: the widest are cut to one width, narrow ones stay whole."""
    fitted, room = list(wide), max(room, len(wide))
    left, number = room, len(wide)
    for at in sorted(range(len(wide)), key=lambda at: wide[at]):
        fitted[at] = min(wide[at], left // number)
        left -= fitted[at]
        number -= 1
    return fitted


def status_style(cell: str) -> str:
    """Colour of a status."""
    return STATUS_COLOURS.get(cell.split(" ")[0], "")
