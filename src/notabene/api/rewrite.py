"""Journals under other names: for runs whose id is taken, and artifacts whose number is."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from notabene.journal.rows import FILLER
from notabene.journal.segment import (
    Damage,
    Frame,
    Header,
    Section,
    decode_header,
    decode_record_section,
    encode_frame,
    encode_header,
    encode_record_section,
    encode_section,
    find_frame,
    frames,
    read_header_of,
)
from notabene.model.canonical import digest_bytes, digest_json
from notabene.model.records import AnyRecord, Entry, Unknown, decode_record, encode_record

_VERSIONED = frozenset({"artifact-logged", "artifact-used", "alias-moved", "artifact-deleted"})


class Renaming(msgspec.Struct, frozen=True):
    """What is called otherwise here.

    Attributes:
        runs: Other ids of runs.
        versions: Other numbers of artifact versions, by name and number.
    """

    runs: dict[str, str] = {}
    versions: dict[tuple[str, int], int] = {}

    def __bool__(self) -> bool:
        return bool(self.runs or self.versions)

    def payload(self, data: bytes | memoryview) -> bytes:
        """The MessagePack of a record, with other names in it.

        Works on the map, not on the type, so that fields of newer versions stay.
        """
        if data[:1] == FILLER:
            return bytes(data)
        fields: dict[str, Any] = msgspec.msgpack.decode(data)
        kind = fields.get("record")
        if kind in _VERSIONED and fields.get("version") is not None:
            place = (fields.get("name"), fields["version"])
            fields["version"] = self.versions.get(cast("tuple[str, int]", place), place[1])
        elif kind == "run-created" and fields.get("parent"):
            fields["parent"] = self.runs.get(fields["parent"], fields["parent"])
        else:
            return bytes(data)
        return msgspec.msgpack.encode(fields)

    def entry(self, entry: Entry) -> Entry:
        """An edit, with other names in it."""
        record: AnyRecord | Unknown = decode_record(self.payload(encode_record(entry.record)))
        run = self.runs.get(entry.run, entry.run)
        return msgspec.structs.replace(entry, record=record, run=run)


def rewrite_journal(source: Path, target: Path, renaming: Renaming) -> None:
    """Write a journal under other names; equal ones give equal bytes.

    What is damaged stays damaged, and what follows it stays readable for repair.

    Raises:
        FormatError: It is no journal.
        OSError: It cannot be read or written.
    """
    if source.stat().st_size == 0:
        target.write_bytes(b"")
        return
    with open(source, "rb") as file:
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    try:
        with open(target, "xb") as out:
            out.writelines(_pieces(view, renaming))
    except EOFError:  # a file that was just being made holds nothing yet
        target.write_bytes(b"")


def _pieces(view: memoryview, renaming: Renaming) -> Iterator[bytes]:
    header, at = decode_header(view)
    pairs = sorted([*renaming.runs.items()]), sorted([*map(list, renaming.versions.items())])
    name = digest_bytes(header.file_id + digest_json(pairs).encode())
    new = msgspec.structs.replace(
        header,
        run=renaming.runs.get(header.run, header.run),
        file_id=bytes.fromhex(name)[:16],
    )
    yield encode_header(new)
    while at < len(view):
        for item in frames(view, header, at):
            if isinstance(item, Damage):
                begin = at
                found = None if item.torn else find_frame(view, item.offset + 1, header)
                at = len(view) if found is None else found
                yield bytes(view[begin:at])
                break
            yield _frame(item, header, new, renaming)
            at = item.offset + item.size


def _frame(frame: Frame, header: Header, new: Header, renaming: Renaming) -> bytes:
    parts = []
    for kind, _, data in frame.sections:
        if kind == Section.RECORD:
            seq, time, payload = decode_record_section(data)
            parts.append(encode_record_section(seq, time, renaming.payload(payload)))
        else:
            parts.append(encode_section(cast("Section", kind), bytes(data)))
    writer = header.writers.index(frame.writer)
    return encode_frame(new.seed, frame.first, frame.last, b"".join(parts), writer)


def header_run(path: Path) -> str | None:
    """The run that a journal says it is of; None where it does not say.

    Raises:
        FormatError: It is no journal.
    """
    with open(path, "rb") as file:
        try:
            return read_header_of(file)[0].run
        except EOFError:
            return None
