"""From what a handler returns to bytes: JSON with every number in it, tags, compression.

All of it happens in the handler's thread, so that the loop that serves all others never waits.
"""

from __future__ import annotations

import gzip
import inspect
import math
import re
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

import msgspec
import zstandard
from litestar import Response

from notabene.errors import UsageError
from notabene.model.canonical import digest_bytes
from notabene.model.values import json_number

if TYPE_CHECKING:
    from litestar.response import Stream

T = TypeVar("T")

Fresh = Literal["index", "content", "never"]
"""What an answer depends on: the index alone, so that its cursor tells whether it is still the
same; also on files or the clock, so that only its bytes tell; or it is never the same."""

ANSWER = 16 << 20
"""Bytes of an answer; content, files, series and the table of runs may have more."""

SMALL = 1024
"""Bytes that are not worth being compressed."""

# A float64 in MessagePack whose exponent is all ones: NaN or an infinity.
_ODD = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]")


class Page(msgspec.Struct, Generic[T], kw_only=True):
    """A part of a list.

    Attributes:
        items: The part.
        total: How many there are in all.
        limit: How many were asked for at most.
        offset: How many lie before them.
    """

    items: list[T]
    total: int
    limit: int
    offset: int


class Call(msgspec.Struct, frozen=True):
    """What of a request decides about the form of its answer.

    Attributes:
        place: Path and query.
        user: Who asks.
        encodings: What the client can unpack.
        known: Tags of answers that the client has.
        part: Which bytes of it are wanted: the header ``Range``.
        last: The last event that the client was told: ``Last-Event-ID``.
    """

    place: str = ""
    user: str = ""
    encodings: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    part: str = ""
    last: str = ""


OURS = frozenset({"notebook", "options", "feed", "describe"})
GIVEN: ContextVar[dict[str, Any]] = ContextVar("GIVEN")
"""What the app was made with, by the names of :data:`OURS`."""

_NOBODY = Call()
CALL: ContextVar[Call] = ContextVar("CALL", default=_NOBODY)


def encode(value: Any) -> bytes:
    """JSON of entities and plain values; NaN and the infinities as texts."""
    packed = msgspec.msgpack.encode(value)
    if _ODD.search(packed) is None:
        return msgspec.json.encode(value)
    return msgspec.json.encode(_plain(msgspec.msgpack.decode(packed)))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return json_number(value)
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return value if _all_finite(value) else [_plain(part) for part in value]
    return value


def _all_finite(values: list[Any]) -> bool:
    """Whether all are numbers and finite, as in most columns of a table; looked at in C."""
    try:
        return math.isfinite(sum(values))
    except (TypeError, OverflowError):
        return False


def answering(
    function: Callable[..., Any], fresh: Fresh, *, large: bool = False
) -> Callable[..., Any]:
    """A handler whose result becomes the bytes of an answer, or "you have that already".

    Arguments named in :data:`OURS` are no part of the request: they are what the app was made
    with.

    Args:
        function: The handler.
        fresh: What the answer depends on.
        large: Whether the answer may have any size.
    """
    ours = [name for name in inspect.signature(function).parameters if name in OURS]

    @wraps(function)
    def answer(**asked: Any) -> Any:
        call, given = CALL.get(), GIVEN.get()
        with given["notebook"].question():
            tag = given["notebook"].tag(call) if fresh == "index" else ""
            if tag and tag in call.known:
                return unchanged(tag)
            if asked.get("run"):
                given["notebook"].require(asked["run"])
            found = function(**asked, **{name: given[name] for name in ours})
        if isinstance(found, Response):
            return found
        data = encode(found)
        if len(data) > ANSWER and not large:
            raise UsageError(
                f"that is {len(data) >> 20} MiB; answers have at most {ANSWER >> 20}",
                hint="ask for a smaller page or range, or for fewer keys",
            )
        return packed(data, fresh, tag)

    return answer


def packed(
    data: bytes, fresh: Fresh = "never", tag: str = "", media_type: str = "application/json"
) -> Response[bytes]:
    """Bytes as an answer: tagged, and compressed where that is worth it."""
    call = CALL.get()
    if fresh == "content":
        tag = f'W/"{digest_bytes(data)[:32]}"'
        if tag in call.known:
            return unchanged(tag)
    headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if tag:
        headers["ETag"] = tag
    if len(data) > SMALL:
        if "zstd" in call.encodings:
            data, headers["Content-Encoding"] = zstandard.compress(data, 3), "zstd"
        elif "gzip" in call.encodings:
            data, headers["Content-Encoding"] = gzip.compress(data, 4, mtime=0), "gzip"
    return Response(data, media_type=media_type, headers=headers)


def made(answer: Response[bytes] | Stream, form: type[T]) -> T:
    """An answer that is bytes already, for a handler that says what these are."""
    del form
    return cast("T", answer)


def unchanged(tag: str) -> Response[bytes]:
    """The answer to who has it already."""
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    return Response(b"", status_code=304, headers=headers)
