"""From an address to a blob store."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from notabene.artifacts.base import BlobStore
from notabene.artifacts.local import LocalBlobs
from notabene.artifacts.references import local_path
from notabene.errors import MissingDependencyError, UsageError
from notabene.journal.folder import StoreFolder

GROUP = "notabene.blobs"
"""Entry points: URL scheme -> callable that takes the URL and gives a BlobStore."""


def open_blobs(url: str | Path) -> BlobStore:
    """The blob store at an address.

    Args:
        url: A folder, as path or ``file://`` address, or another scheme for which an installed
            package has an entry point in the group ``notabene.blobs``.

    Raises:
        UsageError: It is no address, or the folder is a file.
        MissingDependencyError: Nothing installed knows its scheme.
    """
    scheme = urlsplit(url).scheme if isinstance(url, str) and "://" in url else ""
    if not scheme:
        return _folder(Path(url).expanduser())
    from importlib.metadata import entry_points

    found = entry_points(group=GROUP, name=scheme)
    for entry_point in found:
        store: BlobStore = entry_point.load()(url)
        return store
    if scheme == "file":
        return open_file(str(url))
    raise MissingDependencyError(
        f"nothing installed can keep artifacts at {scheme}:// addresses",
        hint="name a folder, or install a package that offers this scheme to notabene.blobs",
    )


def open_file(url: str) -> LocalBlobs:
    """The store at a ``file://`` address: the entry point of that scheme."""
    return _folder(local_path(url))


def store_blobs(folder: StoreFolder, elsewhere: Path | None = None) -> LocalBlobs:
    """The blobs of a store: in it, or in the folder that ``NOTABENE_ARTIFACTS`` names.

    Raises:
        UsageError: The other folder is a file.
    """
    if elsewhere is None:
        return LocalBlobs(folder.blobs, trash=folder.trash / "blobs")
    return _folder(elsewhere)


def _folder(path: Path) -> LocalBlobs:
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file; artifacts are kept in a folder")
    return LocalBlobs(path)
