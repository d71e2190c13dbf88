"""Canonical bytes: one per value, and the digests made of them."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.model.canonical import (
    CHUNK,
    canonical_json,
    digest_bytes,
    digest_chunks,
    digest_file,
    digest_json,
    is_digest,
    new_hasher,
)

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.binary(max_size=200), st.integers(0, 200))
def test_digests_do_not_depend_on_pieces(data: bytes, at: int):
    """Bytes, the same bytes in chunks and a running hasher give SHA-256 in hexadecimal."""
    hasher = new_hasher()
    hasher.update(data)
    expected = hashlib.sha256(data).hexdigest()
    assert digest_bytes(data) == digest_chunks([data[:at], data[at:]]) == expected
    assert hasher.hexdigest() == expected


def test_files_have_the_digest_of_their_bytes(tmp_path: Path):
    """A file larger than one chunk has the digest of its content."""
    data = b"0123456789" * (CHUNK // 5)
    path = tmp_path / "file"
    path.write_bytes(data)
    assert digest_file(path) == digest_file(str(path)) == digest_bytes(data)


def test_a_missing_file_is_an_os_error(tmp_path: Path):
    """digest_file() of nothing raises what opening it raises."""
    with pytest.raises(FileNotFoundError):
        digest_file(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("a" * 64, True),
        ("0123456789abcdef" * 4, True),
        ("A" * 64, False),
        ("g" * 64, False),
        ("a" * 63, False),
        ("", False),
    ],
)
def test_digests_are_recognised(text: str, is_one: bool):
    """A digest is 64 lower-case hexadecimal digits and nothing else."""
    assert is_digest(text) is is_one


@given(JSON_VALUES)
def test_canonical_json_is_json(value: object):
    """Canonical bytes parse to the value they are of."""
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), JSON_VALUES, max_size=5), st.randoms())
def test_order_does_not_matter(value: dict[str, object], random):
    """Keys in another order give the same bytes."""
    keys = list(value)
    random.shuffle(keys)
    assert canonical_json({key: value[key] for key in keys}) == canonical_json(value)


def test_what_json_has_not_becomes_text():
    """NaN and the infinities are texts, minus zero is zero, an integral float stays a float."""
    value = {"b": [math.nan, math.inf, -math.inf], "a": (-0.0, 1.0)}
    assert canonical_json(value) == b'{"a":[0.0,1.0],"b":["NaN","Infinity","-Infinity"]}'


def test_other_values_are_refused():
    """Something that is no JSON raises TypeError, so that no digest is of half a value."""
    with pytest.raises(TypeError):
        canonical_json({"a": object()})


def test_digest_of_json_is_of_its_canonical_bytes():
    """digest_json() is SHA-256 of canonical_json()."""
    assert digest_json({"b": 1, "a": 2}) == digest_bytes(b'{"a":2,"b":1}')
