"""The cells of a notebook as they were executed, and again where they were executed again.

A notebook's file says what stands where, not what ran; what ran is the kernel's history. A run
usually begins in one cell and goes on in later ones, so the history is looked at again while the
run goes on, and at its end.
"""

from __future__ import annotations

import ast
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from notabene.capture.part import Part, without_empty
from notabene.capture.process import notebook_shell
from notabene.capture.secrets import Redactor
from notabene.settings import environment

GROWTH = 4
"""In between, all cells are kept anew once there are a quarter more: a few times in all."""


class Cells:
    """What was executed in this process's notebook, as far as one has looked.

    Threads: any.

    Args:
        redactor: Hides secrets in the sources.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._lock = threading.Lock()
        self._found: list[dict[str, Any]] = []
        self._read: list[str] = []
        self._kept = 0

    def part(self, *, end: bool = True) -> Part | None:
        """The part ``notebook``: all cells executed so far, in the order of their execution.

        Args:
            end: False to be given nothing where little has come since the last time.

        Returns:
            None outside of notebooks, and where no cell has come.
        """
        shell = notebook_shell()
        if shell is None:
            return None
        with self._lock:
            self._look(_history(shell))
            new = len(self._found) - self._kept
            if new <= (0 if end else self._kept // GROWTH):
                return None
            self._kept = len(self._found)
            return self._part(_path_of(shell))

    def _look(self, history: list[str]) -> None:
        """Take in what is new in a history; one that was emptied (``%reset``) begins anew."""
        read = len(self._read)
        fresh = read if history[:read] == self._read else 0
        for number, source in enumerate(history[fresh:], fresh):
            if source:
                text = self._redactor.text(source, code=True)
                self._found.append({"n": number, "source": text})
        self._read = history

    def _part(self, path: str) -> Part:
        part = Part("notebook")
        kept = part.keep("notebook/cells.json", msgspec.json.encode(self._found))
        about = {"path": path, "cells": len(self._found), "order": self._order(path)}
        part.data = kept | without_empty(about)
        part.fact("code.notebook", path)
        return part

    def _order(self, path: str) -> str:
        """How the cells were run, beside the notebook's file as it is now; empty if unknown.

        A cell that was run again counts where it was run last: its results are those that stay.
        The file is as it was saved last, so a cell that it does not hold may only be newer.
        """
        saved = [self._redactor.text(source, code=True).strip() for source in _saved(path)]
        ran = [str(cell["source"]).strip() for cell in self._found]
        last = {source: at for at, source in enumerate(ran)}
        places = {source: at for at, source in enumerate(saved)}
        known = sorted(places.keys() & last.keys(), key=last.__getitem__)
        if not known:
            return ""
        if [places[source] for source in known] != sorted(places[source] for source in known):
            return "in another order than they stand"
        again = len(ran) - len(last)
        if again:
            return f"more than once: {again} again"
        return "in order"


def _saved(path: str) -> list[str]:
    """Sources of the code cells of a notebook's file, from top to bottom."""
    try:
        document = msgspec.json.decode(Path(path).read_bytes())
        cells = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
        return ["".join(cell["source"]) for cell in cells]
    except (OSError, ValueError, LookupError, TypeError):
        return []


def executed_cells() -> dict[str, str]:
    """Sources of the cells executed so far as Python runs them, by name: ``cell 3``.

    Lines that are no Python (``%timeit``, ``!ls``) are calls of IPython in them. Empty outside of
    notebooks.
    """
    shell = notebook_shell()
    if shell is None:
        return {}
    runnable = [str(source) for source in getattr(shell, "user_ns", {}).get("In", ())]
    found = {}
    for number, source in enumerate(_history(shell)):
        if source.strip():
            ran = runnable[number] if number < len(runnable) else source
            found[cell_name(number)] = source if _is_python(source) else ran
    return found


def cell_files() -> dict[str, str]:
    """The names that cells have as files in tracebacks, with ``cell 3`` for each."""
    compiler = getattr(notebook_shell(), "compile", None)
    numbers = getattr(compiler, "_filename_map", None)  # IPython >= 8; else no names are told
    return {str(file): cell_name(number) for file, number in dict(numbers or {}).items()}


def cell_name(number: int) -> str:
    """What a cell is called in a record: by its number of execution."""
    return f"cell {number}"


def _is_python(source: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def _history(shell: Any) -> list[str]:
    """Sources by number of execution; empty ones were no cells."""
    sources = getattr(getattr(shell, "history_manager", None), "input_hist_raw", None)
    return [str(source) for source in sources or getattr(shell, "user_ns", {}).get("In", ())]


def _path_of(shell: Any) -> str:
    names: Mapping[str, Any] = getattr(shell, "user_ns", {})
    path = names.get("__vsc_ipynb_file__") or names.get("__session__")
    return str(path or environment().get("JPY_SESSION_NAME", ""))
