"""Values that are no scalars, old messages and tensors."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from notabene.tfevents.proto import WireError, read_tensor, read_value
from notabene.tfevents.values import hparams_of, value_of
from tests.unit.tfevents.conftest import f32, f64, num, sub, tensor


def read(content: bytes, plugin: str = ""):
    """A value from the bytes of its message."""
    return value_of(content, read_value(content, 0, len(content)), plugin)


def packed(number: int, values: list[float]) -> bytes:
    """Doubles in one field."""
    return sub(number, struct.pack(f"<{len(values)}d", *values))


def histogram(low, high, n, total, squares, limits, counts) -> bytes:
    """The old message."""
    body = f64(1, low) + f64(2, high) + f64(3, n) + f64(4, total) + f64(5, squares)
    return sub(1, b"h") + sub(5, body + packed(6, limits) + packed(7, counts))


def test_a_histogram():
    """Edges begin at the least value and end at the largest; empty ends are cut."""
    found = read(histogram(1, 4, 4, 10, 30, [0.5, 2, 3, 1e308], [0, 1, 1, 2])).value
    assert found["counts"] == (1, 1, 2)
    assert found["edges"] == (0.5, 2, 3, 4)
    assert (found["n"], found["min"], found["max"], found["mean"]) == (4, 1, 4, 2.5)
    assert found["std"] == pytest.approx(np.sqrt(7.5 - 6.25))


def test_an_empty_histogram():
    """No values, no edges."""
    found = read(histogram(0, 0, 0, 0, 0, [], [])).value
    assert found.get("counts", ()) == ()
    assert found.get("n", 0) == 0


def test_a_histogram_that_is_damaged():
    """More limits than counts, or half a number."""
    with pytest.raises(WireError):
        read(histogram(0, 1, 1, 1, 1, [1, 2], [1]))
    with pytest.raises(WireError):
        read(sub(1, b"h") + sub(5, sub(6, b"123")))


def test_pictures_and_sound():
    """Their bytes are kept as they are; sizes are those of the content or the message."""
    png = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", 7, 5)
    found = read(sub(1, b"i") + sub(4, num(1, 9) + num(2, 9) + sub(4, png)))
    assert (found.kind, found.value["width"], found.value["height"]) == ("image", 7, 5)
    assert found.blobs[0].data == png
    found = read(sub(1, b"i") + sub(4, num(1, 2) + num(2, 3) + sub(4, b"GIF89a")))
    assert (found.value["width"], found.value["file"]["mime"]) == (3, "image/gif")
    sound = f32(1, 8000) + num(2, 2) + num(3, 400) + sub(4, b"RIFF")
    found = read(sub(1, b"s") + sub(6, sound))
    assert (found.value["sample_rate"], found.value["seconds"]) == (8000, 0.05)


@pytest.mark.parametrize("name", ["float32", "float64", "int32", "int64", "bool"])
def test_tensors(name):
    """All types of numbers, by their bytes."""
    array = np.array([[1, 0, 3]], name)
    content = tensor("t", array)
    value = read_value(content, 0, len(content))
    found = read_tensor(content, value.start, value.end)
    assert found.array.dtype == array.dtype
    assert (found.array == array).all()


def test_tensors_by_value():
    """Numbers in fields; one stands for all that are left out; half floats are bits."""
    shape = sub(2, sub(2, num(1, 3)))
    body = num(1, 1) + shape + sub(5, struct.pack("<f", 2.5))
    assert read_tensor(body, 0, len(body)).array.tolist() == [2.5, 2.5, 2.5]
    body = num(1, 9) + shape + num(10, 7) + num(10, -8)
    assert read_tensor(body, 0, len(body)).array.tolist() == [7, -8, -8]
    body = num(1, 19) + shape + num(13, 0x3C00)
    assert read_tensor(body, 0, len(body)).array.tolist() == [1, 1, 1]
    body = num(1, 14) + shape + num(13, 0x3F80)
    assert read_tensor(body, 0, len(body)).array.tolist() == [1, 1, 1]
    for bad in (num(1, 99) + shape, num(1, 1) + sub(2, sub(2, num(1, 1 << 40)))):
        with pytest.raises(WireError):
            read_tensor(bad, 0, len(bad))


def test_settings():
    """Numbers, whole ones as such, texts and switches."""

    def entry(key, value):
        return sub(1, sub(1, key) + sub(2, value))

    params = entry(b"lr", f64(2, 0.5)) + entry(b"n", f64(2, 3.0)) + entry(b"opt", sub(3, b"sgd"))
    params += entry(b"aug", num(4, 1)) + entry(b"none", b"") + entry(b"nan", f64(2, float("nan")))
    what, said = hparams_of(sub(3, params + sub(4, b"g") + f64(5, 12.5)))
    assert (what, said["group"], said["time"]) == ("start", "g", 12_500_000)
    assert said["params"] == {
        "lr": 0.5, "n": 3, "opt": "sgd", "aug": True, "none": None, "nan": "nan",
    }  # fmt: skip
    assert hparams_of(sub(4, num(1, 2) + f64(2, 1.0))) == ("end", {"status": 2, "time": 1_000_000})
    assert hparams_of(sub(2, b""))[0] == ""


def test_long_texts_are_kept_apart():
    """Their beginning stands in the value."""
    words = "wörd " * 2000
    body = num(1, 7) + sub(8, words.encode())
    found = read(sub(1, b"t") + sub(8, body), "text")
    assert found.blobs[0].data == words.encode()
    assert found.value["text"] == words[:512]
