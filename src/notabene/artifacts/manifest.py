"""A folder as a list: path, digest and size of each file, references, empty folders.

A manifest is itself kept as a blob, in canonical JSON; its digest names the content of an
artifact. Equal content gives an equal digest, whatever the order, times and owners of files.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from notabene.artifacts.base import BlobStore
from notabene.errors import FormatError, NotFoundError, UsageError
from notabene.model.canonical import canonical_json, digest_bytes, is_digest

FORMAT = 1
MAX_PATH_BYTES = 4000
MAX_PART_BYTES = 255
MAX_DEPTH = 200


class FileEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file of an artifact.

    Attributes:
        path: Where it lies in the artifact, with ``/`` between names.
        digest: SHA-256 of its content.
        size: Bytes.
        executable: Whether its owner may run it.
    """

    path: str
    digest: str
    size: int
    executable: bool = False


class Reference(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something elsewhere that belongs to an artifact; notabene never fetches it by itself.

    Attributes:
        path: Its name in the artifact.
        uri: Where it is.
        digest: SHA-256 of its content, where known.
        etag: What a server calls this state of it, where known.
        size: Bytes, or -1 where not known.
    """

    path: str
    uri: str
    digest: str = ""
    etag: str = ""
    size: int = -1


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The content of an artifact. Made by :func:`make_manifest`, which sorts and checks."""

    files: tuple[FileEntry, ...] = ()
    references: tuple[Reference, ...] = ()
    folders: tuple[str, ...] = ()
    """Empty folders."""
    format: int = FORMAT

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(f.size for f in self.files)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical encoding."""
        return digest_bytes(self.encode())

    def encode(self) -> bytes:
        """The canonical encoding."""
        plain = msgspec.to_builtins(self)
        return canonical_json({**plain, "format": self.format})

    def blobs(self) -> dict[str, int]:
        """Digest and size of all content that lies in the blob store."""
        return {f.digest: f.size for f in self.files}

    def file(self, path: str) -> FileEntry:
        """The file at a path.

        Raises:
            NotFoundError: There is none.
        """
        for entry in self.files:
            if entry.path == path:
                return entry
        near = [e.path for e in self.files if e.path.rsplit("/", 1)[-1] == path.rsplit("/", 1)[-1]]
        raise NotFoundError(
            f"there is no file {path!r} in this artifact",
            hint=f"did you mean {near[0]!r}?" if near else f"it has {len(self.files)} files",
        )

    def below(self, prefix: str) -> Manifest:
        """What lies at a path or in the folder of that name, with its path kept."""
        prefix = prefix.strip("/")
        if not prefix:
            return self

        def inside(path: str) -> bool:
            return path == prefix or path.startswith(f"{prefix}/")

        return Manifest(
            tuple(f for f in self.files if inside(f.path)),
            tuple(r for r in self.references if inside(r.path)),
            tuple(p for p in self.folders if inside(p)),
        )

    def same_names(self) -> list[tuple[str, ...]]:
        """Paths that differ only in upper and lower case: one file on macOS and Windows."""
        groups: dict[str, list[str]] = {}
        for path in (*(f.path for f in self.files), *(r.path for r in self.references)):
            groups.setdefault(path.casefold(), []).append(path)
        return [tuple(paths) for paths in groups.values() if len(paths) > 1]


def make_manifest(
    files: Iterable[FileEntry],
    references: Iterable[Reference] = (),
    folders: Iterable[str] = (),
) -> Manifest:
    """A manifest, sorted by path.

    Raises:
        UsageError: Two entries have one path, a file lies where another entry has a folder, or
            a path is not fit for a manifest.
    """
    manifest = Manifest(
        tuple(sorted(files, key=lambda f: f.path)),
        tuple(sorted(references, key=lambda r: r.path)),
        tuple(sorted(set(folders))),
    )
    _check(manifest)
    return manifest


def _check(manifest: Manifest) -> None:
    paths = [*(f.path for f in manifest.files), *(r.path for r in manifest.references)]
    taken = Counter(paths)
    parents: set[str] = set()
    for path in (*paths, *manifest.folders):
        if check_path(path) != path:
            raise UsageError(f"the path {path!r} is not in Unicode's normal form NFC")
        if taken[path] > 1:
            raise UsageError(
                f"two entries of the artifact have the path {path!r}", hint="rename one of them"
            )
        parts = path.split("/")
        parents.update("/".join(parts[:n]) for n in range(1, len(parts)))
    for path in (*parents, *manifest.folders):
        if path in taken:
            raise UsageError(f"{path!r} is both a file and a folder in the artifact")
    for file in manifest.files:
        if not is_digest(file.digest) or file.size < 0:
            raise UsageError(f"the entry of {file.path!r} has no proper digest and size")


def check_path(path: str) -> str:
    """A path within an artifact, normalised to NFC; never one that could lead out of a folder.

    Raises:
        UsageError: It is empty, absolute or too long, has a part that is empty, ``.`` or
            ``..``, lies too deep, or holds a backslash, a control character or broken Unicode.
    """
    path = unicodedata.normalize("NFC", path)
    shown = repr(path if len(path) <= 80 else f"{path[:60]}...{path[-15:]}")
    if any(ord(c) < 32 or ord(c) == 127 or c == "\\" for c in path):
        raise UsageError(f"the path {shown} holds a backslash or a control character")
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        raise UsageError(f"the path {shown} is no text: its bytes are not UTF-8") from None
    if size > MAX_PATH_BYTES:
        raise UsageError(f"the path {shown} has {size:,} bytes; at most {MAX_PATH_BYTES:,} may be")
    parts = path.split("/")
    if len(parts) > MAX_DEPTH:
        raise UsageError(f"the path {shown} lies over {MAX_DEPTH} folders deep")
    for part in parts:
        if part in ("", ".", ".."):
            raise UsageError(
                f"the path {shown} is not plain: it must be relative, with names between slashes"
            )
        if len(part.encode()) > MAX_PART_BYTES:
            raise UsageError(f"a name in the path {shown} has over {MAX_PART_BYTES} bytes")
    return path


def decode_manifest(data: bytes) -> Manifest:
    """The inverse of :meth:`Manifest.encode`; checks all of it, as the bytes may be anybody's.

    Raises:
        FormatError: It is no manifest, holds a path that could lead out of a folder, or was
            written by a newer version.
    """
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError as error:
        raise FormatError(f"this is no manifest of an artifact: {error}") from error
    if manifest.format > FORMAT:
        raise FormatError(
            f"the manifest has format {manifest.format}; this notabene reads up to {FORMAT}",
            hint="upgrade notabene",
        )
    try:
        _check(manifest)
    except UsageError as error:
        raise FormatError(f"the manifest cannot be used: {error.message}") from error
    return manifest


def save_manifest(store: BlobStore, manifest: Manifest) -> str:
    """Keep a manifest as a blob; gives its digest."""
    return store.put(manifest.encode())


def load_manifest(store: BlobStore, digest: str) -> Manifest:
    """The manifest kept under a digest.

    Raises:
        NotFoundError: It is not there.
        IntegrityError: Its bytes are damaged.
        FormatError: The content is no manifest, or one of a newer version.
    """
    return decode_manifest(store.read(digest))


class Moved(msgspec.Struct, frozen=True):
    """A file whose content lies at another path."""

    old: str
    new: str


class ManifestDiff(msgspec.Struct, frozen=True):
    """What differs from one manifest to another: paths, sorted."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    moved: tuple[Moved, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.moved)


def diff_manifests(old: Manifest, new: Manifest) -> ManifestDiff:
    """What was added, removed, changed and moved. Content that was copied counts as added."""
    before, after = dict(_content(old)), dict(_content(new))
    changed = [p for p in after if p in before and before[p] != after[p]]
    added = [p for p in after if p not in before]
    removed = [p for p in before if p not in after]
    sources: dict[tuple[str, ...], list[str]] = {}
    for path in sorted(removed, reverse=True):
        sources.setdefault(before[path], []).append(path)
    moved = [
        Moved(waiting.pop(), path)
        for path in sorted(added)
        if (waiting := sources.get(after[path]))
    ]
    came, went = {m.new for m in moved}, {m.old for m in moved}
    return ManifestDiff(
        tuple(sorted(p for p in added if p not in came)),
        tuple(sorted(p for p in removed if p not in went)),
        tuple(sorted(changed)),
        tuple(moved),
    )


def _content(manifest: Manifest) -> Iterator[tuple[str, tuple[str, ...]]]:
    for file in manifest.files:
        yield file.path, ("file", file.digest, "x" if file.executable else "")
    for ref in manifest.references:
        yield ref.path, ("reference", ref.uri, ref.digest, ref.etag, str(ref.size))
    for path in manifest.folders:
        yield path, ("folder", path)
