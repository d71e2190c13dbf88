"""The JSON of values: what is written is read again, and every digest is found."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.errors import FormatError
from notabene.model import values
from notabene.model.canonical import digest_bytes
from notabene.model.values import (
    KINDS,
    Blob,
    BlobRef,
    Column,
    HistogramValue,
    ImageValue,
    Item,
    ListValue,
    TextValue,
    digests_in,
    gunzipped,
    gzipped,
    json_number,
    read_page,
    read_table,
    read_value,
)


def test_every_kind_has_its_struct():
    """KINDS names each struct of the module once, under the name that encodes to it."""
    structs = {
        cls
        for cls in vars(values).values()
        if isinstance(cls, type) and issubclass(cls, values.Value) and cls is not values.Value
    }
    assert set(KINDS.values()) == structs
    assert {cls: kind for kind, cls in KINDS.items()} == values.KIND_OF


def test_defaults_are_left_out():
    """A value's JSON holds only what differs from the defaults."""
    encoded = TextValue(text="hello", chars=5).encoded()
    assert encoded.kind == "text"
    assert encoded.value == {"text": "hello", "chars": 5}
    assert encoded.blobs == ()


def test_a_value_survives_messagepack_and_json():
    """What encoded() gives is read back equal, through either of the two forms."""
    value = ImageValue(file=BlobRef(digest="a" * 64, size=3, mime="image/png"), width=2, height=1)
    encoded = value.encoded()
    assert (
        read_value("image", msgspec.msgpack.decode(msgspec.msgpack.encode(encoded.value))) == value
    )
    assert read_value("image", msgspec.json.decode(msgspec.json.encode(encoded.value))) == value


def test_unknown_fields_are_ignored():
    """A value with fields of a newer version is read without them."""
    assert read_value("text", {"text": "a", "chars": 1, "tone": "sad"}) == TextValue(
        text="a", chars=1
    )


def test_an_unknown_kind_is_refused():
    """A kind of a newer version is one clear error, not a wrong value."""
    with pytest.raises(FormatError, match="'hologram' is unknown"):
        read_value("hologram", {})


def test_a_damaged_value_is_refused():
    """JSON that is not of its kind is said to be damaged."""
    with pytest.raises(FormatError, match="no image"):
        read_value("image", {"file": 3})


def test_digests_are_found_wherever_they_stand():
    """digests_in() walks mappings and lists, and leaves out references into a pack."""
    inner = ImageValue(file=BlobRef(digest="b" * 64, size=1, mime="image/png")).encoded()
    value = ListValue(
        count=2,
        items=(Item(inner.kind, inner.value), Item("image", {"file": {"size": 1, "at": 9}})),
        pack=BlobRef(digest="c" * 64, size=1, mime="x/y"),
    ).encoded()
    assert set(digests_in(value.value)) == {"b" * 64, "c" * 64}


def test_a_blob_knows_its_digest(tmp_path: Path):
    """Bytes and a file of these bytes have one digest and size."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    in_memory, on_disk = Blob.of(b"abc", "x/y"), Blob.of_file(path, "x/y")
    assert in_memory.digest == on_disk.digest == digest_bytes(b"abc")
    assert in_memory.size == on_disk.size == 3
    assert (in_memory.data, in_memory.path) == (b"abc", None)
    assert (on_disk.data, on_disk.path) == (None, str(path))
    assert in_memory.ref(name="n") == BlobRef(digest=in_memory.digest, size=3, mime="x/y", name="n")


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_gzip_members_join(parts: list[bytes]):
    """Compressed parts, one after the other, unpack to the parts joined; equal bytes each time."""
    packed = b"".join(map(gzipped, parts))
    assert gunzipped(packed) == b"".join(parts)
    assert packed == b"".join(map(gzipped, parts))


@given(st.binary(min_size=1, max_size=500), st.integers(0, 600), st.integers(1, 255))
def test_damaged_gzip_is_refused(content: bytes, at: int, change: int):
    """Compressed bytes that are cut or changed are an error, never other content."""
    data = gzipped(content)
    at %= len(data)
    with pytest.raises(FormatError, match="compressed bytes are"):
        gunzipped(data[: at or 1])
    spoiled = bytearray(data)
    spoiled[at] ^= change
    read = content  # a change in the header (time, system, level) does no harm
    with contextlib.suppress(FormatError):
        read = gunzipped(bytes(spoiled))
    assert read == content


def test_tables_are_read_by_column():
    """A header and two pages give typed columns; texts in a float column are numbers again."""
    columns = (Column("a", "int"), Column("b", "float"))
    lines = [
        msgspec.json.encode({"columns": columns, "rows": 3}),
        msgspec.json.encode([[1, None], [0.5, "NaN"]]),
        msgspec.json.encode([[3], ["-Infinity"]]),
    ]
    table = read_table(b"".join(gzipped(line + b"\n") for line in lines))
    assert table.columns == columns
    assert table.cells[0] == [1, None, 3]
    assert table.cells[1][0] == 0.5
    assert math.isnan(table.cells[1][1])
    assert table.cells[1][2] == -math.inf


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"columns": [], "rows": 1}\n3',
        b'{"columns":[{"name":"a","type":"int"}],"rows":1}\n[]',
    ],
)
def test_damaged_tables_are_refused(content: bytes):
    """Bytes that are no table give an error that says so."""
    with pytest.raises(FormatError, match="table"):
        read_table(gzipped(content))


def test_a_page_must_fit_its_columns():
    """A page with another number of columns than the header is refused."""
    with pytest.raises(FormatError, match="has 2 columns, not 1"):
        read_page((Column("a", "int"),), b"[[1],[2]]")


@given(st.floats())
def test_json_numbers_read_back(number: float):
    """json_number() gives JSON of every float, and float() gives the float back."""
    kept = msgspec.json.decode(msgspec.json.encode(json_number(number)))
    assert float(kept) == number or (math.isnan(number) and math.isnan(float(kept)))


def test_histograms_keep_whole_counts_whole():
    """Counts that are integers stay integers in JSON."""
    value = HistogramValue(counts=(1, 2), edges=(0.0, 1.0, 2.0), n=3).encoded().value
    assert msgspec.json.encode(value["counts"]) == b"[1,2]"
