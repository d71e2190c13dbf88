"""Handing back what a run drew, when it is reproduced; never anywhere else.

``notabene reproduce`` names a file by the variable NOTABENE_REPLAY:

    {"starts": {"<process>|random": state, "<process>|hash": ...},
     "draws":  {"<process>|numpy.random|train.py:8": [values in order]},
     "seeds":  {"<process>|random|train.py:3": [values in order]},
     "clock":  {"train.py:5": value}}
"""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VARIABLE = "NOTABENE_REPLAY"


def load() -> Replay | None:
    """Take what the variable names, where it names something."""
    path = os.environ.get(VARIABLE)
    if not path:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return Replay(json.load(file))
    except (OSError, ValueError):
        return None


class Replay:
    """What is still to be handed back."""

    def __init__(self, found: dict[str, Any]) -> None:
        self._starts: dict[str, str] = found.get("starts", {})
        self._draws = {key: list(values) for key, values in found.get("draws", {}).items()}
        self._seeds = {key: list(values) for key, values in found.get("seeds", {}).items()}
        self._clock = dict(found.get("clock", {}))
        self._known: dict[str, list[Any]] = {}
        for key, values in self._seeds.items():
            self._known.setdefault(key.partition("|")[2], []).extend(values)
        self.missed: list[str] = []

    def start(self, process: str, generator: str) -> str | None:
        """Start state of a generator, or None."""
        return self._starts.get(f"{process}|{generator}")

    def draw(self, process: str, by: str, where: tuple[str, int], value: Any) -> Any:
        """The entropy that was drawn here, as an int."""
        return self._next(self._draws, f"{process}|{by}|{spot(where)}", value)

    def seed(self, process: str, generator: str, where: tuple[str, int], value: Any) -> Any:
        """The seed that was given here.

        One that was given here before, by whichever process, is the program's own: workers may
        share out their work otherwise this time.
        """
        place = f"{generator}|{spot(where)}"
        try:
            if int(value) in self._known.get(place, ()):
                return value
        except (TypeError, ValueError, OverflowError):
            pass
        return self._next(self._seeds, f"{process}|{place}", value)

    def clock(self, where: tuple[str, int], value: Any) -> Any:
        """The time that was read here first; once."""
        return self._clock.pop(spot(where), value)

    def _next(self, table: dict[str, list[Any]], key: str, value: Any) -> Any:
        values = table.get(key)
        if not values:
            if table is self._draws:
                self.missed.append(key)
            return value
        return values.pop(0)


def spot(where: tuple[str, int]) -> str:
    """A place as the replay names it: the file's name and the line."""
    return f"{os.path.basename(where[0])}:{where[1]}"
