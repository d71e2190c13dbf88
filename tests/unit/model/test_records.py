"""Records: each survives its bytes, unknown ones are kept, and newer fields do no harm."""

from __future__ import annotations

import inspect
import typing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.model import records
from notabene.model.records import (
    AnyRecord,
    Captured,
    ConfigChanged,
    Entry,
    Heartbeat,
    Record,
    RunCreated,
    Unknown,
    WriterFinished,
    decode_record,
    encode_record,
    kebab,
)

TYPES = [
    cls
    for cls in vars(records).values()
    if inspect.isclass(cls) and issubclass(cls, Record) and cls is not Record
]

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def of(hint: object) -> st.SearchStrategy[object]:
    """Any value of a field's type."""
    if hint is typing.Any:
        return JSON_VALUES
    if typing.get_origin(hint) is dict and typing.get_args(hint)[1] is typing.Any:
        return st.dictionaries(st.text(), JSON_VALUES, max_size=3)
    if hint is int:
        return st.integers(-(2**63), 2**63 - 1)
    if args := [a for a in typing.get_args(hint) if a is not type(None)]:
        if type(None) in typing.get_args(hint):
            return st.none() | of(args[0])
        if typing.get_origin(hint) is tuple:
            return st.lists(of(args[0]), max_size=3).map(tuple)
    return st.from_type(typing.cast("type[object]", hint))


def equal(a: Record, b: object) -> bool:
    """Equal by value; NaN is equal to NaN."""
    return type(a) is type(b) and repr(a) == repr(b)


def test_all_types_are_of_the_union():
    """Every record type of the module can be decoded, and no other."""
    assert set(typing.get_args(AnyRecord)) == set(TYPES)


@pytest.mark.parametrize("cls", TYPES, ids=lambda cls: cls.__name__)
@given(data=st.data())
def test_a_record_survives_its_bytes(cls: type[Record], data: st.DataObject):
    """Any record of any type is read back equal."""
    hints = typing.get_type_hints(cls)
    fields = {f.name: data.draw(of(hints[f.name])) for f in msgspec.structs.fields(cls)}
    record = cls(**fields)
    assert equal(record, decode_record(encode_record(record)))


@pytest.mark.parametrize("cls", TYPES, ids=lambda cls: cls.__name__)
def test_the_tag_is_the_name(cls: type[Record]):
    """On disk a record bears its name in kebab case, and every tag is of one type."""
    assert cls.__struct_config__.tag == kebab(cls.__name__)
    assert [c for c in TYPES if kebab(c.__name__) == kebab(cls.__name__)] == [cls]


def test_kebab():
    """Capitals become hyphens and small letters."""
    assert kebab("RunCreated") == "run-created"
    assert kebab("Heartbeat") == "heartbeat"


def test_defaults_take_no_bytes():
    """Fields that have their default are left out, so that small records are small."""
    decoded = msgspec.msgpack.decode(encode_record(RunCreated(project="p")))
    assert decoded == {"record": "run-created", "project": "p"}


def test_newer_fields_are_ignored():
    """A field that this version does not know does no harm."""
    data = msgspec.msgpack.encode({"record": "heartbeat", "cpu_us": 5, "mood": "good"})
    assert decode_record(data) == Heartbeat(cpu_us=5)


@pytest.mark.parametrize(
    "content",
    [{"record": "from-the-future", "x": 1}, {"record": "heartbeat", "cpu_us": "many"}, {}, 3],
)
def test_what_is_not_understood_is_kept(content: object):
    """A record of another type or form is kept byte for byte and written back as it came."""
    data = msgspec.msgpack.encode(content)
    record = decode_record(memoryview(data))
    assert record == Unknown(data)
    assert encode_record(record) == data


def test_what_is_no_json_is_refused():
    """A config value that no JSON can hold is an error when the record is encoded."""
    with pytest.raises(TypeError):
        encode_record(ConfigChanged(set={"a": object()}))


def test_half_characters_are_written_as_escapes():
    """What a file's name has of bytes that are no UTF-8 is kept readable, wherever it stands."""
    record = Captured(
        part="process", data={"argv": ["caf\udce9", ("x\udcff", 1)]}, facts={"\ud800": None}
    )
    kept = decode_record(encode_record(record))
    assert kept == Captured(
        part="process",
        data={"argv": ["caf\\udce9", ["x\\udcff", 1]]},
        facts={"\\ud800": None},
    )


def test_records_cannot_be_changed():
    """A record says what happened; it is not edited."""
    record = WriterFinished()
    with pytest.raises(AttributeError):
        record.status = "failed"  # type: ignore[misc]  # that is what is tested


def test_an_entry_has_its_identity():
    """Entries are equal when writer, sequence, time, record and run are."""
    entry = Entry("w1", 1, 10, Heartbeat())
    assert entry == Entry("w1", 1, 10, Heartbeat(), "")
    assert entry != Entry("w1", 2, 10, Heartbeat())
