"""Models as artifacts: the library's own file, and beside it what it is.

Formats that hold numbers and names alone are safe to read. A pickle is a program: it is marked as
one where it is kept, and nothing here loads it unless the caller says that it is to be trusted.
What decides is the format of the file, never what a description says of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

from notabene.errors import AccessError, FormatError, NotFoundError, UsageError
from notabene.tracking.context import current_run
from notabene.tracking.plain import plain

if TYPE_CHECKING:
    from notabene.tracking.artifact import Artifact
    from notabene.tracking.run import Run

CARD = "notabene.json"
"""What the model beside it is, as JSON."""


class Format(msgspec.Struct, frozen=True):
    """A form that models are kept in.

    Attributes:
        by: Whose integration loads it.
        safe: Whether reading it can run no code.
        suffix: End of the file's name; empty for a folder.
    """

    by: str
    safe: bool
    suffix: str = ""


FORMATS = {
    "skops": Format("sklearn", True, ".skops"),
    "xgboost-ubj": Format("xgboost", True, ".ubj"),
    "lightgbm-text": Format("lightgbm", True, ".txt"),
    "catboost-cbm": Format("catboost", True, ".cbm"),
    "keras": Format("keras", True, ".keras"),
    "safetensors": Format("torch", True, ".safetensors"),
    "onnx": Format("onnx", True, ".onnx"),
    "transformers": Format("transformers", True),
    "torch-pickle": Format("torch", False, ".pt"),
    "statsmodels-pickle": Format("statsmodels", False, ".statsmodels"),
    "pickle": Format("sklearn", False, ".pkl"),
}


class Kept(msgspec.Struct, frozen=True):
    """What an integration wrote.

    Attributes:
        file: Name in the folder; empty where the whole folder is the model.
        format: One of :data:`FORMATS`.
    """

    file: str
    format: str


def keep(run: Run, name: str, save: Any, facts: Mapping[str, Any]) -> Artifact:
    """Keep a model as the next version of an artifact ``<project>-<name>`` of type ``model``.

    Args:
        run: The run that made it.
        name: The model's name, mostly its class.
        save: Called with an empty folder; writes the model there and gives a :class:`Kept`.
        facts: What else is known: class, signature, input.
    """
    with TemporaryDirectory(prefix="notabene-model-") as place:
        folder = Path(place)
        kept: Kept = save(folder)
        safe = FORMATS[kept.format].safe
        card = plain({"format": kept.format, "file": kept.file, "safe": safe, **facts})
        (folder / CARD).write_bytes(msgspec.json.format(msgspec.json.encode(card)))
        return run.log_artifact(
            folder,
            name=re.sub(r"[^\w.-]+", "-", f"{run.project}-{name}").strip("-"),
            type="model",
            metadata=card,
            description="" if safe else "a pickle: loading it runs the code in it",
        )


def load_model(ref: str | os.PathLike[str], *, trust: bool = False) -> Any:
    """Load a model that an integration kept: from an artifact, or from a file or folder.

        model = notabene.load_model("digits-LogisticRegression:latest")

    With a current run, an artifact counts among what the run used.

    Args:
        ref: ``name``, ``name:v3``, ``name:alias``, or a path that is there.
        trust: Load it also where loading can run code that it holds (a pickle).

    Returns:
        The model, as its library loads it; of PyTorch the tensors by name.

    Raises:
        AccessError: Loading it can run code, and ``trust`` is not given.
        NotFoundError: There is no such artifact or path.
        FormatError: It is no model that notabene knows.
        MissingDependencyError: Its library is not installed.
    """
    path = Path(os.path.expanduser(os.fspath(ref)))
    if path.exists():
        return _load(path, str(ref), trust)
    if not isinstance(ref, str):
        raise NotFoundError(f"there is no model at {path}")
    with TemporaryDirectory(prefix="notabene-model-") as place:
        found = _artifact(ref)
        return _load(found.download(Path(place) / "model"), found.ref, trust)


def _artifact(ref: str) -> Artifact:
    from notabene.artifacts.open import store_blobs
    from notabene.journal.folder import StoreFolder
    from notabene.settings import Settings
    from notabene.tracking.artifact import found_artifact

    run = current_run()
    if run is not None and run.folder is not None:
        return run.use_artifact(ref, role="model")
    settings = Settings()
    folder = StoreFolder.open(settings.store)
    return found_artifact(ref, folder, store_blobs(folder, settings.artifacts))


def _load(path: Path, shown: str, trust: bool) -> Any:
    from notabene.tracking.autolog import integration_of

    folder, card = (path.parent, {}) if path.is_file() else (path, _card(path))
    file = path.name if path.is_file() else str(card.get("file", ""))
    if file and (Path(file).name != file or not (folder / file).is_file()):
        raise FormatError(f"{shown} names a file {file!r} that it does not hold")
    found = _format(file, str(card.get("format", "")))
    if found is None:
        raise FormatError(f"{shown} is no model of a format that notabene knows")
    if not found.safe and not trust:
        raise AccessError(
            f"{shown} is a pickle, and loading it runs the code in it",
            hint="load_model(..., trust=True) if you know who made it",
        )
    integration = integration_of(found.by)
    if not hasattr(integration, "load"):
        raise UsageError(f"the integration of {found.by} loads no models")
    return integration.load(folder / file if file else folder, card, trust=trust)


def _card(folder: Path) -> dict[str, Any]:
    """The description beside a model; empty where there is none."""
    try:
        card = msgspec.json.decode((folder / CARD).read_bytes())
    except FileNotFoundError:
        return {}
    except (msgspec.DecodeError, OSError) as error:
        raise FormatError(f"{folder / CARD} cannot be read: {error}") from error
    return card if isinstance(card, dict) else {}


def _format(file: str, named: str) -> Format | None:
    """The format of a file, by its own name; a folder's is the one that is said."""
    if file:
        suffix = Path(file).suffix
        found = [f for f in FORMATS.values() if f.suffix == suffix and suffix]
        return found[0] if found else None
    found = [f for name, f in FORMATS.items() if name == named and not f.suffix]
    return found[0] if found else None
