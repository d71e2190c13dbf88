"""References: what belongs to an artifact but lies elsewhere. Nothing is ever fetched here."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from notabene.artifacts.draft import UnsteadyError, hash_open
from notabene.artifacts.files import BINARY, storage_error
from notabene.artifacts.manifest import Reference, check_path
from notabene.artifacts.scan import scan
from notabene.errors import ConflictError, UsageError
from notabene.model.canonical import is_digest

SCHEMES = ("file", "gs", "http", "https", "s3")
MAX_URI_BYTES = 4000

_KEYS = ("signature", "token", "secret", "password", "credential", "accesskeyid", "sig", "apikey")


def references(
    uri: str, *, at: str = "", digest: str = "", etag: str = "", size: int = -1
) -> tuple[Reference, ...]:
    """References to a place: one, or for a local folder one to each file below it.

    Local files are hashed; of other places is known what the caller says.

    Args:
        uri: ``s3://``, ``gs://``, ``http(s)://`` or ``file://`` with an absolute path.
        at: Path in the artifact; by default the last part of the address.
        digest: SHA-256 of the content, if known.
        etag: The server's name for this state of it, if known.
        size: Bytes, if known.

    Raises:
        UsageError: The address has another form, or holds a password or a signature.
        NotFoundError: A local file is not there.
        ConflictError: A local file has another digest, or changes while it is read.
    """
    scheme, tail = _check_uri(uri)
    if digest and not is_digest(digest):
        raise UsageError(f"{digest[:80]!r} is no SHA-256: 64 of the characters 0-9 and a-f are")
    at = at.strip("/") or tail
    if not at:
        raise UsageError(f"the address {uri!r} ends in no name", hint="say at='name'")
    if scheme != "file":
        return (Reference(check_path(at), uri, digest, etag, size),)
    folder = local_path(uri)
    found = []
    for file in scan(folder, at=at).files:
        actual, count = _hash(file.source)
        if digest and actual != digest:
            raise ConflictError(f"{file.source} has the digest {actual}, not {digest}")
        found.append(Reference(file.path, file.source.as_uri(), actual, etag, count))
    return tuple(found)


def local_path(uri: str) -> Path:
    """The path that a ``file://`` address names.

    Raises:
        UsageError: It names another host or no absolute path.
    """
    parts = urlsplit(uri)
    path = unquote(parts.path)
    if os.name == "nt":
        path = path.removeprefix("/")
    if parts.netloc not in ("", "localhost") or not os.path.isabs(path):
        raise UsageError(f"{uri!r} names no file of this machine: file:///absolute/path does")
    return Path(path)


def _check_uri(uri: object) -> tuple[str, str]:
    if not isinstance(uri, str):
        raise UsageError(f"an address must be a text, not {type(uri).__name__}")
    shown = repr(uri if len(uri) <= 80 else f"{uri[:60]}...")
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise UsageError(f"{shown} is no address: {error}") from None
    if parts.scheme not in SCHEMES:
        allowed = ", ".join(f"{s}://" for s in SCHEMES)
        raise UsageError(f"{shown} cannot be referred to; addresses begin with {allowed}")
    if len(uri.encode("utf-8", "replace")) > MAX_URI_BYTES or any(ord(c) < 33 for c in uri):
        raise UsageError(f"the address {shown} is too long or holds blanks or control characters")
    if parts.scheme != "file" and not parts.netloc:
        raise UsageError(f"the address {shown} names no host or bucket")
    # Records are kept for ever and shown to others: no address may carry a key.
    names = [name.lower().replace("-", "").replace("_", "") for name, _ in parse_qsl(parts.query)]
    if parts.password is not None or any(n.endswith(_KEYS) for n in names):
        place = f"{parts.scheme}://{parts.hostname}{parts.path}"
        raise UsageError(
            f"the address of {place!r} holds a password or a signature",
            hint="give the plain address; what fetches it should have its own credentials",
        )
    return parts.scheme, unquote(parts.path).strip("/").rsplit("/", 1)[-1]


def _hash(path: Path) -> tuple[str, int]:
    for _ in range(3):
        try:
            fd = os.open(path, os.O_RDONLY | BINARY)
            try:
                return hash_open(fd, lambda _count: None)
            finally:
                os.close(fd)
        except UnsteadyError:
            continue
        except OSError as error:
            raise storage_error(error, f"read {path}") from error
    raise ConflictError(f"the file {path} changed while it was read, 3 times in a row")
