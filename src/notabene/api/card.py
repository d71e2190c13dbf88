"""A model card of a run: what its record can tell, and ``not recorded`` for what it cannot.

The headings are those of the model cards that model hubs show (Mitchell et al., *Model Cards for
Model Reporting*, 2019): what only a person can say stands there to be filled in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from notabene.api.frames import iso
from notabene.api.proofs import Check
from notabene.api.runs import RunView
from notabene.proof.record import Record, flat

NOT_RECORDED = "not recorded"
MOST = 60
"""Rows of a table; what is left out is counted."""


def card(view: RunView, record: Record, check: Check, origins: Mapping[str, str]) -> str:
    """The card as Markdown.

    Args:
        view, record, check: The run.
        origins: Ids of the runs that made its inputs, by path.
    """
    lines = [
        f"# {view.project}: {view.name}",
        "",
        *_details(view, record),
        *_unsaid("Intended use", "what the model is for, and what not"),
        *_training_data(record, origins),
        *_procedure(record),
        *_results(view),
        *_conclusions(view),
        *_unsaid("Limitations and ethical considerations", "known weaknesses, risks, biases"),
        *_compute(view, record),
        *_again(view, check),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _details(view: RunView, record: Record) -> Iterator[str]:
    git = record.code.get("git", {})
    commit = str(git.get("commit", ""))
    if commit and git.get("dirty"):
        commit += ", with changes that were not committed"
    script = next((one.path for one in record.sources.files if one.script), "")
    files = [one for one in record.data.written if one.digest]
    yield from ("## Model details", "")
    yield from _pairs(
        {
            "Run": f"`{view.id}`",
            "Trained by": view.user,
            "Date": iso(view.ended or view.updated) or "",
            "Status": view.status,
            "Code": f"`{script}`" if script else "",
            "Repository": str(git.get("remote", "")),
            "Commit": f"`{commit}`" if commit else "",
            "Licence": "",
            "Contact": "",
        }
    )
    yield from _table(
        ("File", "Bytes", "SHA-256"),
        [(f"`{one.path}`", f"{one.size:,}", f"`{one.digest}`") for one in files],
        "Files that the run wrote",
    )


def _training_data(record: Record, origins: Mapping[str, str]) -> Iterator[str]:
    yield from ("## Training data", "")
    rows = []
    for one in record.data.read:
        made = origins.get(one.path)
        source = f"run `{made}`" if made else one.link.get("id", "")
        rows.append((f"`{one.path}`", f"{one.size:,}", f"`{one.digest or one.note}`", source))
    for one_set in record.data.sets:
        files = f"`{one_set['path']}` ({one_set['files']:,} files)"
        rows.append((files, f"{one_set.get('size', 0):,}", f"`{one_set['digest']}`", ""))
    if rows:
        yield from _table(("File", "Bytes", "SHA-256", "Made by"), rows, "Files that the run read")
    else:
        yield from (f"Files: {NOT_RECORDED}", "")
    yield from (f"Licence and consent: {NOT_RECORDED}", "")


def _procedure(record: Record) -> Iterator[str]:
    yield from ("## Training procedure", "")
    found = {**record.parameters.arguments, **flat(record.config)}
    rows = [(f"`{name}`", f"`{value}`") for name, value in sorted(found.items())]
    if rows:
        yield from _table(("Parameter", "Value"), rows, "Parameters")
    else:
        yield from (f"Parameters: {NOT_RECORDED}", "")
    seeds = {f"{one.generator} = {one.value}" for one in record.randomness.seeds}
    yield from _pairs({"Seeds": ", ".join(sorted(seeds))})


def _results(view: RunView) -> Iterator[str]:
    yield from ("## Results", "")
    rows = [(f"`{name}`", f"{value}") for name, value in view.summary.items()]
    if rows:
        yield from _table(("Metric", "Value"), rows, "")
    else:
        yield from (NOT_RECORDED, "")


def _conclusions(view: RunView) -> Iterator[str]:
    conclusion = view.conclusion
    verdict = f" ({conclusion.verdict})" if conclusion and conclusion.verdict else ""
    yield from ("## Hypothesis and conclusion", "")
    yield from _pairs(
        {
            "Hypothesis": view.hypothesis,
            "Conclusion": f"{conclusion.text}{verdict}" if conclusion else "",
        }
    )


def _compute(view: RunView, record: Record) -> Iterator[str]:
    hardware, python = record.hardware, record.environment.get("python", {})
    gpus = hardware.get("gpus") or hardware.get("gpu") or []
    names = [str(one.get("name", "")) for one in gpus if isinstance(one, Mapping)]
    yield from ("## Compute", "")
    yield from _pairs(
        {
            "Time": f"{view.duration:,.1f} s",
            "CPU": str(hardware.get("cpu", {}).get("model", "")),
            "GPU": ", ".join(names),
            "Python": str(python.get("version", "")),
            "Packages": str(len(record.environment.get("packages", {})) or ""),
            "Energy": "",
        }
    )


def _again(view: RunView, check: Check) -> Iterator[str]:
    proof = {
        "untested": "not tested by a rerun",
        "steps": "the first steps were rerun, with the same bits",
        "proven": "rerun with the same result",
        "differs": "a rerun came out differently",
    }
    yield from ("## Reproducibility", "")
    yield from _pairs(
        {
            "Record": "complete" if check.record == "complete" else "has gaps",
            "Proof": proof[check.proof],
            "Rerun": f"`notabene reproduce {view.id}`",
        }
    )
    for one in check.findings:
        where = f" ({one.where})" if one.where else ""
        yield f"- {one.severity}: {one.what}{where}"
    if check.findings:
        yield ""


def _unsaid(heading: str, what: str) -> tuple[str, ...]:
    return (f"## {heading}", "", f"{NOT_RECORDED}: {what}", "")


def _pairs(values: Mapping[str, str]) -> Iterator[str]:
    for name, value in values.items():
        yield f"- {name}: {value or NOT_RECORDED}"
    yield ""


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]], title: str) -> Iterator[str]:
    if not rows:
        return
    if title:
        yield from (f"{title}:", "")
    for row in (head, ("---",) * len(head), *rows[:MOST]):
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"
    if len(rows) > MOST:
        yield f"\n… and {len(rows) - MOST:,} more"
    yield ""


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
