"""Environment variables that the user's code asks for."""

from __future__ import annotations

import os
import sys

from notabene.capture.watch.core import quietly
from notabene.capture.watch.later import dress
from notabene.capture.watch.places import USER, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from notabene.capture.watch.core import Watch
    from notabene.capture.watch.places import Place

_ENVIRONMENT = ("os", "_collections_abc", "collections.abc", "getpass")
_READERS = "pydantic_settings environs decouple dynaconf environ starlette typed_settings".split()
"""Libraries that read settings from variables for whoever calls them."""
CALLERS, MOST_CODES = 4, 50
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
        self._named: dict[Place, tuple[set[str], tuple[str, ...]]] = {}
        self._copied: set[Place] = set()
        kind: Any = type(os.environ)
        kind.__getitem__ = self._reader(kind.__getitem__)
        kind.__setitem__ = self._writer(kind.__setitem__)
        kind.__iter__ = self._walker(kind.__iter__)

    def _reader(self, real: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        watch, seen, tell = self._watch, self._seen, self._tell

        def __getitem__(self: Any, key: Any) -> Any:
            try:
                value = real(self, key)
            except KeyError:
                if watch.on and key not in seen:
                    quietly(tell, key, None)
                raise
            if key not in seen and watch.on:
                quietly(tell, key, value)
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

    def _walker(self, real: Callable[[Any], Any]) -> Callable[[Any], Any]:
        watch, walk = self._watch, self._walk

        def __iter__(self: Any) -> Any:
            if watch.on:
                quietly(walk)
            return real(self)

        dress(__iter__, real)
        return __iter__

    def _walk(self) -> None:
        """A line goes through all variables."""
        inner = sys._getframe(3)
        asked = _asked_by(inner)
        if asked is None:
            return
        frame, library = asked
        where = (frame.f_code.co_filename, frame.f_lineno)
        if _is_between(inner):
            self._copied.add(where)
        if where not in self._named:
            self._named[where] = named = _named_around(frame, library)
            self._watch.add("walk", _pattern(*named), *where)

    def _tell(self, key: Any, value: Any) -> None:
        inner = sys._getframe(3)
        asked = _asked_by(inner)
        if asked is None:
            return
        frame, _ = asked
        where = (frame.f_code.co_filename, frame.f_lineno)
        if where not in self._copied:
            self._seen.add(key)
            self._say("variable", key, value, where)
            return
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
    words = [*(f"{one}*" for one in sorted(beginnings)), *sorted(names)]
    text = "|".join(words)
    return text if len(text) <= _LONG else text[:_LONG].rpartition("|")[0]


def _asked_by(frame: FrameType) -> tuple[FrameType, bool] | None:
    """Who asks for a variable: the user's code, and whether a library asks for it.

    Returns:
        None where another library wants to know: gettext and its likes read variables of their
        own on behalf of whoever calls them.
    """
    library = False
    while frame.f_back is not None:
        name = str(frame.f_globals.get("__name__", ""))
        of_library = name.partition(".")[0] in _READERS
        if not of_library and name not in _ENVIRONMENT:
            break
        library |= of_library
        frame = frame.f_back
    return (frame, library) if kind_of(frame.f_code.co_filename) == USER else None


def _is_between(frame: FrameType) -> bool:
    """Whether the variables are copied, or come through a view: ``items()``, ``values()``."""
    return frame.f_globals.get("__name__") in _ENVIRONMENT


def _named_around(frame: FrameType, library: bool) -> tuple[set[str], tuple[str, ...]]:
    """What the code around a call could call a variable: names, and beginnings of names.

    Args:
        frame: Of the user's code.
        library: Whether a library reads, which makes names of the fields of a class.

    Both in lower case. A name stands in capitals, is that of a field, or has a ``_`` and is that
    of a variable; a beginning ends with a ``_``. Other texts, which may be secrets, are left alone.
    """
    there = {os.fsdecode(key).lower() for key in getattr(os.environ, "_data", ())}
    names: set[str] = set()
    beginnings = {*map(_beginning, frame.f_globals.values())}
    # Of a comprehension the function around it, of a function those that call it.
    codes: list[Any] = []
    caller: FrameType | None = frame
    while caller is not None and len(codes) < CALLERS:
        if kind_of(caller.f_code.co_filename) != USER:
            break
        codes.append(caller.f_code)
        caller = caller.f_back
    for code in codes:
        for one in code.co_consts:
            if hasattr(one, "co_consts") and len(codes) < MOST_CODES:
                if library:
                    names.update(one.co_names)
                if library or one.co_name.startswith("<"):  # a comprehension, or a lambda
                    codes.append(one)
            texts = one if type(one) in (tuple, frozenset) else (one,)
            names.update(text for text in texts if type(text) is str and _is_name(text, there))
            beginnings.update(map(_beginning, texts))
    short = {name.lower() for name in names if len(name) < _LONGEST}
    return short, tuple(beginnings - {""})


def _is_name(text: str, there: set[str]) -> bool:
    if text.isupper():
        return text.isidentifier() and text[-1] != "_"
    return "_" in text and text.lower() in there


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
