"""Errors as answers: one JSON form and one status each, whatever went wrong.

``{"code", "message", "hint"}`` and extras, as in Python and on the command line. What nobody
foresaw is answered with an id alone; under that id the server's log has the rest.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from notabene._ids import new_id
from notabene.errors import NotabeneError

log = logging.getLogger("notabene.server")

CODES = {
    400: "usage",
    401: "access",
    403: "access",
    404: "not_found",
    405: "method",
    409: "conflict",
    413: "too_large",
    414: "too_large",
    415: "media_type",
    416: "range",
    421: "host",
    422: "format",
    429: "busy",
    503: "transport",
}
"""Code by status, for errors that begin with HTTP and not with notabene."""

HINTS = {
    404: "GET api/v1/openapi.json lists what there is",
    405: "the header Allow names the methods",
}


class Problem(Exception):
    """An error that only a server knows, with its status.

    Args:
        status: HTTP status.
        message: What was wrong and what is allowed.
        hint: What to do next.
        headers: Headers that belong to the answer.
    """

    def __init__(
        self, status: int, message: str, *, hint: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.form: dict[str, Any] = {
            "code": CODES.get(status, "error"),
            "message": message,
            "hint": hint,
        }


class ProblemForm(msgspec.Struct, kw_only=True):
    """An error.

    Attributes:
        code: Stable name: ``usage``, ``not_found``, ``conflict`` ...
        message: One sentence: what was wrong, and what is allowed.
        hint: What to do next, or an empty text.
    """

    code: str
    message: str
    hint: str


def form_of(error: Exception) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, JSON and headers for an error."""
    if isinstance(error, NotabeneError):
        return error.status, error.to_dict(), {}
    if isinstance(error, Problem):
        return error.status, error.form, error.headers
    if isinstance(error, RecursionError):
        return form_of(Problem(400, "the JSON is nested too deeply; 64 levels are allowed"))
    if isinstance(error, HTTPException) and error.status_code < 500:
        status = error.status_code
        form = {
            "code": CODES.get(status, "error"),
            "message": _sentence(error),
            "hint": HINTS.get(status, ""),
        }
        return status, form, dict(error.headers or {})
    return _internal(error)


def _internal(error: Exception) -> tuple[int, dict[str, Any], dict[str, str]]:
    number = new_id()
    log.error("error %s", number, exc_info=error)
    form = {
        "code": "internal",
        "message": f"something went wrong in the server (error {number})",
        "hint": "its log says what; please report it",
        "id": number,
    }
    return 500, form, {}


def _sentence(error: HTTPException) -> str:
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        parts = [_part(item) for item in error.extra if isinstance(item, dict)]
        if parts:
            return "; ".join(parts)
    if error.status_code in (404, 405):
        return HTTPStatus(error.status_code).phrase.lower()
    return error.detail or HTTPStatus(error.status_code).phrase.lower()


def _part(item: dict[str, Any]) -> str:
    name, what = str(item.get("key", "")), str(item.get("message", "is not possible"))
    return f"{name!r}: {what}" if name else what


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer to a request that raised."""
    del request
    status, form, headers = form_of(error)
    return Response(
        msgspec.json.encode(form),
        status_code=status,
        media_type="application/json",
        headers={**headers, "Cache-Control": "no-store"},
    )
