"""What makes two runs the same experiment: five tables of what went in, and their digests.

``code`` by the meaning of each file, ``arguments`` by name, ``data`` by content, ``environment``
by what numbers hang on, ``seeds``. Where results go and how much is said does not count.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from notabene.capture.inputs import called
from notabene.capture.observed import ASKED_ABOUT_MACHINES
from notabene.model.canonical import digest_json
from notabene.model.evidence import Option
from notabene.proof.record import Record, flat
from notabene.proof.settings import is_parameter

if TYPE_CHECKING:
    from notabene.proof.source.facts import Facts

PATH = "<path>"
"""Stands for an argument that names a file or folder: what counts is the content."""
ABSENT, UNREAD = "absent", "not read yet"
WALK = "$*"
"""Before a pattern of variables that a line looked for; the argument's value: their names."""
STDIN, URL = "standard input", "url "
"""Data keys of what comes in otherwise than by files; behind the second the address stands."""

_SEED = re.compile(r"(.*[._-])?(random_?)?(seed|seeds|random_?state|rng)([._-].*)?", re.IGNORECASE)
_NUMERICS = re.compile(
    r".*NUM_THREADS|.*MAX_THREADS|MKL_\w+|OPENBLAS_\w+|BLIS_\w+|KMP_\w+|OMP_\w+|CUBLAS_\w+"
    r"|CUDA_LAUNCH\w+|NVIDIA_TF32\w*|TORCH_\w*TF32\w*|TF_DETERMIN\w+|TF_CUDNN\w+|XLA_\w+|JAX_\w+"
    r"|PYTHONHASHSEED|PYTHONOPTIMIZE|PYTHONUTF8|PYTHONIOENCODING|NPY_\w+|LC_\w+|LANG|LANGUAGE|TZ"
    r"|CUDA_VISIBLE_DEVICES"
)


class Tables(msgspec.Struct, kw_only=True):
    """What went into a run.

    Attributes:
        code: ``{path: {"sha", "code", "without_seeds", "without_constants"}}``.
        arguments: Words of the command line by name, and ``$NAME`` for variables that were read.
        defaults: What options have where the command line does not name them.
        default_places: Of those, which are paths, as they are written.
        data: ``{key: digest}``; see :func:`data_key`; ``absent`` for what was not there.
        environment: ``{"python", "packages", "machine", ...}``; packages by name.
        seeds: Arguments and variables that are named like seeds.
        config: What was logged as config and is no argument; empty where it is not known.
        constants: ``{path: {name: [value, line]}}`` of the sources.
        outputs: ``{path: digest}`` of what was written.
        signs: ``{key: digest}`` of names, sizes and times of folders with very many files.
    """

    code: dict[str, dict[str, str]] = {}
    arguments: dict[str, str] = {}
    defaults: dict[str, str] = {}
    default_places: dict[str, str] = {}
    data: dict[str, str] = {}
    environment: dict[str, Any] = {}
    seeds: dict[str, str] = {}
    config: dict[str, str] = {}
    constants: dict[str, dict[str, list[Any]]] = {}
    outputs: dict[str, str] = {}
    signs: dict[str, str] = {}


def tables(record: Record, facts: Mapping[str, Facts]) -> Tables:
    """The tables of a recorded run."""
    named = record.parameters.arguments
    found = Tables(
        arguments={k: v for k, v in named.items() if counts(k) and not is_seed(k)},
        seeds={k: v for k, v in named.items() if is_seed(k)},
        environment=environment_table(record.environment, record.hardware),
        config=config_table(flat(record.config)),
    )
    for source in record.sources.files:
        fact = facts.get(source.path)
        if fact is None:
            found.code[source.path] = {"sha": source.digest, "code": source.digest}
            continue
        found.code[source.path] = {
            "sha": source.digest,
            "code": fact.code,
            "without_seeds": fact.code_without_seeds,
            "without_constants": fact.code_without_constants,
        }
        found.constants[source.path] = {c.name: [c.value, c.line] for c in fact.constants}
    for option in record.parameters.options:
        if counts(option.name):
            _default(option, record, found)
    places = places_of(record)
    for variable in record.parameters.variables:
        name = f"${variable.name}"
        value = "" if variable.value is None else variable.value
        value = PATH if name in places else value
        (found.seeds if is_seed(variable.name) else found.arguments)[name] = value
    for walk in record.parameters.walks:
        found.arguments[f"{WALK}{walk.pattern}"] = " ".join(walk.names)
    _data(record, found)
    found.environment |= _reached(record)
    found.outputs = {one.path: one.digest for one in record.data.written[:1000] if one.digest}
    return found


def _reached(record: Record) -> dict[str, Any]:
    """Programs by name, submodules by path, and the working folder: part of the environment."""
    programs = {
        os.path.basename(one.path): one.digest[:16]
        for one in record.outside.programs
        if one.digest and not is_harmless(one.words)
    }
    modules = record.code.get("git", {}).get("submodules") or ()
    submodules = {one["path"]: one.get("commit", "") for one in modules if "path" in one}
    folder = os.path.relpath(record.data.folder, record.data.root) if record.data.folder else ""
    return {"programs": programs, "submodules": submodules, "folder": folder}


HARMLESS = ASKED_ABOUT_MACHINES | frozenset(
    "sleep echo mkdir rm cp mv ls touch chmod gcc cc c++ g++ ld objdump cat test".split()
)
"""Programs that are asked about the machine, or move files about."""


def is_harmless(words: Sequence[str]) -> bool:
    """Whether a program that was started gives the run nothing; Python is watched by itself."""
    name = os.path.basename(called(words))
    return not name or name in HARMLESS or name.startswith("python")


def places_of(record: Record) -> dict[str, str]:
    """Arguments, and variables as ``$NAME``, that name files or folders the run touched."""
    found = dict(record.parameters.places)
    data = record.data
    touched = [
        os.path.normpath(os.path.join(data.root, one.path))
        for many in (data.read, data.written, data.missing, data.listed)
        for one in many
    ]
    for variable in record.parameters.variables:
        if variable.value and len(variable.value) < 4096 and os.sep in variable.value:
            full = os.path.normpath(os.path.join(data.folder or data.root, variable.value))
            if any(path == full or path.startswith(full + os.sep) for path in touched):
                found[f"${variable.name}"] = full
    return found


def _default(option: Option, record: Record, found: Tables) -> None:
    named = option.name in record.parameters.arguments
    value = option.default if named else option.value
    if option.name in record.parameters.places and isinstance(value, str):
        found.defaults[option.name] = PATH
        found.default_places[option.name] = value
    else:
        found.defaults[option.name] = canonical_value(value)


class Spot(NamedTuple):
    """A file behind a data key, and the line that opened it."""

    path: str
    where: str


def keys_of(record: Record) -> dict[str, Spot]:
    """Data keys of what a run read, listed and looked for."""
    data, places = record.data, places_of(record)
    found: dict[str, Spot] = {}
    for one in data.read:
        key = data_key(one.path, data.root, data.folder, places, one.given)
        found.setdefault(key, Spot(one.path, one.where))
    for gone in data.missing:
        key = data_key(gone.path, data.root, data.folder, places, gone.given)
        found.setdefault(key, Spot(gone.path, gone.where))
    if record.outside.stdin is not None:
        found[STDIN] = Spot(record.outside.stdin.path or STDIN, record.outside.stdin.where)
    for reply in record.outside.replies:
        found.setdefault(f"{URL}{reply.address}", Spot(reply.address, reply.where))
    for listing in data.listed:
        key = data_key(listing.path, data.root, data.folder, places, listing.given)
        found[f"list {key}"] = Spot(listing.path, listing.where)
    return found


def _data(record: Record, found: Tables) -> None:
    data, places = record.data, places_of(record)
    for one in data.read:
        key = data_key(one.path, data.root, data.folder, places, one.given)
        found.data[key] = one.digest or (f"size:{one.size}:{one.mtime}" if one.size else one.note)
    for missing in data.missing:
        key = data_key(missing.path, data.root, data.folder, places, missing.given)
        found.data.setdefault(key, ABSENT)
    for listing in data.listed:
        key = data_key(listing.path, data.root, data.folder, places, listing.given)
        found.data[f"list {key}"] = listing.digest
    if record.outside.stdin is not None:
        given = record.outside.stdin
        # Of a file all counts, though the program may not have read it to its end.
        whole = found.data.pop(given.path, "") if given.path else ""
        found.data[STDIN] = whole or given.digest
    replies: dict[str, list[str]] = defaultdict(list)
    for reply in record.outside.replies:
        replies[f"{URL}{reply.address}"].append(reply.digest)
    for key, digests in replies.items():
        found.data[key] = digests[0] if len(digests) == 1 else digest_json(digests)
    for one_set in data.sets:
        key = data_key(one_set["path"], data.root, data.folder, places, "")
        found.data[f"set {key}"] = one_set["digest"]
        found.signs[key] = one_set.get("sign", "")


def data_key(path: str, root: str, folder: str, places: Mapping[str, str], given: str) -> str:
    """How a file is named where data may lie elsewhere with the same content.

    Args:
        path: Relative to the root, or absolute.
        root: Top folder of the project.
        folder: Working folder of the run.
        places: Arguments that name files or folders: name → absolute path.
        given: ``relative`` where the program named it relative to its working folder.

    Returns:
        ``--data:train.csv`` below what an argument names, ``./x`` relative to the working
        folder, ``x`` relative to the root, else the absolute path.
    """
    full = os.path.normpath(os.path.join(root, path))
    for name, place in places.items():
        if full == place:
            return f"--{name}:"
        if full.startswith(place.rstrip(os.sep) + os.sep):
            return f"--{name}:{os.path.relpath(full, place)}"
    if given == "relative" and folder:
        return f"./{os.path.relpath(full, folder)}"
    return path


def shown_key(key: str) -> str:
    """A data key as people read it."""
    key = key.removeprefix(URL)
    return key.removeprefix("list ").removeprefix("set ").removeprefix("./").rstrip(":")


def where_is(key: str, root: str, folder: str, places: Mapping[str, str]) -> str:
    """The inverse of :func:`data_key` for a run that is about to begin; empty if it cannot be."""
    if key.startswith("--"):
        name, _, inside = key[2:].partition(":")
        place = places.get(name, "")
        return os.path.normpath(os.path.join(place, inside)) if place else ""
    if key.startswith("./"):
        return os.path.normpath(os.path.join(folder, key))
    return os.path.normpath(os.path.join(root, key))


def arguments_of(words: Sequence[str], folder: str) -> tuple[dict[str, str], dict[str, str]]:
    """A command line by name, and which of its values are paths.

    ``--lr 0.1``, ``--lr=0.1``, ``-l 0.1``, hydra's ``optim.lr=0.1``, and positions by number. What
    is given more than once has all its values.

    Returns:
        Arguments (a path's value is ``<path>``), and ``{name: absolute path}``.
    """
    found: dict[str, str] = {}
    places: dict[str, str] = {}
    for name, text, *_ in spelled(words):
        full = os.path.normpath(os.path.join(folder, os.path.expanduser(text)))
        is_path = 0 < len(text) < 4096 and not _is_number(text) and os.path.exists(full)
        if is_path:
            places[name] = full
        value = PATH if is_path else canonical_value(text)
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found, places


class Spelled(NamedTuple):
    """One argument of a command line: at which word it begins, and how many it has."""

    name: str
    value: str
    at: int
    words: int


def spelled(words: Sequence[str]) -> Iterator[Spelled]:
    """The arguments of a command line in their order, an option without a value as ``true``."""
    at = position = 0
    while at < len(words):
        word, count = words[at], 1
        match = re.fullmatch(
            r"(-{1,2}[A-Za-z][\w.-]*|\+{0,2}[A-Za-z_][\w./@-]*)(=)(.*)", word, re.DOTALL
        )
        if match:
            name, value = match[1].lstrip("-+"), match[3]
        elif re.fullmatch(r"-{1,2}[A-Za-z][\w.-]*", word):
            takes = at + 1 < len(words) and not re.match(r"-{1,2}[A-Za-z]", words[at + 1])
            name, value, count = word.lstrip("-"), words[at + 1] if takes else "true", 1 + takes
        else:
            position += 1
            name, value = str(position), word
        yield Spelled(name.replace("-", "_"), value, at, count)
        at += count


def canonical_value(value: Any) -> str:
    """A value as text, numbers in one spelling: ``1e-3`` and ``0.001`` are the same."""
    text = str(value)
    try:
        return repr(int(text))  # to the last digit: seeds have 64 bits and more
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    return repr(int(number)) if number.is_integer() and abs(number) < 1e22 else repr(number)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def counts(name: str) -> bool:
    """Whether an argument of this name belongs to the experiment."""
    return name.isdigit() or is_parameter(name)


def is_seed(name: str) -> bool:
    """Whether a name is that of a seed."""
    return _SEED.fullmatch(name.lstrip("-$").replace("-", "_")) is not None


def environment_table(
    environment: Mapping[str, Any], hardware: Mapping[str, Any]
) -> dict[str, Any]:
    """What numbers may hang on."""
    python = environment.get("python", {})
    system = environment.get("os", {})
    # What the program sets by itself is its code, or that of a library.
    variables = {**environment.get("variables", {}), **environment.get("variables_before", {})}
    packages = environment.get("packages", {})
    gpus = hardware.get("gpus") or hardware.get("gpu") or []
    cpu = hardware.get("cpu", {})
    return {
        "python": python.get("version", ""),
        "packages": _packages(packages),
        "machine": system.get("machine", ""),
        "libc": system.get("libc", ""),
        "cpu": cpu.get("model", cpu.get("name", "")) if isinstance(cpu, Mapping) else str(cpu),
        "gpu": [gpu.get("name", "") for gpu in gpus if isinstance(gpu, Mapping)],
        "locale": environment.get("locale", {}),
        "zone": _zone(environment.get("time_zone", "")),
        "variables": numerics({k: v for k, v in variables.items() if v is not None}),
        "threads": environment.get("threads", {}),
    }


def numerics(variables: Mapping[str, str]) -> dict[str, str]:
    """Of variables those that numbers, their order or their spelling hang on."""
    return {k: v for k, v in sorted(variables.items()) if _NUMERICS.fullmatch(k)}


def _zone(zone: Any) -> Any:
    """The zone's name: summer time comes and goes."""
    if isinstance(zone, Mapping):
        return zone.get("name") or zone.get("offset", "")
    return zone


def _packages(packages: Any) -> dict[str, str]:
    if isinstance(packages, Mapping):
        return {
            str(k): str(v if not isinstance(v, Mapping) else v.get("version", v))
            for k, v in packages.items()
        }
    found: dict[str, str] = {}
    for one in packages if isinstance(packages, list) else ():
        if isinstance(one, Mapping) and "name" in one:
            found[str(one["name"])] = str(one.get("version", ""))
    return found


_ABOUT = re.compile(
    r"(?i)(start_?|end_?|created_?|launch_?)?(date|time|timestamp|datetime)|host(name)?|user(name)?"
    r"|pid|cwd|argv|command|git.*|commit|sha|branch|slurm.*|job_?id|world_?size|version"
)
MOST_CONFIG = 500


def config_table(config: Mapping[str, Any]) -> dict[str, str]:
    """What of a config, flat, belongs to the experiment; at most 500 entries."""
    found: dict[str, str] = {}
    for name in sorted(config):
        last = str(name).rpartition(".")[2]
        if is_parameter(last) and not _ABOUT.fullmatch(last) and len(found) < MOST_CONFIG:
            found[str(name)] = canonical_value(config[name])[:1000]
    return found


def value_of(name: str, environ: Mapping[str, str]) -> str:
    """The value of an argument that begins with ``$``, empty where it is not set."""
    if not name.startswith(WALK):
        return environ.get(name[1:], "")
    words = name.removeprefix(WALK).split("|")
    exact = {word for word in words if not word.endswith("*")}
    beginnings = tuple(word[:-1] for word in words if word.endswith("*"))
    return " ".join(
        sorted(key for key in environ if key.lower() in exact or key.lower().startswith(beginnings))
    )


def effective(found: Tables) -> str:
    """Digest of a run's arguments, those that were left at their defaults included."""
    defaults = {name: value for name, value in found.defaults.items() if not is_seed(name)}
    return digest_json({**defaults, **found.arguments})[:32]
