"""Packs under damage: whatever happens to the file, no wrong bytes are ever read."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from notabene.artifacts.local import LocalBlobs
from notabene.errors import IntegrityError, NotFoundError
from notabene.model.canonical import digest_bytes

blobs_of_a_run = st.lists(st.binary(max_size=400), min_size=1, max_size=12, unique=True)
damages = st.lists(
    st.one_of(
        st.tuples(st.just("flip"), st.floats(0, 1), st.integers(0, 7)),
        st.tuples(st.just("zero"), st.floats(0, 1), st.integers(1, 100)),
        st.tuples(st.just("cut"), st.floats(0, 1), st.just(0)),
        st.tuples(st.just("tail"), st.just(1.0), st.integers(1, 200)),
    ),
    min_size=1,
    max_size=3,
)


def spoil(data: bytes, damage: tuple[str, float, int]) -> tuple[bytes, range]:
    """Damaged bytes, and the range of offsets that changed."""
    kind, where, what = damage
    at = min(int(where * len(data)), len(data) - 1)
    if kind == "flip":
        return data[:at] + bytes([data[at] ^ (1 << what)]) + data[at + 1 :], range(at, at + 1)
    if kind == "zero":
        end = min(at + what, len(data))
        return data[:at] + bytes(end - at) + data[end:], range(at, end)
    if kind == "cut":
        return data[:at], range(at, len(data))
    return data + bytes([7]) * what, range(len(data), len(data) + what)


@given(blobs_of_a_run, damages, st.booleans())
def test_damage_costs_what_it_hits_and_nothing_else(contents, changes, indexed):
    """Flipped, zeroed, cut or trailing bytes: each blob comes back true, or not at all; those
    whose own bytes are intact, and lie behind an intact beginning of the file, come back."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with LocalBlobs(root) as store:
            for content in contents:
                store.put(content)
            if indexed:
                writer = store.packs._writer
                writer.records = 1 << 20  # full: it will be given an index
        [path] = (root / "packs").glob("*.pack")
        data, hit = path.read_bytes(), set()
        whole = len(data)
        for damage in changes:
            if data:
                data, changed = spoil(data, damage)
                hit |= set(changed)
        hit |= set(range(len(data), whole))
        path.write_bytes(data)
        end = 24
        for content in contents:
            start, end = end, end + 56 + len(content)
            intact = not hit & {*range(24), *range(start, end)}
            try:
                assert LocalBlobs(root).read(digest_bytes(content)) == content
            except (IntegrityError, NotFoundError):
                assert not intact
        with LocalBlobs(root) as store:  # and all of it can be stored again
            for content in contents:
                assert store.read(store.put(content)) == content
