"""Canonical encoding and digests: the only hashing in the house.

Digests are SHA-256 in lower-case hexadecimal, 64 characters, which is what OCI registries,
in-toto statements, RO-Crate and Hugging Face speak as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

DIGEST_LENGTH = 64
CHUNK = 1 << 20


def digest_bytes(data: bytes | bytearray | memoryview) -> str:
    """SHA-256 of bytes."""
    hasher = new_hasher()
    hasher.update(data)
    return str(hasher.hexdigest())


def digest_chunks(chunks: Iterable[bytes]) -> str:
    """SHA-256 of the concatenation of chunks."""
    hasher = new_hasher()
    for chunk in chunks:
        hasher.update(chunk)
    return str(hasher.hexdigest())


def digest_file(path: Path | str) -> str:
    """SHA-256 of a file's content.

    Raises:
        OSError: The file cannot be read.
    """
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def md5_file(path: Path | str) -> bytes:
    """MD5 of a file, to know again what other tools name by it; nothing of ours relies on it.

    Raises:
        OSError: It cannot be read.
    """
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()


def new_hasher() -> Any:
    """A running SHA-256 with ``update(bytes)`` and ``hexdigest()``."""
    import hashlib  # OpenSSL behind it costs 5 ms to load; most short runs never need it

    return hashlib.sha256()


def is_digest(text: str) -> bool:
    """Whether a text has the form of a digest."""
    return len(text) == DIGEST_LENGTH and all(c in "0123456789abcdef" for c in text)


def canonical_json(value: Any) -> bytes:
    """One byte string per JSON value: sorted keys, no spaces, shortest round-trip floats.

    NaN and the infinities, which JSON has not, become the texts ``"NaN"``, ``"Infinity"``
    and ``"-Infinity"``; minus zero becomes ``0.0``; a float that is integral stays a float.

    Raises:
        TypeError: The value holds something that is no JSON value.
    """
    return msgspec.json.encode(_plain(value), order="sorted")


def digest_json(value: Any) -> str:
    """SHA-256 of :func:`canonical_json`."""
    return digest_bytes(canonical_json(value))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return value + 0.0
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
