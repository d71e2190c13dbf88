"""The names one may ask for: what the reference lists, the parser knows and completion offers.

A field is an attribute of the run (``status``, ``attributes.name``) or a key behind a prefix
(``params.lr``, ``metrics."val/acc".max``). Names of attributes and prefixes may be written in
any case, keys exactly as they were logged. A key needs quotes, ``"..."`` or backticks, where it
holds other characters than letters, digits and ``_ - . / : @ +``; a quote in a quoted key is
written twice.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from notabene.model.records import STATUSES, VERDICTS
from notabene.query.ast import Field, FieldKind

Type = Literal["text", "choice", "number", "duration", "time", "bool", "any"]

LOST_AFTER = 120_000_000
"""µs without a sign of life after which a running run reads as ``lost``."""


class Attribute(NamedTuple):
    """Something that every run has.

    Attributes:
        name: How it is asked for.
        type: What it is compared with.
        doc: One line for the reference.
        aliases: Other names, MLflow's among them.
        choices: All values it can have, where these are few.
    """

    name: str
    type: Type
    doc: str
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


class Prefix(NamedTuple):
    """A place where keys are found.

    Attributes:
        name: How it is written before the dot.
        kind: What its fields are.
        type: What they are compared with.
        doc: One line for the reference.
        aliases: Other names, MLflow's among them.
        keys: The only keys there are, where these are known.
    """

    name: str
    kind: FieldKind
    type: Type
    doc: str
    aliases: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


ATTRIBUTES = (
    Attribute("id", "text", "The run's id.", ("run_id",)),
    Attribute("name", "text", "The run's name.", ("run_name", "run name")),
    Attribute("project", "text", "The project it belongs to."),
    Attribute(
        "status",
        "choice",
        "running, finished, failed, stopped, killed or lost.",
        choices=STATUSES,
    ),
    Attribute("created", "time", "When the run came to be."),
    Attribute("started", "time", "When its first process began.", ("start_time",)),
    Attribute("ended", "time", "When it ended; absent while it runs.", ("end_time",)),
    Attribute("updated", "time", "When the newest record or point was logged."),
    Attribute("duration", "duration", "From start to end, or to the newest sign of life."),
    Attribute("user", "text", "Who ran it.", ("user_id",)),
    Attribute("host", "text", "The machine it ran on."),
    Attribute("group", "text", "The group it was put in."),
    Attribute("parent", "text", "Id of the run that started it."),
    Attribute("source", "text", "What made it: sdk, command, mlflow, wandb or an importer."),
    Attribute("hypothesis", "text", "What it was meant to show."),
    Attribute("conclusion", "text", "What it showed."),
    Attribute("verdict", "choice", "supported, refuted or unclear.", choices=VERDICTS),
    Attribute("reason", "text", "Why it ended, in one line: ValueError: bad learning rate."),
    Attribute("exit_code", "number", "Exit code of its process."),
    Attribute("points", "number", "How many points were logged."),
    Attribute("ranks", "number", "How many ranks logged."),
    Attribute("number", "number", "Its number in the project; 0 where it has none."),
    Attribute("archived", "bool", "Put aside."),
    Attribute("deleted", "bool", "In the trash."),
)

PREFIXES = (
    Prefix("attributes", "attribute", "any", "All of the above.", ("attribute", "attr", "run")),
    Prefix(
        "params",
        "param",
        "any",
        "Config, by dotted path.",
        ("param", "parameters", "parameter", "config"),
    ),
    Prefix(
        "metrics",
        "metric",
        "number",
        "Metrics; a statistic may follow, else it is the last value.",
        ("metric",),
    ),
    Prefix("tags", "tag", "text", "Tags; a plain tag has the value ''.", ("tag",)),
    Prefix("summary", "summary", "any", "Summary values, set by hand or by a metric's rule."),
    Prefix(
        "inputs",
        "input",
        "text",
        "Artifacts and datasets the run read; true if one of them fits.",
        ("input", "datasets", "dataset"),
        ("name", "digest", "role"),
    ),
    Prefix(
        "outputs",
        "output",
        "text",
        "Artifacts the run made; true if one of them fits.",
        ("output",),
        ("name", "digest", "role"),
    ),
    Prefix("git", "fact", "any", "The repository: git.commit, git.branch, git.dirty."),
    Prefix("code", "fact", "any", "The code that ran: code.script, code.module, code.notebook."),
    Prefix("env", "fact", "any", "The environment: env.python, env.os, env.container."),
    Prefix("host", "fact", "any", "The machine: host.name, host.cpu, host.memory."),
    Prefix("gpu", "fact", "any", "Its accelerators: gpu.name, gpu.count."),
    Prefix("process", "fact", "any", "How it was called: process.command, process.cwd."),
    Prefix("launch", "fact", "any", "What launched it: launch.scheduler, launch.job."),
    Prefix("facts", "fact", "any", 'Any captured fact by its full name: facts."git.commit".'),
)

STATISTICS = {
    "last": "The value at the largest step.",
    "min": "The least finite value.",
    "max": "The greatest finite value.",
    "mean": "The mean of the finite values.",
    "best": "min or max, by the metric's goal; absent without one.",
    "first": "The value at the smallest step.",
    "n": "How many points.",
    "nan": "How many NaN.",
    "inf": "How many +Inf and -Inf.",
    "last_step": "The largest step.",
    "min_step": "The step of the least finite value.",
    "max_step": "The step of the greatest finite value.",
}

REFUSED = {
    "artifact_uri": "where artifacts lie is not searched",
    "experiment_id": "experiments are projects here: ask project = 'name'",
    "lifecycle_stage": "ask deleted = true or deleted = false",
}
"""What MLflow's users may look for in vain, and what to do."""

FULL_NAME = "facts"
"""The prefix that is no part of the fact's name."""

BY_NAME = {name: a for a in ATTRIBUTES for name in (a.name, *a.aliases)}
BY_PREFIX = {name: p for p in PREFIXES for name in (p.name, *p.aliases)}
BY_KIND = {p.kind: p for p in reversed(PREFIXES)}
EDGE_KEYS = {"context": "role"}
"""MLflow's word for what a dataset was used for."""

CELL_KINDS = {"param": 1, "tag": 2, "summary": 3, "fact": 4, "metric": 5}
"""The number under which stores keep the values of a kind."""


def type_of(field: Field) -> Type:
    """What a field is compared with."""
    if field.kind == "attribute":
        return BY_NAME[field.name].type
    return BY_KIND[field.kind].type


def keyed(field: Field) -> tuple[int, str] | None:
    """Number of the kind, and key, under which stores keep the field; None for other fields."""
    number = CELL_KINDS.get(field.kind)
    return None if number is None else (number, field.name)
