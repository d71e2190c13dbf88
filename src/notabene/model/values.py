"""What can be logged and is no number: the JSON form of each kind of value.

A value is ``(kind, value)``: a word of :data:`KINDS` and the JSON of the struct of that name
below. Fields that have their default are left out, unknown fields are ignored, so older readers
open newer values. Small content stands in the JSON itself; the rest is bytes in the blob store,
named by a :class:`BlobRef`. Every digest that keeps bytes alive stands in the value as
``{"digest": ...}`` (see :func:`digests_in`), never only inside a blob.

    text        texts up to 4 KiB inline, longer ones as a blob
    image       PNG, JPEG, GIF, WebP ... as given; arrays as PNG; boxes and masks beside it
    audio       WAV for arrays, other files as given
    video       MP4, WebM, GIF or animated PNG
    table       typed columns in pages of JSON, gzip; cells may be media
    histogram   counts and edges, inline
    html        a page, as a blob
    figure      a drawing: PNG (and SVG) of matplotlib, JSON of plotly
    file        any other file
    list        several of these

Times are seconds, sizes are bytes, lengths in pictures are pixels.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from notabene.errors import FormatError
from notabene.model.canonical import digest_bytes, digest_file
from notabene.model.records import JSON

INLINE_TEXT = 4096
"""Texts of at most this many bytes in UTF-8 stand in the value itself."""

TABLE_MIME = "application/vnd.notabene.table+json"
PACK_MIME = "application/vnd.notabene.pack"
ITEMS_MIME = "application/vnd.notabene.items+json"

ColumnType = Literal["bool", "int", "float", "text", "time", "json", "media", "mixed", "empty"]


class BlobRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Bytes in the blob store."""

    digest: str = ""
    """SHA-256. Empty inside a table or list: the bytes lie in its ``pack``, from ``at`` on."""
    size: int
    """Bytes, as stored."""
    mime: str
    """Media type of the content, before ``encoding``."""
    encoding: Literal["", "gzip"] = ""
    name: str = ""
    """Name of the file it came from."""
    at: int = 0
    """First byte, in a ``pack``."""


class Blob(msgspec.Struct, frozen=True):
    """Bytes on their way to the blob store.

    Attributes:
        digest: SHA-256 of the content.
        size: Bytes.
        data: The content, or None where it stays in a file.
        path: Absolute path of that file, or None.
        mime: Media type.
    """

    digest: str
    size: int
    data: bytes | None
    path: str | None
    mime: str

    @classmethod
    def of(cls, data: bytes, mime: str) -> Blob:
        """Bytes in memory."""
        return cls(digest_bytes(data), len(data), data, None, mime)

    @classmethod
    def of_file(cls, path: Path, mime: str) -> Blob:
        """A file, left where it is until it is copied into the store.

        Raises:
            OSError: It cannot be read.
        """
        path = path.absolute()
        return cls(digest_file(path), path.stat().st_size, None, str(path), mime)

    def ref(self, *, name: str = "", encoding: Literal["", "gzip"] = "") -> BlobRef:
        """How a value names it."""
        return BlobRef(
            digest=self.digest, size=self.size, mime=self.mime, name=name, encoding=encoding
        )


class Encoded(msgspec.Struct, frozen=True):
    """A value ready to be kept: put the blobs into the store, then record kind and value."""

    kind: str
    value: dict[str, JSON]
    blobs: tuple[Blob, ...] = ()


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the JSON forms."""

    def encoded(self, *blobs: Blob | None) -> Encoded:
        """This value with its bytes."""
        kept = tuple(b for b in blobs if b is not None)
        return Encoded(KIND_OF[type(self)], msgspec.to_builtins(self), kept)


class TextValue(Value, frozen=True):
    """A text: inline, or a blob and its beginning."""

    text: str = ""
    """All of it, or its first 512 characters where there is a ``file``."""
    file: BlobRef | None = None
    chars: int = 0
    """Length in characters."""


class Mask(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Classes of the pixels of an image."""

    file: BlobRef
    """A grey PNG; the grey value is the class."""
    labels: dict[str, str] = {}
    """Name by class."""


class ImageValue(Value, frozen=True):
    """An image."""

    file: BlobRef
    width: int = 0
    """Pixels; 0 where not known."""
    height: int = 0
    mode: str = ""
    """``L``, ``LA``, ``RGB``, ``RGBA`` or ``I;16`` of images made from arrays and by PIL."""
    caption: str = ""
    boxes: JSON = None
    """As the user gave them."""
    boxes_file: BlobRef | None = None
    """The same, where they are long."""
    masks: dict[str, Mask] = {}
    clipped: int = 0
    """Values of the array that were outside the range and cut to it."""
    nan: int = 0
    """Values of the array that were NaN and became 0."""


class AudioValue(Value, frozen=True):
    """Sound."""

    file: BlobRef
    sample_rate: int = 0
    """Hertz; this and what follows is 0 where not known."""
    channels: int = 0
    seconds: float = 0.0
    caption: str = ""
    clipped: int = 0
    """Samples that were outside [-1, 1] and cut to it."""
    nan: int = 0


class VideoValue(Value, frozen=True):
    """Moving pictures. ``image/apng`` and ``image/gif`` are shown as images, others as video."""

    file: BlobRef
    width: int = 0
    """Pixels; this and what follows is 0 where not known."""
    height: int = 0
    frames: int = 0
    fps: float = 0.0
    caption: str = ""
    clipped: int = 0
    nan: int = 0


class Column(msgspec.Struct, frozen=True):
    """A column of a table. Any cell may be null.

    ``float`` writes the non-finite as ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``; ``time`` is
    ISO 8601; ``media`` is ``{"kind", "value"}``; integers beyond 64 bits are texts.
    """

    name: str
    type: ColumnType


class Page(msgspec.Struct, frozen=True):
    """A run of rows: bytes ``at`` to ``at + size`` of the table's blob, one gzip member."""

    rows: int
    at: int
    size: int


class TableValue(Value, frozen=True):
    """A table.

    ``file`` unpacks to lines of JSON: first ``{"columns": [{"name", "type"}], "rows"}``, then a
    line per page: a list of columns, each a list of cells. Each line is a gzip member.
    """

    file: BlobRef
    rows: int
    width: int
    """Number of columns."""
    columns: tuple[Column, ...] = ()
    """The first 256; names cut at 250 bytes. The file has all."""
    pages: tuple[Page, ...] = ()
    """Where to find rows without reading all; at most 1,024 entries."""
    pack: BlobRef | None = None
    """Bytes of the media in cells."""
    apart: tuple[BlobRef, ...] = ()
    """Large files in cells, which are no part of the pack."""
    notes: tuple[str, ...] = ()
    """What could not be kept as it was, a sentence each."""


class HistogramValue(Value, frozen=True):
    """A distribution. Bin ``i`` holds ``edges[i] <= x < edges[i + 1]``; the last, its end too."""

    counts: tuple[float, ...] = ()
    """Finite values per bin; whole numbers, unless the user gave weights."""
    edges: tuple[float, ...] = ()
    """One more than counts; rising."""
    n: int = 0
    """All values, also those that are not finite."""
    min: float | None = None
    """Over finite values, as are max, mean and std (of the population)."""
    max: float | None = None
    mean: float | None = None
    std: float | None = None
    nan: int = 0
    posinf: int = 0
    neginf: int = 0
    values: tuple[float | str, ...] = ()
    """All values in order, where they are at most 64; the non-finite as in tables."""


class HtmlValue(Value, frozen=True):
    """A page of HTML: not trusted, to be shown in a sandbox."""

    file: BlobRef
    caption: str = ""


class FigureValue(Value, frozen=True):
    """A drawing."""

    library: Literal["matplotlib", "plotly"]
    file: BlobRef
    """``image/png``, or plotly's JSON (``application/vnd.plotly.v1+json``)."""
    svg: BlobRef | None = None
    width: int = 0
    """Pixels of the PNG."""
    height: int = 0
    caption: str = ""


class FileValue(Value, frozen=True):
    """Any file."""

    file: BlobRef
    caption: str = ""


class Item(msgspec.Struct, frozen=True):
    """One value of a list."""

    kind: str
    value: dict[str, JSON]


class ListValue(Value, frozen=True):
    """Several values."""

    count: int
    items: tuple[Item, ...] = ()
    """Inline, or empty where ``file`` holds them (a JSON list, gzip)."""
    file: BlobRef | None = None
    pack: BlobRef | None = None
    """Bytes of the items, where ``file`` holds these."""
    apart: tuple[BlobRef, ...] = ()


KINDS: dict[str, type[Value]] = {
    "text": TextValue,
    "image": ImageValue,
    "audio": AudioValue,
    "video": VideoValue,
    "table": TableValue,
    "histogram": HistogramValue,
    "html": HtmlValue,
    "figure": FigureValue,
    "file": FileValue,
    "list": ListValue,
}
"""Struct by kind."""

KIND_OF: dict[type[Value], str] = {cls: kind for kind, cls in KINDS.items()}

V = TypeVar("V", bound=Value)


def read_value(kind: str, value: dict[str, JSON]) -> Value:
    """The struct of a value's JSON.

    Raises:
        FormatError: The kind is not known to this version, or the JSON is not of that kind.
    """
    if kind not in KINDS:
        raise FormatError(f"the kind of value {kind!r} is unknown here", hint="upgrade notabene")
    return read_as(KINDS[kind], value)


def read_as(cls: type[V], value: dict[str, JSON]) -> V:
    """The struct of a value's JSON, where the kind is known.

    Raises:
        FormatError: The JSON is not of that kind.
    """
    try:
        return msgspec.convert(value, cls)
    except msgspec.ValidationError as error:
        raise FormatError(f"a value is damaged: it is no {KIND_OF[cls]} ({error})") from error


def digests_in(value: JSON) -> Iterator[str]:
    """Digests of all blobs that a value needs; some may come twice."""
    if isinstance(value, dict):
        digest = value.get("digest")
        if isinstance(digest, str) and digest:
            yield digest
        for part in value.values():
            yield from digests_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from digests_in(part)


# -- tables and lists as bytes ---------------------------------------------------------------


def gzipped(data: bytes) -> bytes:
    """One gzip member without a time, so that equal content gives equal bytes."""
    # Level 1: of tables 6 % more bytes than level 6, in a fifth of the time.
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def gunzipped(data: bytes) -> bytes:
    """The content of one gzip member, or of several in a row.

    Raises:
        FormatError: The bytes are damaged or cut short.
    """
    out = []
    while data:
        unpacker = zlib.decompressobj(31)
        try:
            out.append(unpacker.decompress(data))
        except zlib.error as error:
            raise FormatError(f"compressed bytes are damaged: {error}") from error
        if not unpacker.eof:
            raise FormatError("compressed bytes are cut short")
        data = unpacker.unused_data
    return b"".join(out)


class TableData(msgspec.Struct, frozen=True):
    """The cells of a table.

    Attributes:
        columns: Names and types, in order.
        cells: One list per column, each with a cell per row.
    """

    columns: tuple[Column, ...]
    cells: tuple[list[Any], ...]


class _Header(msgspec.Struct):
    columns: tuple[Column, ...]
    rows: int


def read_table(data: bytes) -> TableData:
    """All cells of a table from the bytes of its ``file``.

    Raises:
        FormatError: The bytes are damaged.
    """
    head, *pages = gunzipped(data).splitlines() or [b""]
    try:
        columns = msgspec.json.decode(head, type=_Header).columns
        cells: tuple[list[Any], ...] = tuple([] for _ in columns)
        for page in pages:
            for column, part in zip(cells, read_page(columns, page), strict=True):
                column += part
    except (msgspec.MsgspecError, ValueError) as error:
        raise FormatError(f"a table is damaged: {error}") from error
    return TableData(columns, cells)


def read_page(columns: tuple[Column, ...], line: bytes) -> list[list[Any]]:
    """Cells of one page (unpacked), column by column.

    Raises:
        FormatError: The line is no page of a table with these columns.
    """
    try:
        cells = msgspec.json.decode(line, type=list[list[Any]])
    except msgspec.MsgspecError as error:
        raise FormatError(f"a page of a table is damaged: {error}") from error
    if len(cells) != len(columns):
        raise FormatError(f"a page of a table has {len(cells)} columns, not {len(columns)}")
    return [
        [float(c) if type(c) is str else c for c in part] if column.type == "float" else part
        for column, part in zip(columns, cells, strict=True)
    ]


def json_number(number: float) -> float | str:
    """A float as JSON has it: the non-finite as ``"NaN"``, ``"Infinity"``, ``"-Infinity"``."""
    if number - number == 0.0:
        return number
    return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"
