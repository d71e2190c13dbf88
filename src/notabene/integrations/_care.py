"""What keeps a library undisturbed, and turns what it has into plain values."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from notabene.settings import Settings
from notabene.tracking.autolog import say, told
from notabene.tracking.guard import TROUBLE
from notabene.tracking.models import Kept
from notabene.tracking.plain import cut, text_of

R = TypeVar("R")

SHORT = 500
"""Letters of a text, and numbers of an array, that a setting may have."""

_said: set[tuple[str, str]] = set()


def attempt(library: str, call: Callable[..., R], *args: Any) -> R | None:
    """Do something of ours in the user's process; what it raises is a warning, once a kind."""
    try:
        return call(*args)
    except TROUBLE as error:
        if Settings()["strict"]:
            raise
        if (library, type(error).__name__) not in _said:
            _said.add((library, type(error).__name__))
            say(f"notabene could not record something of {library}: {told(error)}")
        return None


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Random generators stand afterwards where they stood before; the library's warnings of
    what we ask of it are nobody's.
    """
    import warnings

    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    first = random.getstate()
    second = numpy.random.get_state() if numpy is not None else None
    third = torch.get_rng_state() if torch is not None and hasattr(torch, "get_rng_state") else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(first)
        if numpy is not None and second is not None:
            numpy.random.set_state(second)
        if torch is not None and third is not None:
            torch.set_rng_state(third)


def save_tensors(model: Any, folder: Path) -> Kept:
    """The tensors of a PyTorch module, by name: as safetensors where that is installed."""
    try:
        from safetensors.torch import save_model
    except ImportError:
        import torch

        torch.save(model.state_dict(), folder / "model.pt")
        return Kept("model.pt", "torch-pickle")
    save_model(model, str(folder / "model.safetensors"))
    return Kept("model.safetensors", "safetensors")


def simple(value: Any) -> Any:
    """A value as one reads it in a table of settings: what is no plain value by its name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): simple(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [simple(item) for item in value]
    if hasattr(value, "get_params") or hasattr(value, "get_config"):
        return type(value).__name__
    if hasattr(value, "item") and getattr(value, "size", 0) == 1:
        return value.item()
    if hasattr(value, "tolist"):
        return value.tolist() if getattr(value, "size", 0) <= SHORT else str(type(value).__name__)
    if callable(value):
        return getattr(value, "__qualname__", type(value).__name__)
    return cut(text_of(value)[:SHORT])[0]


def subclasses(kind: Any) -> Iterator[Any]:
    """All classes below one that are defined by now."""
    todo, seen = [kind], {kind}
    while todo:
        for child in type.__subclasses__(todo.pop()):
            if child not in seen:
                seen.add(child)
                todo.append(child)
                yield child
