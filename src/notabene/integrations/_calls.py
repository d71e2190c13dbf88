"""Which calls of a library are recorded, and by what."""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
import weakref
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from notabene._ids import new_id
from notabene.integrations._care import attempt
from notabene.integrations._fit import Fit
from notabene.integrations._through import through
from notabene.tracking.autolog import Switch

_here = threading.local()
_open: list[Fit] = []
_arounds: weakref.WeakValueDictionary[str, _Around] = weakref.WeakValueDictionary()


class Recipe:
    """What is logged of one kind of call; made anew for each.

    Args:
        switch: Its library's switch.
        given: The arguments by name, ``self`` among them.
    """

    def __init__(self, switch: Switch, given: dict[str, Any]) -> None:
        self.switch, self.given = switch, given

    def wanted(self) -> bool:
        """Whether this call is worth a record."""
        return True

    def options(self) -> dict[str, Any]:
        """Of ``init``, for a run of its own."""
        return {}

    def change(self, fit: Fit) -> dict[str, Any]:
        """Arguments to call with instead: callbacks, mostly."""
        return {}

    def inside(self, fit: Fit) -> dict[str, Any]:
        """The same for a call inside a recorded one of this library."""
        return {}

    def begin(self, fit: Fit) -> None:
        """Before the call."""

    def end(self, fit: Fit, result: Any) -> None:
        """After it."""

    def after(self, fit: Fit) -> None:
        """At the very end, whether it failed or not."""

    def seen(self, result: Any) -> None:
        """After an outermost call that was not wanted."""


class _Around:
    """Decides what becomes of a call; copies in other processes record nothing."""

    def __init__(self, switch: Switch, original: Any, recipe: type[Recipe]) -> None:
        self._switch, self._original, self._recipe = switch, original, recipe
        self._key = new_id()
        _arounds[self._key] = self

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Call | None:
        if not self._switch.on:
            return None
        return attempt(self._switch.name, self._begin, args, kwargs)

    def _begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Call | None:
        call = _Call(self._switch, args, kwargs)
        fit, depth = open_fit(), getattr(_here, "depth", 0)
        if depth or _in_worker_thread():
            others = fit is None or fit.switch is not self._switch
            if others or self._recipe.inside is Recipe.inside:
                return None
            assert fit is not None
            recipe = self._recipe(self._switch, self._bound(args, kwargs))
            call.change(self._original, recipe.inside(fit))
            return call
        recipe = self._recipe(self._switch, self._bound(args, kwargs))
        _here.depth = 1
        call.outermost, call.recipe = True, recipe
        try:
            if recipe.wanted():
                call.fit = Fit.begin(self._switch, **recipe.options())
                _here.fit = call.fit
                _open.append(call.fit)
                attempt(self._switch.name, recipe.begin, call.fit)
                changed = attempt(self._switch.name, recipe.change, call.fit)
                call.change(self._original, changed or {})
        except BaseException:
            call.leave()
            raise
        return call

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        bound = inspect.signature(self._original).bind(*args, **kwargs)
        return dict(bound.arguments)

    def __reduce__(self) -> Any:
        return _by_key, (self._key,)


class _Elsewhere:
    """Stands for one of another process, and becomes it again on the way back: classes that are
    pickled by value bring their functions along, and put them into the class at home.
    """

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Nothing is recorded here."""

    def __reduce__(self) -> Any:
        return _by_key, (self._key,)


def _by_key(key: str) -> _Around | _Elsewhere:
    return _arounds.get(key) or _Elsewhere(key)


class _Call:
    """See :class:`notabene.integrations._through.Call`."""

    def __init__(self, switch: Switch, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args, self.kwargs = args, kwargs
        self.fit: Fit | None = None
        self.recipe: Recipe | None = None
        self.outermost = False
        self._name = switch.name

    def change(self, original: Any, changed: Mapping[str, Any]) -> None:
        """Put other values for some arguments."""
        if changed:
            bound = inspect.signature(original).bind(*self.args, **self.kwargs)
            bound.arguments.update(changed)
            self.args, self.kwargs = bound.args, bound.kwargs

    def done(self, result: Any) -> Any:
        """The result, as the library gave it."""
        try:
            if self.fit is not None and self.recipe is not None:
                attempt(self._name, self.recipe.end, self.fit, result)
            elif self.recipe is not None:
                attempt(self._name, self.recipe.seen, result)
        finally:
            self._end(None)
        return result

    def failed(self, error: BaseException) -> None:
        """A run of its own fails as well."""
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        if self.outermost:
            self.leave()
            if self.fit is not None and self.recipe is not None:
                attempt(self._name, self.recipe.after, self.fit)
                attempt(self._name, self.fit.end, error)

    def leave(self) -> None:
        """This thread records again."""
        _here.depth, _here.fit = 0, None
        if self.fit in _open:
            _open.remove(self.fit)


def put(switch: Switch, holder: Any, name: str, recipe: type[Recipe]) -> None:
    """Have a function of a class or a module recorded by a recipe."""
    original = vars(holder).get(name) or getattr(holder, name)
    switch.put(holder, name, wrapped_by(switch, original, recipe))


def wrapped_by(switch: Switch, original: Any, recipe: type[Recipe]) -> Any:
    """A function that is recorded by a recipe, to be put in the place of the original."""
    return through(original, _Around(switch, original, recipe))


def chosen(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Those of some arguments that are there and not None."""
    return {name: given[name] for name in names if given.get(name) is not None}


def open_fit() -> Fit | None:
    """The fit that is being recorded in this thread."""
    fit: Fit | None = getattr(_here, "fit", None)
    return fit


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """Inside a fit: what is called now is no part of it, as a trial of a study."""
    before = getattr(_here, "depth", 0), open_fit()
    _here.depth, _here.fit = 0, None
    try:
        yield
    finally:
        _here.depth, _here.fit = before


def _in_worker_thread() -> bool:
    """Whether joblib runs this as a part of another thread's fit."""
    if not _open or threading.current_thread() is threading.main_thread():
        return False
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == "joblib.parallel":
            return True
        frame = frame.f_back
    return False
