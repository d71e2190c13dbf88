"""The failure policy, in one place: notabene never stops or delays what it watches.

``init``, ``Api``, config and artifact calls raise on wrong use, since they say what the run
is. ``log*`` raises only for what no data can cause (not a mapping, a key that is no text);
whatever else goes wrong there is counted, said once, and shown in ``run.health``.
``NOTABENE_STRICT=1`` raises instead. This is the only module with a broad ``except``.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import Any, ParamSpec, Protocol, TypeVar

from notabene.errors import NotabeneWarning, UsageError

P = ParamSpec("P")
R = TypeVar("R")

TROUBLE = Exception
"""What ``log*`` catches on the hot path; see the module's docstring."""


class Watched(Protocol):
    """What a guarded method needs of its object."""

    guard: Guard


class Guard:
    """Counts what went wrong in one run and says each kind of it once.

    Args:
        strict: Raise instead of warning.
        quiet: Do not print; counting goes on.
        report: Called with ``(code, message, count)`` the first time and then at 10, 100 ...
    """

    def __init__(
        self, *, strict: bool, quiet: bool, report: Callable[[str, str, int], None]
    ) -> None:
        self.strict = strict
        self.quiet = quiet
        self.health: dict[str, tuple[str, int]] = {}
        """Code to the last message and how often."""
        self._report = report
        self._lock = threading.RLock()

    def note(
        self,
        code: str,
        message: str,
        *,
        error: BaseException | None = None,
        mild: bool = False,
    ) -> None:
        """Something is not as it should be; ``mild`` where nobody did anything wrong.

        Raises:
            UsageError: In strict mode, unless it is mild.
        """
        if self.strict and not mild:
            raise UsageError(message) from error
        with self._lock:
            count = self.health.get(code, ("", 0))[1] + 1
            self.health[code] = (message, count)
        if count == 1 and not self.quiet:
            warnings.warn(NotabeneWarning(message), stacklevel=_user_frame())
        if str(count).strip("0") == "1":
            self._report(code, message, count)


def guarded(method: Callable[P, R]) -> Callable[P, R | None]:
    """For methods that must never raise into training, but for wrong use.

    UsageError passes; everything else becomes a note of the object's guard.
    """

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return method(*args, **kwargs)
        except UsageError:
            raise
        except Exception as error:
            owner: Watched = args[0]  # type: ignore[assignment]  # a method's first argument
            text = f"something that was logged is not kept: {type(error).__name__}: {error}"
            owner.guard.note(f"{method.__name__.lstrip('_')}-failed", text, error=error)
            return None

    return call


def quietly(call: Callable[[], Any]) -> BaseException | None:
    """Call something that must not disturb anybody; returns what it raised."""
    try:
        call()
    except Exception as error:
        return error
    return None


def _user_frame() -> int:
    """Stack level of the first frame outside this package, for warnings."""
    frame: FrameType | None = sys._getframe(1)
    level = 1
    while frame is not None and frame.f_globals.get("__name__", "").startswith("notabene"):
        frame, level = frame.f_back, level + 1
    return level
