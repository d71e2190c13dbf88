"""The cells of a notebook: what was executed, in which order, as far as the run goes."""

from __future__ import annotations

import json
import sys
import time
import types
from pathlib import Path

import pytest

import notabene
from notabene.capture.cells import Cells, cell_files, executed_cells
from notabene.capture.events import Paths
from notabene.capture.part import Deadline, Part
from notabene.capture.process import notebook_shell
from notabene.capture.secrets import HIDDEN, Redactor
from notabene.capture.sources import SourceShelf


@pytest.fixture
def history(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The history of a notebook, which a test executes cells in."""
    inputs = [""]
    manager = types.SimpleNamespace(input_hist_raw=inputs)
    shell = types.SimpleNamespace(history_manager=manager, user_ns={"__session__": "/a.ipynb"})
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    return inputs


def cells(part: Part | None) -> list[tuple[int, str]]:
    """Number and source of each cell."""
    assert part is not None
    return [(c["n"], c["source"]) for c in json.loads(part.files["notebook/cells.json"])]


def test_cells_come_in_the_order_of_their_execution(history: list[str]) -> None:
    """A notebook is its executed cells, numbered as executed, those executed again again."""
    history += ["import x", "token_id = 3", "", "import x"]
    part = Cells(Redactor()).part()
    assert cells(part) == [(1, "import x"), (2, "token_id = 3"), (4, "import x")]
    assert part.data == {
        "file": "notebook/cells.json",
        "size": len(part.files["notebook/cells.json"]),
        "path": "/a.ipynb",
        "cells": 3,
    }
    assert part.facts == {"code.notebook": "/a.ipynb"}


def test_secrets_are_hidden(history: list[str]) -> None:
    """What is assigned to a name like password is not kept."""
    history.append("password = 'hunter2'")
    ((_, source),) = cells(Cells(Redactor()).part())
    assert "hunter2" not in source
    assert HIDDEN in source


def test_later_cells_are_seen_later(history: list[str]) -> None:
    """Asked again there is all executed so far; nothing where nothing came."""
    found = Cells(Redactor())
    history += ["a", "b"]
    assert len(cells(found.part())) == 2
    assert found.part() is None
    history += ["c"]
    assert cells(found.part())[-1] == (3, "c")


def test_in_between_cells_are_kept_a_few_times(history: list[str]) -> None:
    """While the run goes on all cells are kept anew only once there are a quarter more."""
    found, kept = Cells(Redactor()), 0
    for number in range(200):
        history.append(str(number))
        kept += found.part(end=False) is not None
    assert 10 < kept < 30
    assert found.part() is not None


def test_a_history_that_was_emptied_goes_on(history: list[str]) -> None:
    """Cells before a %reset stay, and those after it follow, numbered from 1 as they were."""
    found = Cells(Redactor())
    history += ["a", "b"]
    found.part()
    history[:] = ["", "c"]
    assert cells(found.part()) == [(1, "a"), (2, "b"), (1, "c")]


def test_outside_of_notebooks_there_is_nothing() -> None:
    """A program is no notebook."""
    assert Cells(Redactor()).part() is None


def test_a_run_holds_the_cells_up_to_its_end(history: list[str], tmp_path) -> None:
    """What is executed between init and finish belongs to the run, and nothing after it."""
    capture = notabene.Capture(process=False, environment=False, hardware=False, console=False)
    history += ["import notabene", "run = notabene.init()"]
    run = notabene.init("p", store=tmp_path / "store", capture=capture)
    history += ["train()", "train()", "run.finish()"]
    with notabene.Api(tmp_path / "store") as api:
        while "code" not in api.captured(run.id):  # a run that ends at once may end before it
            time.sleep(0.05)
    run.finish()
    history += ["later()"]
    with notabene.Api(tmp_path / "store") as api:
        captured = api.captured(run.id)
        kept = api.blob(captured["notebook"]["files"]["notebook/cells.json"])
    assert [cell["source"] for cell in json.loads(kept)] == history[1:6]
    assert captured["code"]["kind"] == "notebook"


SAVED = ["a = 1", "b = a + 1", "print(b)"]


@pytest.mark.parametrize(
    ("ran", "order"),
    [
        (SAVED, "in order"),
        (SAVED[:2], "in order"),
        ([*SAVED, "extra = 1"], "in order"),
        (["b = a + 1", "a = 1", "print(b)"], "in another order than they stand"),
        # Those above were run again afterwards: what is below rests on what they were before.
        ([*SAVED, "a = 1"], "in another order than they stand"),
        (["a = 1", *SAVED], "more than once: 1 again"),
        (["something = 'else'"], ""),
    ],
)
def test_the_order_beside_the_file(
    history: list[str], ran: list[str], order: str, tmp_path, monkeypatch
) -> None:
    """What was run is laid beside what stands in the notebook, where that was saved."""
    cells = [{"cell_type": "code", "source": s.splitlines(keepends=True)} for s in SAVED]
    cells.insert(1, {"cell_type": "markdown", "source": ["# Title"]})
    path = tmp_path / "train.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    shell = sys.modules["IPython"].get_ipython()
    shell.user_ns["__session__"] = str(path)
    history += ran
    part = Cells(Redactor()).part()
    assert part is not None
    assert part.data.get("order", "") == order


@pytest.mark.parametrize("content", [b"", b"[]", b'{"cells": 3}', b'{"cells": [{}]}', b"\xff"])
def test_a_damaged_notebook_tells_no_order(history: list[str], content: bytes, tmp_path) -> None:
    """A file that is no notebook says nothing, and breaks nothing."""
    path = tmp_path / "train.ipynb"
    path.write_bytes(content)
    sys.modules["IPython"].get_ipython().user_ns["__session__"] = str(path)
    history += SAVED
    part = Cells(Redactor()).part()
    assert part is not None
    assert "order" not in part.data


def test_cells_as_python_runs_them(history: list[str]) -> None:
    """Plain cells are told as typed, those with magics as IPython runs them; empty ones not."""
    history += ["x = 1", "", "%timeit x"]
    shell = notebook_shell()
    shell.user_ns["In"] = ["", "x = 1\n", "", "get_ipython().run_line_magic('timeit', 'x')\n"]
    assert executed_cells() == {
        "cell 1": "x = 1",
        "cell 3": "get_ipython().run_line_magic('timeit', 'x')\n",
    }


def test_outside_of_notebooks_there_are_no_cells() -> None:
    """A script has neither cells nor names of cells."""
    assert executed_cells() == cell_files() == {}


def test_places_in_cells_have_their_names(history: list[str], tmp_path: Path) -> None:
    """What a traceback calls ``/tmp/ipykernel_7/99.py`` is told as the cell."""
    notebook_shell().compile = types.SimpleNamespace(_filename_map={"/tmp/ipykernel_7/99.py": 3})
    paths = Paths(tmp_path, cell_files())
    assert paths.place("/tmp/ipykernel_7/99.py", 2) == "cell 3:2"
    assert paths.place(f"{tmp_path}/helper.py", 4) == "helper.py:4"


def test_cells_are_sources_of_a_run(history: list[str], tmp_path: Path) -> None:
    """Each is kept once, with its secrets hidden."""
    history += ["import x", "password = 'hunter2'"]
    kept: list[bytes] = []
    shelf = SourceShelf(tmp_path, lambda data: f"{len(kept)}{kept.append(data)}", Redactor())
    shelf.take_cells(executed_cells())
    shelf.take_cells(executed_cells())
    part = shelf.part(in_git=False, deadline=Deadline(5))
    assert [(one.path, one.script, one.cell) for one in part.files] == [
        ("cell 1", True, True),
        ("cell 2", True, True),
    ]
    assert kept[0] == b"import x"
    assert b"hunter2" not in kept[1]
    assert part.files[1].note == "secrets in it are hidden"
    assert shelf.texts() == {"cell 1": b"import x", "cell 2": kept[1]}


def test_a_notebook_that_goes_on_is_no_repeat(
    history: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows which cells will come: it is not said that this was done before."""
    monkeypatch.setenv("NOTABENE_ON_REPEAT", "stop")
    history += ["notabene.init()"]
    for _ in range(2):
        with notabene.init("p", store=tmp_path / "store") as run:
            run.log({"loss": 1.0})
