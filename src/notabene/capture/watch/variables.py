"""Environment variables that the user's code asks for."""

from __future__ import annotations

import os
import sys

from notabene.capture.watch.later import dress
from notabene.capture.watch.places import USER, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from notabene.capture.watch.core import Watch
    from notabene.capture.watch.places import Place

_ENVIRONMENT = ("os", "_collections_abc", "collections.abc")
_READERS = "pydantic_settings environs decouple dynaconf environ starlette typed_settings".split()
"""Libraries that read settings from variables for whoever calls them."""
COPIED = 9
"""A line that reads so many variables goes through all of them, and asks for those that the code
around it names in full or by their beginning."""
MOST_CODES = 50
_SHORTEST, _LONGEST = 2, 80
"""Letters of what names a variable, or how variables begin."""
_LONG = 2_000


def install(watch: Watch) -> None:
    """Begin to watch reads of the environment."""
    _Environment(watch)


class _Environment:
    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._seen: set[object] = set()
        self._at: dict[Place, list[tuple[Any, Any]]] = {}
        self._named: dict[Place, tuple[set[str], tuple[str, ...]]] = {}
        kind: Any = type(os.environ)
        kind.__getitem__ = self._reader(kind.__getitem__)
        kind.__setitem__ = self._writer(kind.__setitem__)

    def _reader(self, real: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        watch, seen, note = self._watch, self._seen, self._note

        def __getitem__(self: Any, key: Any) -> Any:
            try:
                value = real(self, key)
            except KeyError:
                if watch.on and key not in seen:
                    note(key, None)
                raise
            if key not in seen and watch.on:
                note(key, value)
            return value

        dress(__getitem__, real)
        return __getitem__

    def _writer(self, real: Callable[[Any, Any, Any], None]) -> Callable[[Any, Any, Any], None]:
        seen = self._seen

        def __setitem__(self: Any, key: Any, value: Any) -> None:
            real(self, key, value)
            seen.add(key)  # from now on its value is the program's own

        dress(__setitem__, real)
        return __setitem__

    def _note(self, key: Any, value: Any) -> None:
        try:
            self._tell(key, value)
        except Exception:
            return

    def _tell(self, key: Any, value: Any) -> None:
        frame = sys._getframe(3)
        while (_is_between(frame) or _is_library(frame)) and frame.f_back is not None:
            frame = frame.f_back
        # gettext and its likes read variables of their own on behalf of whoever calls them.
        if kind_of(frame.f_code.co_filename) != USER:
            return
        where = (frame.f_code.co_filename, frame.f_lineno)
        known = self._at.setdefault(where, [])
        if len(known) == COPIED:
            self._walk(key, value, where)
            return
        known.append((key, value))
        self._seen.add(key)
        self._say("variable", key, value, where)
        if len(known) == COPIED:
            # Who asks for one of them later has not been heard yet.
            self._seen.difference_update(one for one, _ in known)
            named = self._named[where] = _named_around(frame, _is_library(sys._getframe(3)))
            self._watch.add("walk", _pattern(*named), *where)
            for one in known:
                self._walk(*one, where)

    def _walk(self, key: Any, value: Any, where: Place) -> None:
        """One of many variables that a line reads."""
        names, beginnings = self._named[where]
        low = os.fsdecode(key).lower()
        if low in names or low.startswith(beginnings):
            self._say("walked", key, value, where)

    def _say(self, kind: str, key: Any, value: Any, where: Place) -> None:
        from notabene.capture.watch.hidden import HIDDEN, is_secret, text

        name = os.fsdecode(key)
        if value is not None:
            value = HIDDEN if is_secret(name) else text(os.fsdecode(value))
        self._watch.add(kind, name, value, where[0], where[1])


def _pattern(names: set[str], beginnings: tuple[str, ...]) -> str:
    """``train_*|batch``: which variables a line looks for."""
    return "|".join([*(f"{one}*" for one in sorted(beginnings)), *sorted(names)])[:_LONG]


def _is_between(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__") in _ENVIRONMENT


def _is_library(frame: FrameType) -> bool:
    """Whether a library reads variables for the code that called it."""
    while _is_between(frame) and frame.f_back is not None:
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in _READERS


def _named_around(frame: FrameType, library: bool) -> tuple[set[str], tuple[str, ...]]:
    """What the code around a call could call a variable: names, and beginnings of names.

    Args:
        frame: Of the user's code.
        library: Whether a library reads, which makes names of the fields of a class.

    Both in lower case. A name stands in capitals, or is that of a field; a beginning ends with a
    ``_``. Other texts, which may be secrets, are left alone.
    """
    codes: list[Any] = [frame.f_code]
    if frame.f_code.co_name.startswith("<") and frame.f_back is not None:
        codes.append(frame.f_back.f_code)  # of a comprehension, the function around it
    names: set[str] = set()
    beginnings = {*map(_beginning, (*frame.f_globals.values(), *frame.f_locals.values()))}
    for code in codes:
        for one in code.co_consts:
            if library and hasattr(one, "co_consts") and len(codes) < MOST_CODES:
                codes.append(one)
                names.update(one.co_names)
            texts = one if type(one) in (tuple, frozenset) else (one,)
            names.update(text for text in texts if type(text) is str and _is_in_capitals(text))
            beginnings.update(map(_beginning, texts))
    short = {name.lower() for name in names if len(name) < _LONGEST}
    return short, tuple(beginnings - {""})


def _is_in_capitals(text: str) -> bool:
    return text.isupper() and text.isidentifier()


def _beginning(text: object) -> str:
    """How the names begin that a text is for: ``TRAIN_``, or the pattern ``^TRAIN_[A-Z]+``."""
    if type(text) is not str or not _SHORTEST < len(text) < _LONGEST:
        return ""
    word = text.lstrip("^")
    for at, letter in enumerate(word):
        if not (letter.isalnum() or letter == "_"):
            word = word[:at] if letter in "\\.[(" else ""
            break
    fits = word.endswith("_") and not word.startswith("_") and word.isidentifier()
    return word.lower() if fits else ""
