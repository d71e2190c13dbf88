"""Accelerate: a tracker."""

from __future__ import annotations

from typing import Any

from accelerate.tracking import GeneralTracker, on_main_process

from notabene.integrations._base import attempt, begin_run, current_run, expect, simple

VERSIONS = ("0.34", "2")
expect("accelerate", *VERSIONS)


class NotabeneTracker(GeneralTracker):
    """Takes what ``accelerator.log(...)`` says into a run.

        accelerator = Accelerator(log_with=NotabeneTracker("digits"))
        accelerator.init_trackers("digits", config={"lr": 0.1})

    Logs to the current run; where there is none it begins one, which
    ``accelerator.end_training()`` ends.

    Args:
        project: Of a run of its own.
        run: The run to log to, instead.
        options: Of ``notabene.init``, for a run of its own.
    """

    name = "notabene"
    requires_logging_directory = False
    main_process_only = True

    def __init__(self, project: str | None = None, *, run: Any = None, **options: Any) -> None:
        super().__init__()
        self._run, self._own = run, False
        self._options = {"project": project, **options}

    @property
    def tracker(self) -> Any:
        """The run; begun when it is first asked for."""
        if self._run is None:
            self._run = current_run()
        if self._run is None:
            self._run, self._own = begin_run("accelerate", **self._options), True
        return self._run

    @on_main_process
    def store_init_configuration(self, values: dict[str, Any]) -> None:
        """Called by ``init_trackers(config=...)``."""
        attempt("accelerate", lambda: self.tracker.config.update(simple(values)))

    @on_main_process
    def log(self, values: dict[str, Any], step: int | None = None, **kwargs: Any) -> None:
        """Called by ``accelerator.log``."""
        attempt("accelerate", lambda: self.tracker.log(values, step=step))

    @on_main_process
    def log_images(self, values: dict[str, Any], step: int | None = None, **kwargs: Any) -> None:
        """Images by name; of several under one name each gets a number."""
        attempt("accelerate", self._images, values, step)

    @on_main_process
    def finish(self) -> None:
        """Called by ``end_training``."""
        if self._own:
            attempt("accelerate", self.tracker.finish)

    def _images(self, values: dict[str, Any], step: int | None) -> None:
        for key, images in values.items():
            many = images if isinstance(images, list | tuple) else [images]
            for number, image in enumerate(many):
                name = key if len(many) == 1 else f"{key}/{number}"
                self.tracker.log_image(name, image, step=step)
