"""Lightning, under both its names: a logger, and ``trainer.fit`` by itself."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from notabene.integrations._base import (
    Fit,
    Recipe,
    Switch,
    attempt,
    begin_run,
    current_run,
    expect,
    put,
    reopened,
    save_tensors,
    simple,
)

VERSIONS = ("2.2", "3")
_NAMES = ("lightning.pytorch", "pytorch_lightning")


def _package() -> Any:
    """The one that the program has loaded, else the one that is installed."""
    for name in _NAMES:
        if name in sys.modules:
            return sys.modules[name]
    return import_module(_NAMES[0] if find_spec("lightning") else _NAMES[1])


_lightning = _package()
expect(_lightning.__name__.partition(".")[0], *VERSIONS)
_loggers = [
    sys.modules[name].loggers.logger.Logger for name in _NAMES if name in sys.modules
]  # of each, where a program has both
_Base: Any = type("Logger", tuple(_loggers), {})
_rank_zero = import_module(f"{_lightning.__name__}.utilities.rank_zero").rank_zero_only


class NotabeneLogger(_Base):
    """Takes what ``self.log(...)`` of a module says into a run.

        trainer = Trainer(logger=NotabeneLogger("digits"))

    Logs to the current run; where there is none it begins one, which ends with the fit.

    Args:
        project: Of a run of its own.
        run: The run to log to, instead.
        checkpoints: Whether the best checkpoint is kept as an artifact when a fit ends.
        options: Of ``notabene.init``, for a run of its own.
    """

    def __init__(
        self,
        project: str | None = None,
        *,
        run: Any = None,
        checkpoints: bool = True,
        **options: Any,
    ) -> None:
        super().__init__()
        self._run, self._checkpoints = run, checkpoints
        self._own = False
        self._options = {"project": project, **options}
        self._saving: Any = None
        self.inner = False

    @property
    def experiment(self) -> Any:
        """The run; begun when it is first asked for."""
        if self._run is None:
            self._run = current_run()
        if self._run is None:
            self._run, self._own = begin_run("lightning", **self._options), True
        return self._run

    @property
    def name(self) -> str:
        """The project; checkpoints go into a folder of this name."""
        return "" if self.inner or _rank_zero.rank else str(self.experiment.project)

    @property
    def version(self) -> str:
        """The run's id."""
        return "" if self.inner or _rank_zero.rank else str(self.experiment.id)

    @property
    def save_dir(self) -> str | None:
        """Where checkpoints go: left to the trainer."""
        return self._options.get("save_dir")

    @_rank_zero
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Called by Lightning with the module's ``hparams``."""
        attempt("lightning", self._config, params)

    @_rank_zero
    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        """Called by Lightning every ``log_every_n_steps``."""
        attempt("lightning", self._metrics, dict(metrics), step)

    @_rank_zero
    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Called by Lightning; the best one is known at the end."""
        self._saving = checkpoint_callback

    @_rank_zero
    def finalize(self, status: str) -> None:
        """Called by Lightning at the end of a fit or a test."""
        attempt("lightning", self._finish, status)

    def _config(self, params: Any) -> None:
        values = params if isinstance(params, dict) else vars(params)
        with reopened(self.experiment) as run:
            run.config.update({str(k): simple(v) for k, v in values.items()})

    def _metrics(self, metrics: dict[str, Any], step: int | None) -> None:
        with reopened(self.experiment) as run:
            run.log(metrics, step=step)

    def _finish(self, status: str) -> None:
        run, saving, self._saving = self.experiment, self._saving, None
        path = getattr(saving, "best_model_path", "") if self._checkpoints else ""
        if path and run.active:
            score = getattr(saving, "best_model_score", None)
            facts = {"format": "lightning-checkpoint", "safe": False, "library": "lightning"}
            known = {} if score is None else {"score": float(score), "monitor": saving.monitor}
            run.log_artifact(path, name=f"{run.project}-checkpoint", type="checkpoint",
                             metadata={**facts, **known})  # fmt: skip
        if self._own and run.active:
            run.finish("failed" if status == "failed" else "finished")


class FitRecipe(Recipe):
    """``trainer.fit(module)``."""

    def wanted(self) -> bool:
        """One process of a job is enough: the others have the same numbers."""
        return bool(self.given["self"].is_global_zero)

    def begin(self, fit: Fit) -> None:
        """What is trained, and how."""
        trainer, module = self.given["self"], self.given["model"]
        names = ("max_epochs", "max_steps", "gradient_clip_val", "accumulate_grad_batches",
                 "precision", "num_devices", "num_nodes")  # fmt: skip
        values = {name: getattr(trainer, name, None) for name in names}
        parameters = sum(p.numel() for p in module.parameters())
        fit.params({"model": type(module).__name__, "parameters": parameters})
        fit.params({k: v for k, v in values.items() if v is not None}, "trainer")
        if any(isinstance(logger, NotabeneLogger) for logger in trainer.loggers):
            return
        # The last of the loggers, and of no name of its own: what Lightning derives from its
        # loggers, like the folder for checkpoints, stays as it was.
        logger = NotabeneLogger(run=fit.run, checkpoints=False, save_dir=trainer.default_root_dir)
        logger.inner = True
        fit.state["loggers"] = trainer.loggers
        trainer.loggers = [*trainer.loggers, logger]

    def end(self, fit: Fit, result: Any) -> None:
        """The tensors of the module."""
        fit.model(self.given["model"], save_tensors)

    def after(self, fit: Fit) -> None:
        """The trainer has its own loggers again."""
        if "loggers" in fit.state:
            self.given["self"].loggers = fit.state["loggers"]


def switch_on(switch: Switch) -> None:
    """Wrap ``Trainer.fit``."""
    name = "lightning.pytorch" if switch.name == "lightning" else "pytorch_lightning"
    put(switch, sys.modules[name].Trainer, "fit", FitRecipe)
