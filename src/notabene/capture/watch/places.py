"""Which line of the user's own code is behind a call."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from types import CodeType, FrameType
    from typing import Any

    Place = tuple[str, int]

USER, STANDARD, LIBRARY, OWN = range(4)

NOWHERE = ("", 0)

_STANDARD = os.path.dirname(os.__file__) + os.sep
WATCH = os.path.dirname(os.path.abspath(__file__)) + os.sep
_OWN = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep
# Where a library's function is wrapped, to record what it does: see the file itself.
_THROUGH = os.path.join(_OWN, "integrations", "_through.py")
_SITE = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_SCRIPTS = os.path.join(sys.prefix, "Scripts" if os.name == "nt" else "bin") + os.sep
_kinds: dict[str, int] = {}


def kind_of(name: str) -> int:
    """Whose code a file is: one of USER, STANDARD, LIBRARY, OWN."""
    kind = _kinds.get(name)
    if kind is None:
        kind = _kinds[name] = _classify(name)
    return kind


def _classify(name: str) -> int:
    if name.startswith("<"):
        # dataclasses and namedtuples are compiled as "<string>"; so is `python -c`.
        command = name == "<string>" and sys.argv[:1] == ["-c"]
        typed = name.startswith(("<stdin", "<ipython", "<python-input", "<cell"))
        return USER if command or typed else STANDARD
    if name.startswith(_OWN):
        # Our wrappers stand between the user's code and what it calls, and are looked through.
        return STANDARD if name.startswith(WATCH) or name == _THROUGH else OWN
    if any(part in name for part in _SITE) or name.startswith(_SCRIPTS):
        return LIBRARY
    return STANDARD if name.startswith(_STANDARD) else USER


def place(frame: FrameType | None) -> Place | None:
    """The nearest user's line at or above a frame, through any library.

    Returns:
        ``(file, line)``; NOWHERE if there is none, and None where notabene itself is at work.
    """
    kinds = _kinds
    last, at, where = _Last.seen
    while frame is not None:
        # Each look at f_code raises an audit event, which comes back to our own hook.
        code = frame.f_code
        if code is last and frame.f_lasti == at:
            return where
        name = code.co_filename
        kind = kinds.get(name)
        if kind is None:
            kind = kind_of(name)
        if kind == USER:
            where = (name, frame.f_lineno)
            _Last.seen = (code, frame.f_lasti, where)
            return where
        if kind == OWN:
            return None
        frame = frame.f_back
    return NOWHERE


def line_above(frame: FrameType | None, libraries: set[object]) -> FrameType | None:
    """The frame of the user's line that :func:`place` finds.

    Args:
        frame: Where to begin.
        libraries: Takes the files of the modules in between.

    Returns:
        None where one in between runs other code than that of its module's file, as what was
        compiled from a text is: whose it is, its globals do not tell.
    """
    while frame is not None:
        name = frame.f_code.co_filename
        if kind_of(name) == USER:
            return frame
        if frame.f_globals.get("__file__") != name:
            return None
        libraries.add(name)
        frame = frame.f_back
    return None


def line_behind(frame: FrameType | None, libraries: set[object]) -> FrameType | None:
    """The frame that called what some libraries do; None: none did.

    Modules are the user's or a library's as a whole, so behind those that :func:`line_above` found
    on its way is the user's nearest line, or another library.
    """
    while frame is not None and frame.f_globals.get("__file__") in libraries:
        frame = frame.f_back
    return frame


def in_its_file(frame: FrameType) -> bool:
    """Whether a frame runs code of its module's file, not what was compiled from a text."""
    return frame.f_code.co_filename == frame.f_globals.get("__file__")


def caller_of() -> Callable[[], FrameType]:
    """Make a function that returns the frame of who called its caller, as ``sys._getframe(1)``.

    That raises an audit event, as a look at ``f_code`` does, which comes back to our hook: it would
    cost more than all else that is done for a file of many. What stands behind the frame of a
    generator is looked at without one.

    Returns:
        The function; it raises ValueError where another thread is in it.
    """

    def ask() -> Generator[Any, Any, None]:
        own = yield
        while True:
            yield own.f_back.f_back

    asked: Any = ask()
    next(asked)
    asked.send(asked.gi_frame)
    answer: Callable[[], FrameType] = asked.__next__
    return answer


class _Last:
    """The user's instruction that was asked for last, and its place.

    Python counts lines from the beginning of the code, which takes the longer the further down
    they are (15 us at line 800); and what opens many files is one instruction in a loop.
    """

    seen: tuple[CodeType | None, int, Place] = (None, -1, NOWHERE)


def importing(frame: FrameType | None) -> bool:
    """Whether a library did something while it was imported by the user's code."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name == "<frozen importlib._bootstrap>":
            return True
        if kind_of(name) == USER:
            return False
        frame = frame.f_back
    return False


def direct(frame: FrameType | None, through: Sequence[str] = ()) -> Place | None:
    """The user's line that made a call with nothing but the standard library in between.

    Args:
        frame: Where to begin.
        through: Libraries that are looked through as well.

    Returns:
        ``(file, line)``, or None where a library made the call.
    """
    kinds = _kinds
    while frame is not None:
        name = frame.f_code.co_filename
        kind = kinds.get(name)
        if kind is None:
            kind = kind_of(name)
        if kind == USER:
            return name, frame.f_lineno
        if kind != STANDARD and not (through and kind == LIBRARY and _named(frame, through)):
            return None
        frame = frame.f_back
    return None


def _named(frame: FrameType, names: Sequence[str]) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in names
