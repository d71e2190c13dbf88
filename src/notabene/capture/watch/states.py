"""States of generators, and seeds, as text."""

from __future__ import annotations

from array import array
from binascii import a2b_base64, b2a_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LONG = 200


def pack_random(state: tuple[Any, ...]) -> str:
    """State of :mod:`random` as text: 625 words of 32 bits, and the pending Gauss value."""
    version, words, gauss = state
    data = b2a_base64(array("I", words).tobytes(), newline=False).decode()
    return f"{version}:{'' if gauss is None else gauss.hex()}:{data}"


def unpack_random(text: str) -> tuple[Any, ...]:
    """The inverse of :func:`pack_random`."""
    version, gauss, data = text.split(":")
    words = array("I")
    words.frombytes(a2b_base64(data))
    return int(version), tuple(words), float.fromhex(gauss) if gauss else None


def pack_numpy(state: tuple[Any, ...]) -> str:
    """State of numpy's global MT19937 as text."""
    _, words, at, has_gauss, gauss = state
    data = b2a_base64(words.astype("<u4").tobytes(), newline=False).decode()
    return f"{at}:{has_gauss}:{float(gauss).hex()}:{data}"


def unpack_numpy(text: str) -> tuple[Any, ...]:
    """The inverse of :func:`pack_numpy`."""
    at, has_gauss, gauss, data = text.split(":")
    words = array("I")
    words.frombytes(a2b_base64(data))
    return "MT19937", list(words), int(at), int(has_gauss), float.fromhex(gauss)


def plain(value: Any) -> Any:
    """A seed as a plain value."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (str, bytes, bytearray)):
        return repr(value)[:_LONG]
    if isinstance(value, (list, tuple)) and len(value) <= 16:
        return [plain(one) for one in value]
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return f"{type(value).__module__}.{type(value).__qualname__}"
