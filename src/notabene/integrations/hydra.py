"""Hydra: a callback that makes each job a run with the composed config; a multirun is a group.

hydra:
  callbacks:
    notabene:
      _target_: notabene.integrations.hydra.NotabeneCallback
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import OmegaConf

from notabene.integrations._base import attempt, begin_run, end_run, expect

VERSIONS = ("1.3", "2")
expect("hydra", *VERSIONS)


class NotabeneCallback(Callback):
    """Begins a run when a job starts and ends it with the job.

    Args:
        project: Default is the job's name, which Hydra takes from the script.
        options: Of ``notabene.init``.
    """

    def __init__(self, project: str | None = None, **options: Any) -> None:
        self._project, self._options = project, options
        self._run: Any = None

    def on_job_start(self, config: Any, **kwargs: Any) -> None:
        """Called by Hydra in the process of the job."""
        attempt("hydra", self._begin, config)

    def on_job_end(self, config: Any, job_return: Any, **kwargs: Any) -> None:
        """Called by Hydra with what came of the job."""
        if self._run is not None:
            attempt("hydra", self._end, job_return)

    def _begin(self, config: Any) -> None:
        hydra = config.hydra
        values = OmegaConf.to_container(config, resolve=False)
        assert isinstance(values, dict)
        values.pop("hydra", None)
        own = OmegaConf.create(values)
        try:
            resolved = OmegaConf.to_container(own, resolve=True)
        except ValueError:  # what it refers to is known only inside the job
            resolved = values
        options: dict[str, Any] = {"project": self._project or hydra.job.name, **self._options}
        if str(hydra.mode).endswith("MULTIRUN"):
            folder = Path(hydra.sweep.dir)
            options.setdefault("group", "/".join(folder.parts[-2:]))
        overrides = list(hydra.overrides.task)
        self._run = begin_run("hydra", config=resolved, **options)
        if overrides:
            self._run.set_tag("hydra.overrides", " ".join(overrides)[:250])

    def _end(self, job_return: Any) -> None:
        run, self._run = self._run, None
        if job_return.status.name == "FAILED":
            error = getattr(job_return, "_return_value", None)
            if isinstance(error, BaseException):
                end_run(run, error)
            else:
                run.finish("failed")
            return
        run.finish()
