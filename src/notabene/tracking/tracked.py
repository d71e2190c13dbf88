"""``@track``: each call of a function is a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from notabene.errors import UsageError
from notabene.settings import Settings
from notabene.tracking.arrays import as_number
from notabene.tracking.config import plain
from notabene.tracking.init import init

if TYPE_CHECKING:
    from notabene.tracking.run import Run

P = ParamSpec("P")
R = TypeVar("R")


@overload
def track(fn: Callable[P, R]) -> Callable[P, R]: ...
@overload
def track(fn: None = None, **kwargs: Any) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def track(fn: Any = None, **kwargs: Any) -> Any:
    """Decorator: each call of the function is a run; its arguments are the config.

    A mapping of numbers that the function returns becomes the run's summary, a number its
    ``result``. A coroutine's run lasts until it has returned, a generator's until it is used up.

    Args:
        fn: The function.
        kwargs: Arguments of :func:`init`; ``name`` defaults to the function's name.

    Raises:
        UsageError: It is no function, or an asynchronous generator.
    """
    if fn is None:
        return lambda function: track(function, **kwargs)
    import inspect

    if not callable(fn) or inspect.isasyncgenfunction(fn):
        raise UsageError(
            f"@track takes a function, a coroutine or a generator, not {fn!r}"[:200],
            hint="with notabene.init(...): in its body makes a run of any code",
        )
    signature = inspect.signature(fn)

    def begin(args: Any, given: Any) -> Run:
        bound = signature.bind(*args, **given)
        bound.apply_defaults()
        extra = kwargs.get("config")
        config = {**(plain(extra) if extra is not None else {}), **bound.arguments}
        name = Settings()["name"] or getattr(fn, "__name__", None)
        return init(**{"name": name, **kwargs, "config": config})

    @wraps(fn)
    def call(*args: Any, **given: Any) -> Any:
        with begin(args, given) as run:
            return _keep(run, fn(*args, **given))

    @wraps(fn)
    def generate(*args: Any, **given: Any) -> Any:
        with begin(args, given) as run:
            return _keep(run, (yield from fn(*args, **given)))

    @wraps(fn)
    async def wait(*args: Any, **given: Any) -> Any:
        with begin(args, given) as run:
            return _keep(run, await fn(*args, **given))

    if inspect.iscoroutinefunction(fn):
        return wait
    return generate if inspect.isgeneratorfunction(fn) else call


def _keep(run: Run, result: Any) -> Any:
    if isinstance(result, Mapping):
        run.summary.update({k: v for k, v in result.items() if isinstance(k, str)})
    elif as_number(result) is not None:
        run.summary["result"] = result
    return result
