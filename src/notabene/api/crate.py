"""A run as an RO-Crate: a folder, or a zip, that other tools for research data can read.

The crate follows RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) and the profile Process Run Crate
0.5 (https://w3id.org/ro/wfrun/process/0.5):

    ro-crate-metadata.json    what is what, as JSON-LD
    record.json               the record, as ``notabene show RUN --record --json`` prints it
    metrics.csv               all points
    requirements.txt          the packages
    project/                  code and inputs, as the run found them
    outside/                  the same from outside the project
    outputs/                  what the run wrote

Content that the store does not keep is named by its SHA-256 (RFC 6920) and is not in the crate.
"""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import quote

from notabene._version import __version__
from notabene.api.frames import iso
from notabene.api.runs import RunView
from notabene.proof.record import Record, flat

CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"},
]
CRATE = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
NOT_RECORDED = "not recorded"
_STATUS = {"finished": "Completed", "running": ""}


class Placed(NamedTuple):
    """A file of the run: its place in the crate, its content's digest and size, where it lay."""

    place: str
    digest: str
    size: int
    path: str
    kept: bool


def files_of(record: Record) -> tuple[list[Placed], list[Placed], list[Placed]]:
    """Code, inputs and outputs of a run, each with its place in the crate."""
    code = [
        Placed(_place("project", one.path), one.digest, one.size, one.path, True)
        for one in record.sources.files
        if one.digest
    ]
    inputs = [
        Placed(_place("project", one.path), one.digest, one.size, one.path, one.kept)
        for one in record.data.read
        if one.digest
    ]
    outputs = [
        Placed(_place("outputs", one.path), one.digest, one.size, one.path, one.kept)
        for one in record.data.written
        if one.digest
    ]
    return code, inputs, outputs


def _place(folder: str, path: str) -> str:
    """Where a path of the record lies in the crate; none leads out of it."""
    pure = PurePosixPath(path.replace("\\", "/"))
    parts = [part for part in pure.parts if part not in ("/", "..", ".")]
    leaves = pure.is_absolute() or ".." in pure.parts
    top = ("outputs/outside" if folder == "outputs" else "outside") if leaves else folder
    return "/".join([top, *parts])


def metadata(
    view: RunView,
    record: Record,
    *,
    there: Mapping[str, str],
    code: list[Placed],
    inputs: list[Placed],
    outputs: list[Placed],
) -> dict[str, Any]:
    """The JSON-LD document.

    Args:
        view, record: The run.
        there: Files that are in the crate beside those of the run, with what they are.
        code, inputs, outputs: Those of the run; ``kept`` says whether they are in the crate.
    """
    extra = [_about(name, what) for name, what in there.items()]
    groups = [[_file(one) for one in group] for group in (code, inputs, outputs)]
    parameters = list(_parameters(record))
    results = list(_results(view))
    entities = {one["@id"]: one for group in groups for one in group}
    program = _program(record, groups[0])
    action = _action(view, record, program, [*groups[1], *parameters], [*groups[2], *results])
    agent = {"@id": "#agent", "@type": "Person", "name": view.user or NOT_RECORDED}
    contained = [one for one in (*entities.values(), *extra) if not one["@id"].startswith("ni:")]
    graph: list[dict[str, Any]] = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": CRATE},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": f"{view.project}: run {view.name}",
            "description": _description(view),
            "datePublished": iso(view.ended or view.updated),
            "license": {"@id": "#licence"},
            "author": {"@id": "#agent"},
            "publisher": {"@id": "#publisher"},
            "conformsTo": {"@id": PROFILE},
            "hasPart": _refs(contained),
            "mentions": {"@id": action["@id"]},
        },
        {
            "@id": PROFILE,
            "@type": "CreativeWork",
            "name": "Process Run Crate",
            "version": "0.5",
        },
        {"@id": "#licence", "@type": "CreativeWork", "name": NOT_RECORDED},
        {"@id": "#publisher", "@type": "Organization", "name": NOT_RECORDED},
        action,
        program,
        agent,
        *entities.values(),
        *extra,
        *parameters,
        *results,
    ]
    unique = {one["@id"]: one for one in reversed(graph)}
    return {"@context": CONTEXT, "@graph": list(reversed(unique.values()))}


def _refs(entities: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{"@id": name} for name in dict.fromkeys(one["@id"] for one in entities)]


def _file(one: Placed) -> dict[str, Any]:
    kind = mimetypes.guess_type(one.path)[0] or "application/octet-stream"
    name = quote(one.place) if one.kept else by_digest(one.digest)
    return {
        "@id": name,
        "@type": "File",
        "name": one.path,
        "sha256": one.digest,
        "contentSize": str(one.size),
        "encodingFormat": kind,
    }


def by_digest(digest: str) -> str:
    """A name for content that is elsewhere: RFC 6920, ``ni:///sha-256;…``."""
    text = base64.urlsafe_b64encode(bytes.fromhex(digest)).rstrip(b"=").decode()
    return f"ni:///sha-256;{text}"


def _about(name: str, what: str) -> dict[str, Any]:
    kind = mimetypes.guess_type(name)[0] or "text/plain"
    return {"@id": name, "@type": "File", "name": what, "encodingFormat": kind}


def _program(record: Record, code: list[dict[str, Any]]) -> dict[str, Any]:
    """The script, as the thing that was run; without one, what the command line names."""
    git = record.code.get("git", {})
    words = [str(word) for word in record.process.get("argv", ())]
    script = next((one.path for one in record.sources.files if one.script), "")
    found = next((one for one in code if one["name"] == script), None)
    name = script or (words[0] if words else NOT_RECORDED)
    return {
        **(found or {"@id": "#program"}),
        "@type": ["File", "SoftwareSourceCode"] if found else "SoftwareApplication",
        "name": name,
        "url": git.get("remote") or NOT_RECORDED,
        "version": git.get("commit") or NOT_RECORDED,
        "programmingLanguage" if found else "description": (
            f"Python {record.environment.get('python', {}).get('version', '')}".strip()
        ),
        "softwareRequirements": {"@id": "requirements.txt"},
    }


def _action(
    view: RunView,
    record: Record,
    program: dict[str, Any],
    objects: list[dict[str, Any]],
    results: list[dict[str, Any]],
) -> dict[str, Any]:
    state = _STATUS.get(view.status, "Failed")
    words = [str(word) for word in record.process.get("argv", ())]
    action: dict[str, Any] = {
        "@id": f"#run-{view.id}",
        "@type": "CreateAction",
        "name": f"run {view.name}",
        "description": " ".join(words) or NOT_RECORDED,
        "identifier": view.id,
        "instrument": {"@id": program["@id"]},
        "agent": {"@id": "#agent"},
        "startTime": _moment(view.started or view.created),
        "object": _refs(objects),
        "result": _refs(results),
    }
    if view.ended:
        action["endTime"] = _moment(view.ended)
    if state:
        action["actionStatus"] = f"http://schema.org/{state}ActionStatus"
    if state == "Failed":
        action["error"] = view.reason or view.status
    return action


def _moment(stamp: int) -> str:
    """A time as the profile's shapes want it: milliseconds, and the offset in figures."""
    return f"{(iso(stamp) or '')[:23]}+00:00"


def _parameters(record: Record) -> Iterator[dict[str, Any]]:
    found = {**record.parameters.arguments, **flat(record.config)}
    for name, value in found.items():
        yield _property(f"#parameter-{quote(str(name), safe='')}", name, value)


def _results(view: RunView) -> Iterator[dict[str, Any]]:
    for name, value in view.summary.items():
        yield _property(f"#result-{quote(str(name), safe='')}", name, value)


def _property(identifier: str, name: str, value: Any) -> dict[str, Any]:
    plain = value if isinstance(value, bool | int | float | str) else str(value)
    # JSON has no word for these.
    if isinstance(plain, float) and (plain != plain or plain in (float("inf"), float("-inf"))):
        plain = str(plain)
    return {"@id": identifier, "@type": "PropertyValue", "name": name, "value": plain}


def _description(view: RunView) -> str:
    said = [f"A run of project {view.project}, {view.status}, recorded by notabene {__version__}."]
    if view.hypothesis:
        said.append(f"Hypothesis: {view.hypothesis}")
    if view.conclusion is not None:
        said.append(f"Conclusion: {view.conclusion.text}")
    return " ".join(said)
