"""The one frame of ours that stands on the stack while a library works.

The watch looks through this file, so that what happens in a fit is still told of the user's own
line; whatever else notabene does here happens in other files, and is told of nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol


class Call(Protocol):
    """A call that is being recorded; none of its methods raises."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def failed(self, error: BaseException) -> None:
        """It ended with an error."""

    def done(self, result: Any) -> Any:
        """It gave a result; what the caller is to get."""


def through(original: Any, around: Callable[[Any, Any], Call | None]) -> Any:
    """A function in the place of another, that is recorded where ``around`` gives a call.

    It stays a plain function of the same name and signature, since libraries ask for that.
    """

    @wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        call = around(args, kwargs)
        if call is None:
            return original(*args, **kwargs)
        try:
            result = original(*call.args, **call.kwargs)
        except BaseException as error:
            call.failed(error)
            raise
        return call.done(result)

    return wrapper
