"""The switchboard: has libraries tell a run what they do, and takes that back again.

An integration is a module for one library. It is found in the table below, or among the entry
points ``notabene.integrations`` of installed packages, by the name of the library's module; it is
loaded only once that library is. It has:

    VERSIONS = ("1.6", "2")                 the first version it knows, the first it does not
    def switch_on(switch: Switch) -> None   puts its wrappers in place, by ``switch.put``
"""

from __future__ import annotations

import re
import sys
import threading
import warnings
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from notabene.errors import MissingDependencyError, NotabeneWarning, UsageError
from notabene.tracking.guard import TROUBLE, quietly

GROUP = "notabene.integrations"
"""Entry points: name of a library's module -> its integration's module."""

_HERE = "notabene.integrations."
BUILT_IN = {
    "sklearn": f"{_HERE}sklearn",
    "xgboost": f"{_HERE}xgboost",
    "lightgbm": f"{_HERE}lightgbm",
    "catboost": f"{_HERE}catboost",
    "keras": f"{_HERE}keras",
    "lightning": f"{_HERE}lightning",
    "pytorch_lightning": f"{_HERE}lightning",
    "transformers": f"{_HERE}transformers",
    "optuna": f"{_HERE}optuna",
    "statsmodels": f"{_HERE}statsmodels",
}
_TRIGGER = {
    "lightning": "lightning.pytorch",
    "statsmodels": "statsmodels.base.model",
}
"""What is imported last of a library whose own module loads little."""
_PACKAGES = {"sklearn": "scikit-learn", "pytorch_lightning": "pytorch-lightning"}
ALIASES = {"scikit-learn": "sklearn", "huggingface": "transformers"}
BY_HAND = {
    "torch": "notabene.integrations.torch.watch(model)",
    "accelerate": "notabene.integrations.accelerate.NotabeneTracker",
    "hydra": "notabene.integrations.hydra.NotabeneCallback",
    "onnx": "notabene.integrations.onnx.save_model(model)",
}
_ABSENT: Any = object()


class Switch:
    """What one integration has put into a library, so that it can be taken out.

    Attributes:
        name: Name of the library's module.
        module: The library.
        on: Whether it is to record; a wrapper that somebody keeps is to look here.
        models: Whether models are to be kept.
    """

    def __init__(self, name: str, *, models: bool = True) -> None:
        self.name = name
        self.module: Any = None
        self.on = True
        self.models = models
        self._put: list[tuple[Any, str, Any, Any]] = []

    def put(self, holder: Any, name: str, wrapper: Any) -> None:
        """Set an attribute of a class or a module; names in the user's modules follow."""
        before = vars(holder).get(name, _ABSENT)
        self._put.append((holder, name, before, wrapper))
        setattr(holder, name, wrapper)
        if isinstance(holder, ModuleType) and before is not _ABSENT:
            _rebind(before, wrapper)

    def put_item(self, table: dict[str, Any], name: str, value: Any) -> None:
        """Set an item of a library's table."""
        self._put.append((table, name, table.get(name, _ABSENT), value))
        table[name] = value

    def off(self) -> None:
        """Put everything back that nobody else has replaced since."""
        self.on = False
        for holder, name, before, wrapper in reversed(self._put):
            table = holder if isinstance(holder, dict) else vars(holder)
            if table.get(name, _ABSENT) is not wrapper:
                continue
            if isinstance(holder, dict):
                holder.pop(name)
                holder.update({} if before is _ABSENT else {name: before})
            elif before is _ABSENT:
                delattr(holder, name)
            else:
                setattr(holder, name, before)
                if isinstance(holder, ModuleType):
                    _rebind(wrapper, before)
        self._put.clear()


_switches: dict[str, Switch] = {}
_lock = threading.RLock()


def autolog(*frameworks: str, enabled: bool = True, models: bool = True) -> None:
    """Have training libraries log by themselves: parameters, curves, scores, models.

    A fit logs to the current run; where there is none it begins a run of its own and ends it.
    What a fit calls inside (the fits of a search, a pipeline, an ensemble) is part of it. Results
    are the same with and without, and trouble here is a warning, never an error in a fit.

    Args:
        frameworks: ``sklearn``, ``xgboost``, ``lightgbm``, ``catboost``, ``keras``,
            ``lightning``, ``transformers``, ``optuna``, ``statsmodels``; default is all of
            them. One that is imported later is switched on then.
        enabled: False takes everything back out of the libraries.
        models: Whether the models that come out are kept as artifacts.

    Raises:
        UsageError: There is no integration of this name, or it needs no switch.
        MissingDependencyError: A library that was named is not installed.
    """
    known = {**BUILT_IN, **_installed()}
    names = [ALIASES.get(name, name) for name in frameworks]
    for name in names:
        _check(name, known, enabled=enabled)
    if "lightning" in names:
        names.append("pytorch_lightning")
    with _lock:
        for name in names or known:
            if enabled:
                _wait_for(name, known[name], models)
            elif name in _switches:
                _switches.pop(name).off()


def integration_of(library: str) -> Any:
    """The integration's module for a library, loaded; None where there is none.

    Raises:
        MissingDependencyError: The library is not installed.
    """
    path = {**BUILT_IN, **_installed()}.get(library) or (
        f"{_HERE}{library}" if library in BY_HAND else None
    )
    if path is None:
        return None
    try:
        return import_module(path)
    except ModuleNotFoundError as error:
        raise _missing((error.name or library).partition(".")[0]) from error


def _missing(library: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"{library} is not installed", hint=f"pip install {_PACKAGES.get(library, library)}"
    )


def _installed() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=GROUP)}


def _check(name: str, known: dict[str, str], *, enabled: bool) -> None:
    if name in BY_HAND and name not in known:
        raise UsageError(f"autolog() cannot switch on {name!r}", hint=f"use {BY_HAND[name]}")
    if name not in known:
        from difflib import get_close_matches

        near = get_close_matches(name, known, 1)
        raise UsageError(
            f"autolog() does not know {name!r}; it knows {', '.join(sorted(known))}",
            hint=f"did you mean {near[0]!r}?" if near else "",
        )
    names = ("lightning", "pytorch_lightning") if name == "lightning" else (name,)
    if enabled and not any(n in sys.modules or find_spec(n) is not None for n in names):
        raise _missing(name)


def _wait_for(name: str, path: str, models: bool) -> None:
    from notabene.capture.watch.later import when_imported

    switch = _switches.get(name)
    if switch is not None:
        switch.models = models
        return
    switch = _switches[name] = Switch(name, models=models)
    when_imported(_TRIGGER.get(name, name), lambda _module: _arrived(switch, path))


def _arrived(switch: Switch, path: str) -> None:
    """The library is there: put the integration in, unless it was switched off meanwhile."""
    with _lock:
        if not switch.on or switch.module is not None:
            return
        try:
            switch.module = sys.modules[switch.name]
            if supported(switch.name, *_known_versions(path)):
                import_module(path).switch_on(switch)
        except TROUBLE as error:
            switch.off()
            say(f"autolog() could not be switched on for {switch.name}: {told(error)}")


def _known_versions(path: str) -> tuple[str, str]:
    """What an integration says of versions, read: to load it may fail with one it does not know."""
    spec = find_spec(path)
    source = getattr(spec.loader, "get_source", None) if spec is not None else None
    found = re.search(r"""^VERSIONS = \(["']([^"']+)["'], ["']([^"']+)["']\)""",
                      source(path) if source else "", re.MULTILINE)  # fmt: skip
    if found is None:
        raise UsageError(f"{path} does not say which versions it knows")
    return found[1], found[2]


def supported(library: str, first: str, beyond: str) -> bool:
    """Whether the version that is loaded is a known one; says so where not."""
    trouble = _unknown(library, first, beyond)
    if trouble:
        say(f"{trouble}; it records nothing of it")
    return not trouble


def expect(library: str, first: str, beyond: str) -> None:
    """Say where a version is not a known one, of an integration that is used by hand."""
    trouble = _unknown(library, first, beyond)
    if trouble:
        say(f"{trouble}; what it records may be incomplete")


def _unknown(library: str, first: str, beyond: str) -> str:
    version = version_of(library)
    if not version or _parts(first) <= _parts(version) < _parts(beyond):
        return ""
    return (
        f"notabene's integration knows {library} from {first} on and before {beyond}, not {version}"
    )


def version_of(library: str) -> str:
    """The version of a library that is loaded; empty where it does not say."""
    from importlib.metadata import PackageNotFoundError, version

    found = getattr(sys.modules.get(library), "__version__", None)
    try:
        return str(found or version(library))
    except PackageNotFoundError:
        return ""


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])


def say(text: str) -> None:
    """A warning that stays one, also where warnings are errors: no fit shall end by it."""
    quietly(lambda: warnings.warn(NotabeneWarning(text), stacklevel=4))


def told(error: BaseException) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {error}".partition("\n")[0][:300]


def _rebind(original: object, replacement: object) -> None:
    from notabene.capture.watch.later import rebind

    rebind(original, replacement)
