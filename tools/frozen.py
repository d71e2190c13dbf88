"""Writes a store of this version, and what is in it, for later versions to read.

    python tools/frozen.py                     tests/frozen/<version>, which must not exist yet
    python tools/frozen.py --read STORE        print what a store holds, as expected.json does

Run by ``make frozen`` when a release is made. What it wrote is never edited: a later version
that reads it differently is wrong.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ODD = (math.nan, math.inf, -math.inf, -0.0, 5e-324, 1 / 3)


def write(store: Path) -> None:
    """Runs of all kinds into a new store."""
    import notabene

    with notabene.init(
        "frozen",
        id="plain",
        name="plain run",
        store=store,
        capture=False,
        config={"lr": 0.1, "model": {"depth": 3, "layers": [1, 2]}, "none": None},
        tags={"team": "vision", "baseline": ""},
        hypothesis="it can be read for ever",
    ) as run:
        run.define_metric("acc", goal="max", unit="%", summary="best")
        for step in range(3000):
            run.log({"loss": 1 / (step + 1), "acc": step % 97, "lr": 0.1}, step=step)
        for step, value in enumerate(ODD):
            run.log({"odd/ünicode 📈": value}, step=step - 3)
        run.log_text("story", "once upon a time", step=7)
        run.log_table("mistakes", columns=["a", "b"], data=[[1, "x"], [2, "y"]])
        run.note("a note with ümlauts")
        file = store.parent / "model.bin"
        file.write_bytes(b"weights" * 1000)
        run.log_artifact(file, name="model", type="model", aliases=["best"])
        file.unlink()
    for attempt in range(2):
        with notabene.init(
            "frozen", id="resumed", name="resumed", store=store, capture=False, resume="allow"
        ) as run:
            for step in range(attempt * 50, 100):
                run.log({"loss": float(attempt), "step": step}, step=step)
    with notabene.init("frozen", id="failed", name="failed", store=store, capture=False) as run:
        run.log({"loss": 1.0})
        run.finish("failed", reason="ValueError: as expected")
    _kill(store)
    with notabene.Api(store) as api:
        api.tag("plain", "edited")
        api.conclude("plain", "so far it can", verdict="supported")


def _kill(store: Path) -> None:
    code = (
        "import os, signal, notabene\n"
        f"r = notabene.init('frozen', id='killed', name='killed', store={str(store)!r}, "
        "capture=False)\n"
        "[r.log({'loss': i}, step=i) for i in range(500)]\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    variables = {**os.environ, "NOTABENE_QUIET": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=variables, check=False)
    assert done.returncode == -signal.SIGKILL


def read(store: Path) -> dict[str, Any]:
    """What a store holds, in a form that does not change: texts for floats, no times."""
    import notabene

    with notabene.Api(store) as api:
        runs = {run.id: _run(api, run) for run in api.runs(order_by="id")}
        artifacts = {a.ref: [a.digest, a.size, list(a.aliases)] for a in api.artifacts()}
    return {"runs": runs, "artifacts": artifacts}


def _run(api: Any, run: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: getattr(run, name)
        for name in ("project", "name", "status", "config", "tags", "hypothesis", "reason")
    }
    found["conclusion"] = run.conclusion.text if run.conclusion else ""
    found["notes"] = [note.text for note in run.notes]
    found["summary"] = {key: _shown(value) for key, value in sorted(run.summary.items())}
    found["values"] = [[v.key, v.step, v.kind, v.value] for v in api.values(run.id)]
    found["series"] = {}
    for key in sorted(run.metrics):
        history = api.history(run.id, key)
        points = zip(history.steps.tolist(), history.values.tolist(), strict=True)
        found["series"][key] = [f"{step} {value!r}" for step, value in points]
    return found


def _shown(value: Any) -> Any:
    return repr(value) if isinstance(value, float) else value


def main(arguments: list[str]) -> int:
    """Write the folder of this version, or print what a store holds."""
    from notabene import __version__

    if arguments[:1] == ["--read"]:
        json.dump(read(Path(arguments[1])), sys.stdout, indent=1, sort_keys=True)
        return 0
    folder = Path(arguments[0]) if arguments else ROOT / "tests/frozen" / __version__
    if folder.exists():
        print(f"{folder} exists already; what was released is never written again")
        return 1
    folder.mkdir(parents=True)
    os.environ["NOTABENE_QUIET"] = "1"
    write(folder / "store")
    expected = json.dumps(read(folder / "store"), indent=1, sort_keys=True)
    (folder / "expected.json").write_text(expected, encoding="utf-8")
    print(f"wrote {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
