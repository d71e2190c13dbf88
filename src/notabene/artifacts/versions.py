"""Named versions of artifacts, as files that training can read without any database.

    artifacts/<name>/
    ├── v1  v2 …        what the version is; created exclusively, which allocates the number
    ├── known           all versions up to some number in one file: saves opening each
    └── cells/          aliases, deletions, and when a version was logged again: see
                        :mod:`notabene.artifacts.cells`

A version never changes. Content that a live version of the name already has gives that version
and no new one; ``latest`` is the live version that was last logged, new or again. Each logging
has a time above all earlier ones of the name, which its record bears too, so that stores find
the same ``latest``. A deleted version keeps its number for ever, and can be restored until it
is purged.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from notabene._ids import now_us
from notabene.artifacts.base import check_digest
from notabene.artifacts.cells import Cell, Stamp, read_cells, write_cell
from notabene.artifacts.files import create_once, replace_file, storage_error
from notabene.errors import ConflictError, FormatError, NotabeneError, NotFoundError, UsageError
from notabene.journal.folder import artifact_folder
from notabene.model.entities import ArtifactVersion
from notabene.model.records import JSON
from notabene.model.refs import ArtifactRef, check_alias, check_artifact_name, parse_artifact

FORMAT = 1
LATEST = "latest"
KNOWN = "known"
KNOWN_EVERY = 64
"""Versions that a reader may have to open one by one."""

DELETED, LIVE, PURGED, NONE = "deleted", "live", "purged", "none"

_VERSION = re.compile(r"v([1-9][0-9]{0,8})\Z")
_LOGGED = re.compile(r"latest:([1-9][0-9]{0,8})\Z")


class VersionFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the file of a version holds. Attributes as of the entity; ``writer`` made it."""

    name: str
    version: int
    type: str
    digest: str
    size: int
    files: int
    created: int
    run: str = ""
    writer: str = ""
    metadata: dict[str, JSON] = {}
    description: str = ""
    format: int = FORMAT


class Allocated(msgspec.Struct, frozen=True):
    """A version that was asked for: made now, or found with the same content.

    Attributes:
        version: The version.
        new: Whether it was made now.
        logged: When it was logged, µs, as decides about ``latest``.
    """

    version: ArtifactVersion
    new: bool
    logged: int


def logged_key(number: int) -> str:
    """Key of the cell that says when a version was logged again; no alias holds a colon."""
    return f"{LATEST}:{number}"


class _State:
    """Aliases and deletions of one name."""

    def __init__(self, cells: dict[str, Cell]) -> None:
        self.gone = {
            int(m[1]): cell.value
            for key, cell in cells.items()
            if (m := _VERSION.match(key)) and cell.value != LIVE
        }
        self.deleted_at = {
            int(m[1]): cell.stamp.time for key, cell in cells.items() if (m := _VERSION.match(key))
        }
        self.aliases = {
            key: int(cell.value)
            for key, cell in cells.items()
            if ":" not in key and cell.value.isdigit() and int(cell.value) not in self.gone
        }
        self.logged = {
            int(m[1]): cell.stamp.time for key, cell in cells.items() if (m := _LOGGED.match(key))
        }

    def of(self, number: int, latest: int) -> tuple[str, ...]:
        own = sorted(a for a, v in self.aliases.items() if v == number)
        return (LATEST, *own) if number == latest else tuple(own)

    def time_of(self, file: VersionFile) -> int:
        """When a version was logged last."""
        return max(file.created, self.logged.get(file.version, 0))

    def latest(self, files: Iterable[VersionFile]) -> int:
        """The number of the live version that was logged last; 0 if there is none."""
        live = [file for file in files if file.version not in self.gone]
        return max(((self.time_of(f), f.version) for f in live), default=(0, 0))[1]


class Versions:
    """All named versions below a folder. Any number of threads and processes may work on it.

    Args:
        folder: The ``artifacts`` folder of a store; made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Versions never change: what was read once holds.
        self._read: dict[str, dict[int, VersionFile]] = {}

    # -- reading ---------------------------------------------------------------------------

    def names(self) -> tuple[str, ...]:
        """Names of all artifacts that have a version, deleted ones included."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for entry in sorted(os.scandir(self.folder), key=lambda e: e.name):
                numbers = _numbers(Path(entry.path))
                if numbers and "~" not in entry.name:
                    found.append(entry.name)
                elif numbers:
                    with contextlib.suppress(FormatError):
                        found.append(_read_version(Path(entry.path) / f"v{numbers[-1]}").name)
        return tuple(sorted(found))

    def list(self, name: str, *, deleted: bool = False) -> tuple[ArtifactVersion, ...]:
        """The versions of a name, the newest first; with ``deleted`` also what can be restored.

        Damaged version files are left out; :meth:`check` names them.
        """
        name = check_artifact_name(name)
        known, state = self._known(name, _numbers(self._place(name))), self._state(name)
        latest = state.latest(known.values())
        return tuple(
            _entity(known[number], state, latest)
            for number in sorted(known, reverse=True)
            if number not in state.gone or (deleted and state.gone[number] == DELETED)
        )

    def get(self, name: str, version: int) -> ArtifactVersion:
        """One version.

        Raises:
            NotFoundError: There is none of this number, or it is deleted.
            FormatError: Its file is damaged.
        """
        return self.resolve(ArtifactRef(check_artifact_name(name), version=version))

    def resolve(self, ref: str | ArtifactRef) -> ArtifactVersion:
        """The version that ``name``, ``name:v3`` or ``name:alias`` means.

        Raises:
            RefError: The reference has another form.
            NotFoundError: There is no such name, version or alias, or the version is deleted.
            FormatError: The version's file is damaged.
        """
        ref = ref if isinstance(ref, ArtifactRef) else parse_artifact(ref)
        name, state = ref.name, self._state(ref.name)
        numbers = _numbers(self._place(name))
        if not numbers:
            near = [n for n in self.names() if n.casefold() == name.casefold()]
            hint = f"did you mean {near[0]!r}?" if near else "`notabene artifact ls` lists all"
            raise NotFoundError(f"there is no artifact named {name!r}", hint=hint)
        live = [n for n in numbers if n not in state.gone]
        latest = state.latest(self._known(name, numbers).values())
        number = ref.version
        if number is None and ref.alias == LATEST:
            number = latest
            if live:  # a newest one that is damaged may well be it: that raises, not guesses
                self._one(name, live[-1])
        elif number is None:
            number = state.aliases.get(ref.alias or "", 0)
        if number not in live:
            raise self._absent(ref, number, live, state)
        return _entity(self._one(name, number), state, latest)

    def _absent(
        self, ref: ArtifactRef, number: int, live: Sequence[int], state: _State
    ) -> NotFoundError:
        if state.gone.get(number) == DELETED:
            return NotFoundError(
                f"{ref.name}:v{number} is in the trash",
                hint=f"`notabene artifact restore {ref.name}:v{number}` brings it back",
            )
        if number in state.gone:
            return NotFoundError(f"{ref.name}:v{number} was deleted for good")
        shown = [f"v{n}" for n in live[-5:]] + sorted(state.aliases)[:5]
        return NotFoundError(
            f"the artifact {ref.name!r} has no {str(ref).removeprefix(ref.name + ':')!r}",
            hint=f"it has {', '.join(shown)}" if shown else "all its versions are deleted",
        )

    def aliases(self, name: str) -> dict[str, int]:
        """The aliases of a name and their versions, ``latest`` included where there is one."""
        name = check_artifact_name(name)
        state = self._state(name)
        numbers = _numbers(self._place(name))
        own = {a: v for a, v in state.aliases.items() if v in numbers}
        latest = state.latest(self._known(name, numbers).values())
        return own | ({LATEST: latest} if latest else {})

    def check(self) -> tuple[str, ...]:
        """One sentence for each file of a version that is damaged."""
        found = []
        for name, path in self._files():
            try:
                if _read_version(path).name != name:
                    found.append(f"{path} names another artifact than its folder")
            except FormatError as error:
                found.append(error.message)
        return tuple(found)

    # -- writing ---------------------------------------------------------------------------

    def allocate(
        self,
        name: str,
        *,
        type: str,
        digest: str,
        size: int,
        files: int,
        run: str = "",
        writer: str = "",
        metadata: dict[str, JSON] | None = None,
        description: str = "",
    ) -> Allocated:
        """A version of a name for some content: a new number, or the live one that has it.

        Of processes that ask at once, each content gets one number, and no number is given
        twice. Store and flush the content first.

        Args:
            name: The artifact's name.
            type: What it is: ``model``, ``dataset``, ``file`` or a word of one's own.
            digest: Digest of the manifest.
            size: Bytes of its files.
            files: Number of its files.
            run: Id of the run that logs it.
            writer: Id of the writer that logs it.
            metadata: JSON that describes it; kept for a new version only.
            description: Text; kept for a new version only.

        Raises:
            UsageError: The name, digest, type or metadata cannot be kept.
            AccessError, TransportError: The store cannot be written to.
        """
        name = check_artifact_name(name)
        wanted = VersionFile(
            name=name,
            version=0,
            type=type,
            digest=check_digest(digest),
            size=size,
            files=files,
            created=now_us(),
            run=run,
            writer=writer,
            metadata=metadata or {},
            description=description,
        )
        with _storing(f"make a version of {name!r}"):
            return self._allocate(wanted)

    def _allocate(self, wanted: VersionFile) -> Allocated:
        name, place = wanted.name, self._place(wanted.name)
        place.mkdir(parents=True, exist_ok=True)
        # One listing decides what is searched and where numbers go on: a version that somebody
        # makes after it is met as a taken number, and looked at then.
        numbers = _numbers(place)
        known, state = self._known(name, numbers), self._state(name)
        same = [n for n, v in known.items() if v.digest == wanted.digest and n not in state.gone]
        number = max(same, default=0)
        if not number:
            after = max(map(state.time_of, known.values()), default=0)
            number, made = self._create(place, wanted, max(numbers, default=0), after)
            if made:
                version = self.get(name, number)
                if number % KNOWN_EVERY == 0:
                    self._note_known(name)
                return Allocated(version, True, version.created)
            known[number] = self._one(name, number)
        return self._log_again(place, known, number, wanted)

    def _create(
        self, place: Path, wanted: VersionFile, number: int, after: int
    ) -> tuple[int, bool]:
        """The first free number above one; or that of who was first with the same content."""
        while True:
            number += 1
            created = max(wanted.created, after + 1)
            version = msgspec.structs.replace(wanted, version=number, created=created)
            if create_once(place / f"v{number}", _encode(version)):
                return number, True
            with contextlib.suppress(FormatError):
                other = self._one(wanted.name, number)
                after = max(after, other.created)
                if other.digest == wanted.digest:
                    return number, False

    def _log_again(
        self, place: Path, known: dict[int, VersionFile], number: int, wanted: VersionFile
    ) -> Allocated:
        """Say that a version was logged once more, where it is not the last one anyway."""
        state = self._state(wanted.name)
        logged = state.time_of(known[number])
        if number != state.latest(known.values()):
            newest = max(map(state.time_of, known.values()))
            logged = max(wanted.created, newest + 1)
            stamp = Stamp(logged, wanted.writer or "0")
            write_cell(place / "cells", logged_key(number), str(number), stamp)
        return Allocated(self.get(wanted.name, number), False, logged)

    def set_alias(self, name: str, alias: str, version: int | None, stamp: Stamp) -> None:
        """Point an alias at a version; None takes it away.

        Args:
            name: The artifact's name.
            alias: Any word but ``latest``, which is computed.
            version: Number of a live version.
            stamp: That of the record in the journal that says the same.

        Raises:
            RefError, UsageError: The alias cannot be used.
            NotFoundError: There is no such version, or it is deleted.
        """
        alias = check_alias(alias)
        if alias == LATEST:
            raise UsageError("the alias 'latest' is always the version last logged; it is not set")
        if version is not None:
            self.get(name, version)
        value = NONE if version is None else str(version)
        with _storing(f"set the alias {alias!r}"):
            write_cell(self._place(check_artifact_name(name)) / "cells", alias, value, stamp)

    def delete(self, name: str, version: int, stamp: Stamp) -> None:
        """Put a version into the trash; its number is never used again.

        Raises:
            NotFoundError: There is no such version.
        """
        self._set_state(name, version, DELETED, stamp)

    def restore(self, name: str, version: int, stamp: Stamp) -> None:
        """Take a version out of the trash, with the aliases that still point at it.

        Raises:
            NotFoundError: There is no such version.
            ConflictError: It was deleted for good.
        """
        self._set_state(name, version, LIVE, stamp)

    def _set_state(self, name: str, version: int, value: str, stamp: Stamp) -> None:
        name = check_artifact_name(name)
        if version not in _numbers(self._place(name)):
            raise NotFoundError(f"there is no {name}:v{version}")
        if self._state(name).gone.get(version) == PURGED and value != PURGED:
            raise ConflictError(f"{name}:v{version} was deleted for good")
        with _storing(f"change {name}:v{version}"):
            write_cell(self._place(name) / "cells", f"v{version}", value, stamp)

    # -- for garbage collection ------------------------------------------------------------

    def kept(self) -> Iterator[VersionFile]:
        """All versions whose content must be kept: live, or in the trash and not yet purged.

        Raises:
            FormatError: A version's file is damaged, so that it cannot be told what it needs.
        """
        for name, path in self._files():
            version = int(path.name[1:])
            if self._state(name).gone.get(version) != PURGED:
                yield self._one(name, version)

    def purge(self, before: int) -> tuple[VersionFile, ...]:
        """Give up for good what was deleted before a time (µs); gives what that was."""
        done = []
        for name, path in tuple(self._files()):
            version, state = int(path.name[1:]), self._state(name)
            if state.gone.get(version) == DELETED and state.deleted_at[version] < before:
                done.append(self._one(name, version))
                stamp = Stamp(max(now_us(), state.deleted_at[version] + 1))
                self._set_state(name, version, PURGED, stamp)
        return tuple(done)

    def _files(self) -> Iterator[tuple[str, Path]]:
        with contextlib.suppress(FileNotFoundError):
            for folder in sorted(self.folder.iterdir()):
                name = ""
                for number in _numbers(folder):
                    with contextlib.suppress(FormatError):
                        name = name or _read_version(folder / f"v{number}").name
                for number in _numbers(folder):
                    yield name or folder.name, folder / f"v{number}"

    # -- files -----------------------------------------------------------------------------

    def _place(self, name: str) -> Path:
        return self.folder / artifact_folder(name)

    def _state(self, name: str) -> _State:
        return _State(read_cells(self._place(name) / "cells"))

    def _one(self, name: str, number: int) -> VersionFile:
        read = self._read.setdefault(name, {})
        if number not in read:
            read[number] = _read_version(self._place(name) / f"v{number}")
        return read[number]

    def _known(self, name: str, numbers: Sequence[int]) -> dict[int, VersionFile]:
        """Those versions of a name that can be read."""
        if len(numbers) - len(self._read.get(name, {})) > KNOWN_EVERY:
            self._load_known(name)
        out = {}
        for number in numbers:
            with contextlib.suppress(FormatError):
                out[number] = self._one(name, number)
        return out

    def _load_known(self, name: str) -> None:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            data = (self._place(name) / KNOWN).read_bytes()
            for version in msgspec.json.decode(data, type=tuple[VersionFile, ...]):
                self._read.setdefault(name, {}).setdefault(version.version, version)

    def _note_known(self, name: str) -> None:
        read = self._read[name]
        with contextlib.suppress(OSError):
            data = msgspec.json.encode([read[n] for n in sorted(read)])
            replace_file(self._place(name) / KNOWN, data)


def _numbers(folder: Path) -> list[int]:
    found = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        found = [int(m[1]) for entry in entries if (m := _VERSION.match(entry.name))]
    return sorted(found)


def _encode(version: VersionFile) -> bytes:
    try:
        return msgspec.json.encode(version)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"the metadata of {version.name!r} is no JSON: {error}") from error


def _read_version(path: Path, patience: int = 5) -> VersionFile:
    try:
        version = msgspec.json.decode(path.read_bytes(), type=VersionFile)
    except FileNotFoundError:
        raise NotFoundError(f"there is no version {path}") from None
    except OSError as error:
        raise storage_error(error, f"read {path}") from error
    except msgspec.MsgspecError as error:
        if patience:
            # Where the file system has no hard links, it is empty for a moment after its creation.
            time.sleep(0.02)
            return _read_version(path, patience - 1)
        raise FormatError(
            f"the file of a version, {path}, is damaged: {error}",
            hint="copy it from a backup, or remove it",
        ) from error
    if version.format > FORMAT:
        raise FormatError(f"{path} was written by a newer notabene", hint="upgrade notabene")
    return version


def _entity(file: VersionFile, state: _State, latest: int) -> ArtifactVersion:
    return ArtifactVersion(
        name=file.name,
        version=file.version,
        type=file.type,
        digest=file.digest,
        size=file.size,
        files=file.files,
        created=file.created,
        run=file.run,
        aliases=state.of(file.version, latest),
        metadata=file.metadata,
        description=file.description,
        deleted=file.version in state.gone,
    )


@contextlib.contextmanager
def _storing(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, NotabeneError):
            raise
        raise storage_error(error, what) from error
