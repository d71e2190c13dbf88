"""Artifacts as a training program handles them: put together, logged, used, downloaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notabene.artifacts.cells import Stamp
from notabene.artifacts.download import download
from notabene.artifacts.hashes import HashCache
from notabene.artifacts.manifest import Manifest, Reference, load_manifest
from notabene.artifacts.references import references
from notabene.artifacts.scan import Listing, scan
from notabene.artifacts.transfer import add
from notabene.artifacts.versions import Versions
from notabene.errors import NotFoundError, UsageError
from notabene.model.entities import ArtifactVersion
from notabene.model.records import AliasMoved, ArtifactLogged, ArtifactUsed
from notabene.model.refs import check_alias, check_artifact_name, check_name
from notabene.settings import Settings
from notabene.tracking.config import plain
from notabene.tracking.elsewhere import refused
from notabene.tracking.inputs import path_of
from notabene.tracking.plain import cut

if TYPE_CHECKING:
    from notabene.artifacts.base import BlobStore
    from notabene.journal.folder import StoreFolder
    from notabene.tracking.run import Run

LARGE = 64 << 20
"""Bytes from which a copy shows a progress bar on a terminal."""


class Artifact:
    """A set of files and references under a name; a version of it once it was logged.

    Args:
        name: Its name; versions are counted per name.
        type: A word of your own: ``model``, ``dataset``, ``file`` ...
        metadata: Anything of JSON to keep with the version.
        description: A sentence for people.

    Raises:
        RefError: The name cannot be one.
    """

    def __init__(
        self,
        name: str,
        type: str = "file",
        *,
        metadata: Mapping[str, Any] | None = None,
        description: str = "",
    ) -> None:
        self.name = check_artifact_name(name)
        self.type = check_name(type, "artifact type")
        self.metadata: dict[str, Any] = plain(metadata) if metadata else {}
        self.description = cut(str(description or ""))[0]
        self.is_new = False
        """Whether logging it made a new version (equal content does not)."""
        self._listings: list[Listing] = []
        self._references: list[Reference] = []
        self._version: ArtifactVersion | None = None
        self._manifest: Manifest | None = None
        self._blobs: BlobStore | None = None

    def add(self, path: str | os.PathLike[str], *, name: str | None = None) -> Artifact:
        """Add a file, or a folder with all below it.

        Args:
            path: What to add; it is read when the artifact is logged.
            name: Path in the artifact; default is the file's name, for a folder its top.

        Raises:
            NotFoundError: It is not there.
            UsageError: It holds a pipe, a device, or a link that leads in a circle; or this
                artifact was logged already.
        """
        self._require_draft()
        self._listings.append(scan(path_of(path), at=name or ""))
        return self

    def add_reference(
        self,
        uri: str,
        *,
        name: str | None = None,
        digest: str = "",
        etag: str = "",
        size: int = -1,
    ) -> Artifact:
        """Add what stays where it is: ``s3://``, ``gs://``, ``https://``, ``file://``.

        Local files are hashed; nothing is fetched.

        Raises:
            UsageError: The address has another form, or holds a password.
            NotFoundError: A local file is not there.
        """
        self._require_draft()
        self._references += references(uri, at=name or "", digest=digest, etag=etag, size=size)
        return self

    def _require_draft(self) -> None:
        if self._version is not None:
            raise UsageError(
                f"{self.ref} was logged already and cannot change",
                hint=f"begin a new Artifact({self.name!r})",
            )

    @property
    def version(self) -> int | None:
        """Its number, None before it was logged."""
        return None if self._version is None else self._version.version

    @property
    def ref(self) -> str:
        """``name:v3``, or the name alone before it was logged."""
        return self.name if self._version is None else self._version.ref

    @property
    def digest(self) -> str | None:
        """Digest of its manifest, None before it was logged."""
        return None if self._version is None else self._version.digest

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(x.size for x in self._listings) if self._version is None else self._version.size

    @property
    def aliases(self) -> tuple[str, ...]:
        """Words that pointed at it when it was logged or taken."""
        return () if self._version is None else self._version.aliases

    def files(self) -> list[str]:
        """Paths of its files and references, sorted."""
        if self._manifest is None:
            listed = [f.path for listing in self._listings for f in listing.files]
            return sorted([*listed, *(r.path for r in self._references)])
        return sorted(
            [f.path for f in self._manifest.files] + [r.path for r in self._manifest.references]
        )

    def download(
        self, to: str | os.PathLike[str] | None = None, *, overwrite: bool = False
    ) -> Path:
        """Bring its files into a folder, verified; what is there already is left alone.

        Args:
            to: The folder; default is ``artifacts/<name>-v<N>`` in the working folder.
            overwrite: Replace files that are there with other content.

        Returns:
            The folder.

        Raises:
            UsageError: It was not logged yet.
            ConflictError: Other files are in the way.
            IntegrityError: The store's content is damaged.
        """
        if self._version is None or self._manifest is None or self._blobs is None:
            raise UsageError(f"the artifact {self.name!r} was not logged yet")
        safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in self.name)
        target = Path(to) if to is not None else Path("artifacts") / f"{safe}-v{self.version}"
        with _bar(f"copying {self.ref}", self.size) as progress, hash_cache() as hashes:
            done = download(
                self._blobs,
                self._manifest,
                target,
                overwrite=overwrite,
                progress=progress,
                hashes=hashes,
            )
        return done.path

    def path(self, to: str | os.PathLike[str] | None = None) -> Path:
        """Bring it and give the path of its one file.

        Raises:
            UsageError: It holds more than one file.
        """
        names = self.files()
        if len(names) != 1:
            raise UsageError(f"{self.ref} holds {len(names)} files; use download()")
        return self.download(to) / names[0]

    def __repr__(self) -> str:
        return f"<notabene artifact {self.ref} {self.type}>"


def log_artifact(
    run: Run,
    source: str | os.PathLike[str] | Artifact,
    *,
    name: str | None,
    type: str,
    aliases: Iterable[str],
    metadata: Mapping[str, Any] | None,
    description: str,
) -> Artifact:
    """See :meth:`notabene.Run.log_artifact`."""
    run.require_active("log_artifact")
    named = [aliases] if isinstance(aliases, str) or not isinstance(aliases, Iterable) else aliases
    words = tuple(check_alias(a) for a in named if a != "latest")
    if isinstance(source, Artifact):
        draft = source
        draft._require_draft()
    else:
        path = path_of(source)
        draft = Artifact(
            name or path.resolve().name, type, metadata=metadata, description=description
        ).add(path)
    if run.folder is None or run.blobs is None:
        return draft
    try:
        _keep(run, draft)
    except OSError as error:
        reason = refused(error)
        if not reason:
            raise
        text = f"the artifact {draft.name!r} is not kept: {reason.lower()}"
        run.guard.note("artifact-lost", text, error=error)
        return draft
    assert draft.version is not None
    for word in words:
        point_alias(run, draft.name, word, draft.version)
    return draft


def _keep(run: Run, draft: Artifact) -> None:
    """Keep its content, then make it a version, then say so in the record."""
    assert run.folder is not None
    assert run.blobs is not None
    with _bar(f"keeping {draft.name}", draft.size) as progress, hash_cache() as hashes:
        added = add(
            run.blobs,
            _joined(draft),
            references=draft._references,
            progress=progress,
            hashes=hashes,
        )
    made = Versions(run.folder.artifacts).allocate(
        draft.name,
        type=draft.type,
        digest=added.digest,
        size=added.manifest.size,
        files=len(added.manifest.files),
        run=run.id,
        writer=run.writer_id,
        metadata=draft.metadata,
        description=draft.description,
    )
    _settle(draft, made.version, added.manifest, run.blobs)
    draft.is_new = made.new
    run.record(
        ArtifactLogged(
            name=draft.name,
            version=made.version.version,
            type=made.version.type,
            digest=added.digest,
            size=made.version.size,
            files=made.version.files,
            metadata=made.version.metadata,
            description=made.version.description,
            logged=made.logged,
        )
    )


def point_alias(run: Run, name: str, alias: str, version: int) -> None:
    """Let an alias point at a version: in the record, and where training reads it."""
    stamp = run.record_stamped(AliasMoved(name=name, alias=alias, version=version))
    if run.folder is not None and stamp is not None:
        Versions(run.folder.artifacts).set_alias(name, alias, version, Stamp(*stamp))


def use_artifact(run: Run, ref: str | Artifact, *, role: str) -> Artifact:
    """See :meth:`notabene.Run.use_artifact`."""
    run.require_active("use_artifact")
    text = ref.ref if isinstance(ref, Artifact) else ref
    if run.folder is None or run.blobs is None:
        raise NotFoundError(
            f"{text!r} cannot be used: the mode is disabled, so there is no store to take it from"
        )
    found = found_artifact(text, run.folder, run.blobs)
    version = found._version
    assert version is not None
    run.record(
        ArtifactUsed(
            name=version.name, version=version.version, digest=version.digest, role=role[:250]
        )
    )
    return found


def found_artifact(ref: str, folder: StoreFolder, blobs: BlobStore) -> Artifact:
    """A version of an artifact in a store, with or without a run.

    Raises:
        NotFoundError: There is none.
    """
    version = Versions(folder.artifacts).resolve(ref)
    found = Artifact(
        version.name, version.type, metadata=version.metadata, description=version.description
    )
    _settle(found, version, load_manifest(blobs, version.digest), blobs)
    return found


def _settle(
    artifact: Artifact, version: ArtifactVersion, manifest: Manifest, blobs: BlobStore
) -> None:
    artifact._version, artifact._manifest, artifact._blobs = version, manifest, blobs


def _joined(artifact: Artifact) -> Listing:
    listings = artifact._listings
    if not listings and not artifact._references:
        raise UsageError(f"the artifact {artifact.name!r} is empty", hint="add(path) first")
    return Listing(
        tuple(f for listing in listings for f in listing.files),
        tuple(f for listing in listings for f in listing.folders),
    )


def hash_cache() -> HashCache:
    """Digests of files that this user hashed before."""
    return HashCache(Settings().cache / "hashes.sqlite")


class _bar:
    """A line on the terminal's stderr for copies that take a while; plain, no library."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total = title, total
        self.shown = total >= LARGE and sys.stderr.isatty()

    def __enter__(self) -> Any:
        return self._show if self.shown else None

    def _show(self, done: int, total: int) -> None:
        part = done / total if total else 1.0
        filled = int(part * 30)
        sys.stderr.write(
            f"\r{self.title} [{'#' * filled}{'.' * (30 - filled)}] {done / 1e6:,.0f} of "
            f"{total / 1e6:,.0f} MB"
        )

    def __exit__(self, *error: object) -> None:
        if self.shown:
            sys.stderr.write("\n")
