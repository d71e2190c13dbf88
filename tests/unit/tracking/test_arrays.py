"""Numbers and arrays of any library, told from everything else without importing one."""

from __future__ import annotations

import datetime
import decimal
import fractions
import math
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.tracking.arrays import as_number, is_a, is_frame, scalar_of, shape_of, to_numpy


class Float:
    """A number of somebody's own."""

    def __float__(self) -> float:
        return 2.5


class Broken:
    """A number that cannot be had."""

    def __float__(self) -> float:
        raise RuntimeError("no value yet")


class Shapeless:
    """An array whose shape cannot be had, as in a graph that is being built."""

    dtype = "float32"

    @property
    def shape(self) -> tuple[int, ...]:
        """Fails."""
        raise ValueError("unknown")


def ids(values: list[Any]) -> list[str]:
    """A name for each case that is the same in every process."""
    firsts = [
        value[0] if isinstance(value, tuple) and len(value) == 2 else value for value in values
    ]
    return [f"{i}-{type(value).__name__}" for i, value in enumerate(firsts)]


NUMBERS: list[tuple[object, float]] = [
    (3, 3.0),
    (True, 1.0),
    (0.5, 0.5),
    (10**400, math.inf),
    (-(10**400), -math.inf),
    (decimal.Decimal("1.5"), 1.5),
    (decimal.Decimal("Infinity"), math.inf),
    (fractions.Fraction(1, 4), 0.25),
    (fractions.Fraction(10**400), math.inf),
    (np.float32(0.25), 0.25),
    (np.float16(0.5), 0.5),
    (np.longdouble("1e400"), math.inf),
    (np.int64(-3), -3.0),
    (np.uint64(2**63), 2.0**63),
    (np.bool_(True), 1.0),
    (np.array(2.0), 2.0),
    (np.array([[4]]), 4.0),
    (Float(), 2.5),
]
NO_NUMBERS: list[object] = [
    None, "0.5", b"1", 1j, [1], (1,), {1}, {"a": 1}, object(), int, np.float32, Broken(),
    Shapeless(), datetime.timedelta(1), np.datetime64("2020-01-01"), np.timedelta64(5, "ns"),
    np.complex64(1), np.array([1, 2]), np.array([]), np.array(["a"]), np.array([object()]),
    np.zeros(1, "V4"), np.str_("3"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "number"), NUMBERS, ids=ids(NUMBERS))
def test_what_is_a_number(value: object, number: float):
    """Numbers of Python, numpy and whoever else are floats, too large ones infinite."""
    assert as_number(value) == number


@pytest.mark.parametrize(
    "value",
    [math.nan, decimal.Decimal("NaN"), decimal.Decimal("sNaN"), np.float32("nan"), np.ma.masked],
    ids=["float", "quiet", "signalling", "numpy", "masked"],
)
def test_nan_is_a_number(value: object):
    """NaN of any kind, a signalling one too, is NaN, and so is what a mask hides."""
    number = as_number(value)
    assert number is not None
    assert math.isnan(number)


@pytest.mark.parametrize("value", NO_NUMBERS, ids=ids(NO_NUMBERS))
def test_what_is_no_number(value: object):
    """Texts, times, complex numbers, containers and arrays of several are no numbers."""
    assert as_number(value) is None


def test_whole_numbers_stay_whole():
    """scalar_of() keeps the kind of number: an int, a truth value, a float."""
    values = (np.int8(1), np.bool_(1), np.float16(1), np.array([3]))
    assert [type(scalar_of(value)) for value in values] == [int, bool, float, int]


@pytest.mark.parametrize("value", [1.0, [1.0], np.array([1.0, 2.0]), np.array([]), "1"])
def test_what_has_no_scalar(value: object):
    """Plain numbers, and arrays of none or several elements, hold no scalar."""
    assert scalar_of(value) is None


def test_shapes():
    """An array has a shape; numbers, lists, types and unfinished arrays have none."""
    assert shape_of(np.zeros((2, 3))) == (2, 3)
    assert shape_of(np.float32(1)) == ()
    assert [shape_of(v) for v in (1, [1], np.float32, Shapeless())] == [None] * 4


@pytest.mark.parametrize("value", [np.arange(3), np.float32(1), np.array([True])])
def test_numbers_come_as_numpy(value: object):
    """to_numpy() gives arrays of numbers as they are."""
    array = to_numpy(value)
    assert array is not None
    np.testing.assert_array_equal(array, value)


def test_what_a_mask_hides_is_no_number():
    """What lies below a mask is not kept; an array whose mask hides nothing is as any."""
    hidden = to_numpy(np.ma.masked_array([1, 2, 3], mask=[False, True, False]))
    assert repr(hidden) == "array([ 1., nan,  3.])"
    shown = to_numpy(np.ma.masked_array([1, 2, 3]))
    assert shown is not None
    assert (shown.dtype.kind, shown.tolist()) == ("i", [1, 2, 3])


@pytest.mark.parametrize("value", [[1, 2], 3, "a", np.array(["a"]), np.array([1j]), Shapeless()])
def test_what_is_no_array_of_numbers(value: object):
    """to_numpy() gives None for all else."""
    assert to_numpy(value) is None


@given(st.floats(width=32))
def test_torch_tensors(number: float):
    """A tensor's number is had from any width, with a gradient or without, and no warning."""
    torch = pytest.importorskip("torch")
    for tensor in (torch.tensor(number), torch.tensor([[number]], requires_grad=True) * 1):
        found = as_number(tensor)
        assert found == number or (math.isnan(number) and math.isnan(found))
    assert as_number(torch.tensor(0.5, dtype=torch.bfloat16, requires_grad=True)) == 0.5
    assert as_number(torch.empty(1, device="meta")) is None


class Tensor:
    """What is asked of a tensor of torch, for where torch is not installed.

    Like torch's it warns where a number is read that has a gradient, and refuses to become an
    array of numpy from a device, with a gradient, or of a type that numpy has not.
    """

    def __init__(self, values: Any, dtype: str, *, grad: bool = False, device: str = "cpu") -> None:
        self._values = np.asarray(values)
        self.dtype, self.requires_grad, self.device = f"torch.{dtype}", grad, device
        self.shape = self._values.shape

    def _other(self, **changes: Any) -> Tensor:
        kept = {"grad": self.requires_grad, "device": self.device}
        dtype = changes.pop("dtype", self.dtype.removeprefix("torch."))
        return Tensor(self._values, dtype, **{**kept, **changes})

    def detach(self) -> Tensor:
        """Without its gradient."""
        return self._other(grad=False)

    def cpu(self) -> Tensor:
        """In memory."""
        return self._other(device="cpu")

    def float(self) -> Tensor:
        """In 32 bits."""
        return self._other(dtype="float32")

    def resolve_conj(self) -> Tensor:
        """Itself."""
        return self

    resolve_neg = resolve_conj

    def item(self) -> Any:
        """The number."""
        if self.requires_grad:
            warnings.warn("a number is read from a tensor with a gradient", stacklevel=2)
        return self._values.item()

    def numpy(self) -> Any:
        """The array."""
        if self.requires_grad or self.device != "cpu" or "bfloat" in self.dtype:
            raise TypeError("cannot be an array of numpy")
        return self._values


Tensor.__module__ = "torch"


def test_tensors_of_every_device_and_width():
    """Numbers of tensors are read detached, from their device, in a width that numpy has."""
    for dtype in ("float32", "bfloat16"):
        one = Tensor([0.5], dtype, grad=True, device="cuda:0")
        assert as_number(one) == 0.5
        many = to_numpy(Tensor([[0.5, 1.5]], dtype, grad=True, device="cuda:0"))
        assert many is not None
        assert many.tolist() == [[0.5, 1.5]]
        assert as_number(Tensor([1.0, 2.0], dtype)) is None


def test_torch_arrays():
    """Tensors of several numbers come as numpy in a width that numpy knows."""
    torch = pytest.importorskip("torch")
    half = to_numpy(torch.ones(2, 2, dtype=torch.bfloat16, requires_grad=True))
    assert half is not None
    assert half.dtype == np.float32
    assert to_numpy(torch.empty(3, device="meta")) is None
    assert to_numpy(torch.ones(2, dtype=torch.complex64)) is None


def test_jax_arrays():
    """jax's arrays are read, those that are being traced are not."""
    jax = pytest.importorskip("jax")
    assert as_number(jax.numpy.array([1.5], "bfloat16")) == 1.5
    seen = []
    jax.jit(lambda x: seen.append((as_number(x), to_numpy(x))) or x)(jax.numpy.float32(1))
    assert seen == [(None, None)]


def test_frames():
    """Frames of pandas and polars and tables of Arrow are frames and never numbers."""
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    arrow = pytest.importorskip("pyarrow")
    frames = [pandas.DataFrame({"a": [1]}), polars.DataFrame({"a": [1]}), arrow.table({"a": [1]})]
    assert all(map(is_frame, frames))
    assert [as_number(frame) for frame in frames] == [None] * 3
    assert not is_frame(pandas.Series([1]))
    assert [as_number(s) for s in (pandas.Series([1]), polars.Series([2]))] == [1.0, 2.0]


def test_classes_are_known_by_name():
    """is_a() looks at the names of a class and of those it is built on, and at their library."""

    class Mine(np.ndarray):
        pass

    assert is_a(np.zeros(1).view(Mine), "numpy", "ndarray")
    assert not is_a(np.zeros(1), "torch", "ndarray")
    assert not is_a(np.zeros(1), "numpy", "Tensor")


def test_nothing_is_imported():
    """Asking what a plain value is loads neither numpy nor any framework."""
    code = (
        "import sys\n"
        "from notabene.tracking.media import as_number, as_value\n"
        "from notabene.tracking.config import Config\n"
        "as_number(1.5), as_value('text').encode(), as_value([1, 2, 3]).encode()\n"
        "Config({'lr': 0.1, 'betas': (0.9, 0.99)})\n"
        "print([m for m in ('numpy', 'PIL', 'pandas', 'torch', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr
