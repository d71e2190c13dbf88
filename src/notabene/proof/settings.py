"""Findings about parameters: what was parsed, read from the environment, or composed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from notabene.proof.findings import Evidence, Finding, uses
from notabene.proof.record import flat

_NOT_A_PARAMETER = re.compile(
    r"(run|exp|experiment|job|project|entity|group|wandb|mlflow)?_?(name|id|tags?|notes?)"
    r"|(out|output|save|log|logging|result|results|ckpt|checkpoint|checkpoints|artifact|figure"
    r"|plot|tensorboard|tb|cache|work|tmp)s?_?(dir|directory|path|file|folder|root|to)?"
    r"|temp_?(dir|directory|path|file|folder|root)"
    r"|o|v|q|verbose|verbosity|quiet|silent|debug|progress|log_?level|loglevel|dry_?run|help|yes"
    r"|project|entity|store|device|gpu|gpus|cuda|local_rank|node_rank|no_color"
    r"|(log|print|save|eval|report|plot|vis)_?(every|interval|freq|frequency|steps)"
    r"|wandb|no_wandb|use_wandb|mlflow|notabene|hypothesis|overwrite|force"
)
"""Names that decide where results go or how much is said, not what they are."""

_SURROUNDINGS = re.compile(
    r"HOME|USER|LOGNAME|USERNAME|PATH|PWD|OLDPWD|SHELL|TERM|COLORTERM|TMPDIR|TMP|TEMP|EDITOR|PAGER"
    r"|HOSTNAME|HOST|DISPLAY|COLUMNS|LINES|CI|NO_COLOR|FORCE_COLOR|LANG|LANGUAGE|LC_\w+|TZ"
    r"|VIRTUAL_ENV|CONDA_\w+|PYTHON\w*|LD_\w+|DYLD_\w+|XDG_\w+|SSH_\w+|JPY_\w+|JUPYTER\w*"
    r"|NOTABENE_\w+|WANDB_\w+|MLFLOW_\w+|SLURM_\w+|PBS_\w+|LSB_\w+|SGE_\w+|OMPI_\w+|PMI\w*"
    r"|RANK|LOCAL_RANK|WORLD_SIZE|LOCAL_WORLD_SIZE|NODE_RANK|GROUP_RANK|MASTER_ADDR|MASTER_PORT"
    r"|TORCHELASTIC_\w+|CUDA_VISIBLE_DEVICES|KUBERNETES_\w+|GITHUB_\w+|PROMPT|MPLBACKEND|MPLCONFIGDIR"
)
"""Variables that say where a program runs; those that matter are in the environment part."""

_THREADS = re.compile(r"\w*(NUM_THREADS|MAX_THREADS|NTHREADS|N_JOBS|NUM_WORKERS|NCPUS?|CORES)\w*")


def rules(evidence: Evidence) -> Iterator[Finding]:
    """Parameters that were used and not logged."""
    logged = Logged(evidence.logged)
    parameters = evidence.record.parameters
    read = {one.path for one in evidence.record.data.read}
    declared = declarations(evidence)
    for option in parameters.options:
        logged.claim(option.name)
    files = _Paths(evidence, read)
    for option in parameters.options if logs(evidence) else ():
        if is_parameter(option.name) and not files.names(option.value):
            if option.value is None or logged.has(option.name, option.value):
                continue
            yield _unlogged(
                f"--{option.name.replace('_', '-')}={shown(option.value)} used, not logged",
                declared.get(plain(option.name)) or option.where,
                f"log it: config={{'{option.name}': …}}",
            )
    for settings in parameters.settings:
        if settings.source == "hydra":
            yield from _composed(settings.values, settings.where, logged)
    if not parameters.options:
        yield from _words(evidence, logged, files)
    yield from _variables(evidence, logged, files)


def _variables(evidence: Evidence, logged: Logged, files: _Paths) -> Iterator[Finding]:
    parameters = evidence.record.parameters
    for variable in parameters.variables:
        if is_of_surroundings(variable.name):
            continue
        if variable.value is not None and logged.has(variable.name, variable.value):
            continue
        if files.names(variable.value):
            continue
        said = "not set" if variable.value is None else f"={shown(variable.value)}"
        threads = _THREADS.fullmatch(variable.name)
        yield Finding(
            kind="threads" if threads else "env-read",
            what=f"reads ${variable.name} ({said}), not logged",
            where=variable.where,
            fix=f"log it: config={{'{variable.name}': os.environ.get('{variable.name}')}}",
            severity="gap" if variable.value is not None else "risk",
            recorded=True,
        )


def is_of_surroundings(name: str) -> bool:
    """Whether a variable says who runs the program, and where."""
    return _SURROUNDINGS.fullmatch(name) is not None


def logs(evidence: Evidence) -> bool:
    """Whether the program itself could log its options.

    Under ``notabene run`` a program that knows nothing of notabene logs nothing; its options are
    recorded, and what of them changes from run to run is told (:mod:`notabene.proof.since`).
    """
    if evidence.record.process.get("kind") != "program":
        return True
    return any(
        use.call.partition(".")[0] == "notabene"
        for facts in evidence.facts.values()
        for use in facts.imports
    )


def declarations(evidence: Evidence) -> dict[str, str]:
    """Where options are declared, ``{plain name: file:line}``."""
    found: dict[str, str] = {}
    for path, facts in evidence.facts.items():
        for use in facts.options:
            found.setdefault(plain(use.call), f"{path}:{use.line}")
    return found


def is_parameter(name: str) -> bool:
    """Whether an option of this name decides about results."""
    return _NOT_A_PARAMETER.fullmatch(name.strip("-").replace("-", "_").lower()) is None


def _unlogged(what: str, where: str, fix: str) -> Finding:
    return Finding(kind="unlogged-parameter", what=what, where=where, fix=fix, recorded=True)


def _composed(values: Any, where: str, logged: Logged) -> Iterator[Finding]:
    leaves = flat(values) if isinstance(values, Mapping) else {}
    missing = [
        (name, value)
        for name, value in leaves.items()
        if value is not None and is_parameter(name.rpartition(".")[2])
        if not logged.has(name, value)
    ]
    for name, value in missing[:10]:
        yield _unlogged(
            f"{name}={shown(value)} of hydra's config used, not logged",
            where,
            "log it all: notabene.init(config=cfg)",
        )


def _words(evidence: Evidence, logged: Logged, files: _Paths) -> Iterator[Finding]:
    """Words of the command line that the program takes from sys.argv itself."""
    where = next((place for place, _ in uses(evidence, "argv")), "")
    for place, use in uses(evidence, "imports"):
        if not where and use.call.partition(".")[0] in _PARSERS:
            where = place
    if not where:
        return
    places = evidence.record.parameters.places
    for name, value in evidence.record.parameters.arguments.items():
        by_name = "" if name.isdigit() else name
        if name in places or files.names(value) or logged.has(by_name, value):
            continue
        if not by_name or is_parameter(by_name):
            yield _unlogged(
                f"{shown(value)} of the command line used, not logged", where, "log it in config="
            )


class _Paths:
    """Whether a value is the path of something that the record holds anyway."""

    def __init__(self, evidence: Evidence, read: set[str]) -> None:
        data = evidence.record.data
        self._root, self._folder = data.root, data.folder
        written = {one.path for one in data.written}
        listed = {one.path for one in data.listed}
        sources = {one.path for one in evidence.record.sources.files}
        self._known = {self._full(path) for path in read | written | listed | sources}

    def _full(self, path: str) -> str:
        return os.path.normpath(os.path.join(self._root, path))

    def names(self, value: Any) -> bool:
        """Whether it is the path of a file, or of a folder with files, that the run touched."""
        if not isinstance(value, str) or not value or len(value) > 4096:
            return False
        full = os.path.normpath(os.path.join(self._folder or self._root, value))
        inside = full.rstrip(os.sep) + os.sep
        return any(path == full or path.startswith(inside) for path in self._known)


class Logged:
    """What was logged, looked up by name as people abbreviate it, or by value.

    A value counts only where no option of another name accounts for it, and where it is telling:
    0, 1 and True are found anywhere.
    """

    def __init__(self, logged: Mapping[str, Any]) -> None:
        self._values: dict[str, list[Any]] = {}
        for name, value in logged.items():
            for key in {plain(name), plain(name.rpartition(".")[2])}:
                self._values.setdefault(key, []).append(value)
        self._free = {plain(name.rpartition(".")[2]): value for name, value in logged.items()}

    def claim(self, name: str) -> None:
        """An option of this name exists: a logged value of that name is its own."""
        self._free.pop(plain(name), None)

    def has(self, name: str, value: Any) -> bool:
        """Whether a parameter was logged."""
        keys = {plain(name), plain(name.rpartition(".")[2])} - {""}
        if any(key in self._values or _LONG.get(key) in self._values for key in keys):
            return True
        if any(_SHORT.get(key) in self._values for key in keys):
            return True
        return telling(value) and any(same(value, other) for other in self._free.values())


_LONG = {
    "lr": "learningrate",
    "wd": "weightdecay",
    "bs": "batchsize",
    "epochs": "numepochs",
    "nepochs": "epochs",
    "seed": "randomseed",
    "dim": "hiddendim",
    "nlayers": "numlayers",
    "nestimators": "trees",
    "c": "regularization",
    "tau": "temperature",
    "temp": "temperature",
}
_PARSERS = {"fire", "docopt", "docoptng", "plac", "getopt", "clize", "defopt", "cyclopts", "tyro"}
"""Libraries that take the command line apart themselves, and are not watched."""
_SHORT = {long: short for short, long in _LONG.items()}


def plain(name: str) -> str:
    """A name without what people write differently."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def telling(value: Any) -> bool:
    """Whether finding a value elsewhere says that it is the same parameter."""
    if isinstance(value, str):
        try:
            return telling(float(value))
        except ValueError:
            return len(value) >= 3
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, int | float):
        return value != value or abs(value) > 16 or float(value) != int(value)
    return bool(value)


def same(value: Any, other: Any) -> bool:
    """Equal values, also where one of them is text."""
    if value == other:
        return True
    try:
        return not isinstance(other, bool) and float(value) == float(other)
    except (TypeError, ValueError):
        return str(value) == str(other)


def shown(value: Any) -> str:
    """A value for a line of text."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
