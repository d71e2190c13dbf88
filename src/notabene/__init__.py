"""notabene: a laboratory notebook for machine learning that writes itself.

    import notabene

    run = notabene.init("digits", config={"lr": 0.1})
    for step in range(100):
        run.log({"loss": 1 / (step + 1)})
    run.finish()

This module only re-exports; it loads neither numpy nor any framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from notabene._version import __version__
from notabene.errors import (
    AccessError,
    ConflictError,
    FormatError,
    IntegrityError,
    MissingDependencyError,
    NotabeneError,
    NotabeneWarning,
    NotFoundError,
    QueryError,
    RefError,
    SettingsError,
    TransportError,
    UsageError,
)
from notabene.tracking.context import current_run
from notabene.tracking.early import begin
from notabene.tracking.fluent import (
    alert,
    conclude,
    config,
    define_metric,
    end_run,
    finish,
    log,
    log_artifact,
    log_artifacts,
    log_code_version,
    log_data,
    log_figure,
    log_image,
    log_metric,
    log_metrics,
    log_param,
    log_params,
    log_table,
    log_text,
    note,
    set_tag,
    set_tags,
    start_run,
    summary,
    use_artifact,
    use_data,
)
from notabene.tracking.init import init
from notabene.tracking.run import Run
from notabene.tracking.tracked import track

if TYPE_CHECKING:
    from notabene.api import Api
    from notabene.capture.snapshot import Capture
    from notabene.tracking.artifact import Artifact
    from notabene.tracking.autolog import autolog
    from notabene.tracking.media import Audio, Figure, Histogram, Html, Image, Table, Text, Video
    from notabene.tracking.models import load_model
    from notabene.tracking.seeding import seed

_LATER = {
    "Audio": "notabene.tracking.media",
    "Figure": "notabene.tracking.media",
    "Histogram": "notabene.tracking.media",
    "Html": "notabene.tracking.media",
    "Image": "notabene.tracking.media",
    "Table": "notabene.tracking.media",
    "Text": "notabene.tracking.media",
    "Video": "notabene.tracking.media",
    "Api": "notabene.api",
    "Artifact": "notabene.tracking.artifact",
    "Capture": "notabene.capture.snapshot",
    "autolog": "notabene.tracking.autolog",
    "load_model": "notabene.tracking.models",
    "seed": "notabene.tracking.seeding",
}
"""What a training script may never need is loaded when it is first used."""

__all__ = [
    "AccessError",
    "Api",
    "Artifact",
    "Audio",
    "Capture",
    "ConflictError",
    "Figure",
    "FormatError",
    "Histogram",
    "Html",
    "Image",
    "IntegrityError",
    "MissingDependencyError",
    "NotFoundError",
    "NotabeneError",
    "NotabeneWarning",
    "QueryError",
    "RefError",
    "Run",
    "SettingsError",
    "Table",
    "Text",
    "TransportError",
    "UsageError",
    "Video",
    "__version__",
    "alert",
    "autolog",
    "conclude",
    "config",
    "current_run",
    "define_metric",
    "end_run",
    "finish",
    "init",
    "load_model",
    "log",
    "log_artifact",
    "log_artifacts",
    "log_code_version",
    "log_data",
    "log_figure",
    "log_image",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_table",
    "log_text",
    "note",
    "seed",
    "set_tag",
    "set_tags",
    "start_run",
    "summary",
    "track",
    "use_artifact",
    "use_data",
]


begin()


def __getattr__(name: str) -> Any:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module 'notabene' has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
