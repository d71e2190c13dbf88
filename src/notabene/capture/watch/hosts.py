"""Whose business a connection to another machine is."""

from __future__ import annotations

from notabene.capture.watch.places import USER, direct, kind_of, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from notabene.capture.watch.places import Place

_LOCAL = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "")  # noqa: S104  # compared with, not bound
_CLIENTS = (
    "requests urllib3 httpx httpcore anyio aiohttp websocket websockets pandas numpy fsspec pooch "
    "huggingface_hub datasets torch torchvision sklearn imageio skimage smart_open botocore boto3"
).split()
"""What a program reads through; of other libraries connections to this machine are their own."""
_TELLING = (
    "mlflow wandb comet_ml neptune clearml aim trackio tensorboard sentry_sdk opentelemetry "
    "prometheus_client ddtrace datadog posthog slack_sdk"
).split()
"""What tells others of the run: nothing comes in by it."""


def asked_from(name: str, frame: FrameType) -> Place | None:
    """The user's line that talks to a host.

    Returns:
        None where notabene does, where results are told to others, or where processes on this
        machine talk to each other.
    """
    local = name in _LOCAL or name.startswith("127.")
    where = direct(frame, _CLIENTS) if local else place(frame)
    if where is None or not where[0] or (local and _is_between(frame)):
        return None
    return None if is_in(frame, _TELLING) else where


def is_in(frame: FrameType | None, packages: Sequence[str]) -> bool:
    """Whether code of some packages stands between a frame and the user's code."""
    while frame is not None and kind_of(frame.f_code.co_filename) != USER:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in packages:
            return True
        frame = frame.f_back
    return False


def _is_between(frame: FrameType | None) -> bool:
    """Whether processes of one program talk to each other."""
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(("multiprocessing.", "notabene.")):
            return not frame.f_code.co_filename.startswith(_HERE)
        frame = frame.f_back
    return False


_HERE = __file__.rpartition("hosts")[0]
