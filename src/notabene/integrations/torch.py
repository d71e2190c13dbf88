"""PyTorch: weights and gradients of a model as histograms, and its tensors as an artifact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from notabene.integrations._base import (
    Histogram,
    attempt,
    current_run,
    expect,
    keep,
    need_run,
    save_tensors,
    undisturbed,
)

VERSIONS = ("2.1", "3")
expect("torch", *VERSIONS)
BINS = 64


class Watch:
    """What :func:`watch` hangs onto a model.

    Attributes:
        steps: Forward passes in training mode so far; the step of what is logged.
    """

    def __init__(self, model: Any, run: Any, every: int, what: tuple[str, ...]) -> None:
        self.steps = -1
        self._model, self._run, self._every, self._what = model, run, every, what
        self._hooks = [model.register_forward_pre_hook(self._forward)]
        if "gradients" in what:
            for name, weight in model.named_parameters():
                if weight.requires_grad:
                    hook = self._hook(name)
                    self._hooks.append(weight.register_post_accumulate_grad_hook(hook))

    def stop(self) -> None:
        """Take all hooks off."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _now(self) -> bool:
        return self.steps % self._every == 0

    def _forward(self, model: Any, inputs: Any) -> None:
        if model.training and torch.is_grad_enabled():
            self.steps += 1
            if "weights" in self._what and self._now():
                for name, weight in model.named_parameters():
                    attempt("torch", self._log, f"weights/{name}", weight)

    def _hook(self, name: str) -> Any:
        def after_gradient(weight: Any) -> None:
            if self._now() and weight.grad is not None:
                attempt("torch", self._log, f"gradients/{name}", weight.grad)

        return after_gradient

    def _log(self, key: str, tensor: Any) -> None:
        run = self._run or current_run()
        if run is not None:
            # Beside the user's own steps, which go on as they were.
            run.put_value(key, histogram(tensor), max(self.steps, 0))


def watch(
    model: Any,
    *,
    every: int = 100,
    what: tuple[str, ...] = ("gradients", "weights"),
    run: Any = None,
) -> Watch:
    """Log histograms of a model's gradients and weights while it is trained.

        with watch(model, every=50):
            ...

    Gradients are taken when they have been computed, weights before a forward pass; neither is
    changed. The counting is done where the tensors are.

    Args:
        model: A ``torch.nn.Module``.
        every: Forward passes in training mode from one record to the next.
        what: ``gradients``, ``weights`` or both.
        run: Where to; default is the current run.

    Returns:
        What ends it: ``stop()``, or a ``with`` block.

    Raises:
        UsageError: There is no run.
    """
    if run is None:
        need_run("integrations.torch.watch")
    return Watch(model, run, max(1, every), what)


def save_model(model: Any, name: str | None = None, *, run: Any = None, **facts: Any) -> Any:
    """Keep a model's tensors as an artifact: as safetensors, or as a pickle without that library.

    Args:
        model: A ``torch.nn.Module``.
        name: Default is its class.
        run: Which run made it; default is the current one.
        facts: What else to keep beside it.

    Returns:
        The artifact; ``notabene.load_model`` gives the tensors by name, for ``load_state_dict``.

    Raises:
        UsageError: There is no run.
    """
    run = run or need_run("integrations.torch.save_model")
    kind = type(model)
    known = {
        "library": "torch",
        "class": f"{kind.__module__}.{kind.__qualname__}",
        "version": torch.__version__,
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    return keep(
        run, name or kind.__name__, lambda folder: save_tensors(model, folder), {**known, **facts}
    )


def load(path: Path, card: dict[str, Any], *, trust: bool) -> Any:
    """Tensors by name; of a pickle nothing but tensors either."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def histogram(tensor: Any) -> Any:
    """Counts of a tensor's finite values in bins of equal width, made on its device."""
    with torch.no_grad(), undisturbed():
        values = tensor.detach()
        values = values.coalesce().values() if values.is_sparse else values
        values = values.abs() if values.is_complex() else values
        values = values.flatten().float()
        finite = values[torch.isfinite(values)]
        if not finite.numel():
            return Histogram(values[:BINS].tolist())
        low, high = (float(edge) for edge in torch.aminmax(finite))
        if low == high:
            low, high = low - 0.5, high + 0.5
        counts = torch.histc(finite, BINS, low, high)
        edges = [low + (high - low) * i / BINS for i in range(BINS)] + [high]
        return Histogram(np_histogram=(counts.tolist(), edges))
