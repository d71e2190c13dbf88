"""Garbage collection: what nothing refers to goes into the trash, and from there for good.

Marked are the contents of all versions that are live or can be restored, and the digests that
the caller knows of (values, captures, consoles). What was touched lately stays whatever is
known of it, for the record that refers to it may be on its way. Nothing is removed without a
plan that says what and why, and for 30 days each step can be undone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

import msgspec

from notabene._ids import now_us
from notabene.artifacts.local import LocalBlobs
from notabene.artifacts.manifest import load_manifest
from notabene.artifacts.pack import OVERHEAD, START, Pack
from notabene.artifacts.packs import FOREIGN_AGE, LIMIT, TOUCH_EVERY
from notabene.artifacts.trash import Tombstone
from notabene.artifacts.versions import VersionFile, Versions
from notabene.errors import FormatError, IntegrityError, NotFoundError

DAY = 86_400_000_000
KEEP_DAYS = 30

AT_ONCE = 200
"""Packs rewritten by one collection: each is an open file."""

MANY_PACKS = 32
SMALL_PACK = LIMIT // 8
"""Where there are many packs, those below this size that nobody fills are merged."""


class Amount(msgspec.Struct, frozen=True):
    """How many blobs, and their bytes."""

    blobs: int = 0
    bytes: int = 0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a collection would do; nothing of it is done yet.

    Attributes:
        time: When it was made, in µs.
        before: What was touched at or after this time (µs) stays.
        loose: Digests of blobs in files of their own that would go.
        packs: By name of each pack that would be rewritten, the digests that would go.
        goes: What would go in all.
        referenced: What stays because something refers to it.
        young: What stays because it was touched lately.
        packed: What nothing refers to, and stays because most of its pack is needed.
        missing: Digests that something refers to and the store does not have: they are on their
            way, lost, or in the trash, from where they will be brought back.
    """

    time: int
    before: int
    loose: tuple[str, ...]
    packs: dict[str, tuple[str, ...]]
    goes: Amount
    referenced: Amount
    young: Amount
    packed: Amount
    missing: tuple[str, ...]


def mark(blobs: LocalBlobs, versions: Versions, manifests: Iterable[str] = ()) -> set[str]:
    """All digests that versions need.

    Args:
        blobs: Where the manifests lie.
        versions: The versions on disk; those in the trash count until they are purged.
        manifests: Digests of further manifests whose content is needed.

    Raises:
        FormatError: A version or manifest is damaged, so that it cannot be told what it needs;
            then nothing may be collected.
    """
    needed: set[str] = set()
    wanted: dict[str, VersionFile | None] = dict.fromkeys(manifests)
    wanted |= {version.digest: version for version in versions.kept()}
    for digest, version in wanted.items():
        needed.add(digest)
        try:
            needed |= load_manifest(blobs, digest).blobs().keys()
        except NotFoundError:
            continue  # a reference may precede its bytes
        except (IntegrityError, FormatError) as error:
            what = f"{version.name}:v{version.version}" if version else digest
            raise FormatError(
                f"nothing can be collected, for the manifest of {what} is damaged",
                hint="delete that version, or copy the manifest from a backup",
            ) from error
    return needed


def plan(
    blobs: LocalBlobs,
    versions: Versions,
    referenced: Iterable[str],
    *,
    manifests: Iterable[str] = (),
    min_age_days: float = KEEP_DAYS,
) -> Plan:
    """What a collection would do now: the dry run.

    Args:
        blobs: The store.
        versions: Its versions.
        referenced: Digests of everything else that is needed: logged values, captures. Take in
            all journals before you gather them.
        manifests: Digests of manifests named in records; what they list is needed as well.
        min_age_days: Content touched within these days stays. 0 is for one who knows that
            nobody is logging.

    Raises:
        FormatError: A version or manifest is damaged.
    """
    needed = mark(blobs, versions, manifests)
    needed.update(referenced)
    absent = set(needed)
    now = now_us()
    # Packed content notes a touch once an hour only.
    slack = TOUCH_EVERY if min_age_days else 0
    before = now - round(min_age_days * DAY) - slack
    goes: dict[str, int] = {}
    sums = {"referenced": [0, 0], "young": [0, 0], "packed": [0, 0]}
    for info in blobs.list():
        kind = "referenced" if info.digest in needed else "young" if info.touched >= before else ""
        if kind:
            sums[kind][0] += 1
            sums[kind][1] += info.size
        else:
            goes[info.digest] = info.size
        absent.discard(info.digest)
    loose = tuple(sorted(d for d in goes if blobs.is_file(d)))
    packs, held = _packs(blobs, goes)
    for digest in held.difference(loose):
        sums["packed"][0] += 1
        sums["packed"][1] += goes.pop(digest)
    return Plan(
        time=now,
        before=before,
        loose=loose,
        packs=packs,
        goes=Amount(len(goes), sum(goes.values())),
        missing=tuple(sorted(absent)),
        **{kind: Amount(*amount) for kind, amount in sums.items()},
    )


def _packs(blobs: LocalBlobs, goes: dict[str, int]) -> tuple[dict[str, tuple[str, ...]], set[str]]:
    """The packs worth rewriting, and what nothing needs but lies in another."""
    out: dict[str, tuple[str, ...]] = {}
    held: set[str] = set()
    packs: dict[Pack, os.stat_result] = {}
    for pack in blobs.packs.all():
        with contextlib.suppress(FileNotFoundError):  # put away by somebody else just now
            packs[pack] = pack.path.stat()
    left = now_us() / 1e6 - FOREIGN_AGE
    many = sum(stat.st_mtime < left for stat in packs.values()) > MANY_PACKS
    for pack, stat in packs.items():
        dead = [key.hex() for key, at in pack.merged().items() if at.offset and key.hex() in goes]
        dead_bytes = sum(goes[d] + OVERHEAD for d in dead)
        mostly = dead and 2 * dead_bytes >= stat.st_size - START
        merges = many and stat.st_mtime < left and stat.st_size < SMALL_PACK
        if (mostly or merges) and len(out) < AT_ONCE:
            out[pack.path.name] = tuple(sorted(dead))
        else:
            held.update(dead)
    # What one pack holds goes from no other, or it would be told that it went.
    return {name: tuple(d for d in dead if d not in held) for name, dead in out.items()}, held


def apply(blobs: LocalBlobs, plan: Plan) -> Tombstone:
    """Do what a plan says: move it into the trash, and bring back from there what is needed.

    What was touched since the plan was made stays. Undo it with :func:`undo`.

    Raises:
        ConflictError: Another process is at it.
        AccessError, TransportError: The store cannot be written to.
    """
    blobs.touch(plan.missing)
    return blobs.put_away(plan.loose, plan.packs, before=plan.before, reason="not referenced")


def undo(blobs: LocalBlobs, id: str) -> Tombstone:
    """Bring back all that one collection or deletion took.

    Raises:
        NotFoundError: There was none of this id.
        ConflictError: What it took was removed for good.
    """
    return blobs.trash.restore(id)


def purge(
    blobs: LocalBlobs,
    versions: Versions,
    referenced: Iterable[str],
    *,
    manifests: Iterable[str] = (),
    days: float = KEEP_DAYS,
) -> tuple[Tombstone, ...]:
    """Remove for good what has been in the trash for some days, versions first.

    What something refers to again by now is restored instead.

    Args:
        blobs: The store.
        versions: Its versions; those deleted before that time cannot be restored afterwards,
            and their content goes with the next collection.
        referenced: As for :func:`plan`.
        manifests: As for :func:`plan`.
        days: How long things stay in the trash.

    Raises:
        FormatError: A version or manifest is damaged; nothing was removed.
        ConflictError: Another process is at it.
    """
    before = now_us() - round(days * DAY)
    versions.purge(before)
    needed = mark(blobs, versions, manifests)
    needed.update(referenced)
    return tuple(blobs.trash.purge(before, needed.__contains__))
