"""Every exception notabene raises, as one tree.

    NotabeneError                        .code  .hint  .status  .exit_code
    ├── UsageError (ValueError)          the call is wrong: fix it
    │   ├── QueryError                   a search text that does not parse; carries the position
    │   ├── RefError                     a name that is no name
    │   └── SettingsError                a setting that cannot be used
    ├── NotFoundError (LookupError)      it is not there
    ├── ConflictError                    someone was first, or the run is finished
    ├── AccessError (PermissionError)    you may not
    ├── TransportError (ConnectionError) try again; nothing is lost
    ├── IntegrityError                   bytes differ from their digest
    ├── FormatError                      newer or damaged journal, store or index
    ├── MissingDependencyError (ImportError)   with the line that installs it
    └── ReproductionError                what is missing, as a list

Branches follow what the caller can do about it. A message is one sentence that says
what was wrong, with the given value, and what is allowed; ``hint`` says what to do next.
This module imports nothing of ours, so that every layer may raise from it.
"""

from __future__ import annotations

import unicodedata
from typing import ClassVar


class NotabeneError(Exception):
    """Base of every error raised on purpose.

    Attributes:
        code: Stable machine-readable name, the same in Python, CLI JSON and REST.
        hint: What to do next, or an empty string.
        status: The HTTP status a server answers with.
        exit_code: The status the command line ends with.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def to_dict(self) -> dict[str, object]:
        """The one JSON form of an error: ``{"code", "message", "hint"}`` and extras."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class UsageError(NotabeneError, ValueError):
    """The call, argument or command is wrong; fixing it is up to the caller."""

    code = "usage"
    status = 400
    exit_code = 2


class QueryError(UsageError):
    """A search text that cannot be understood.

    Attributes:
        text: The whole query as given.
        position: Zero-based column of the offending token.
    """

    code = "query"

    def __init__(self, message: str, *, text: str = "", position: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.text = text
        self.position = position

    def __str__(self) -> str:
        if not self.text:
            return super().__str__()
        before = "".join(map(_blanks, self.text[: self.position]))
        return f"{super().__str__()}\n  {self.text}\n  {before}^"

    def to_dict(self) -> dict[str, object]:
        """Adds ``query`` and ``position`` (a zero-based column)."""
        return {**super().to_dict(), "query": self.text, "position": self.position}


def _blanks(char: str) -> str:
    """As wide as a character in a terminal."""
    if unicodedata.combining(char):
        return ""
    return "  " if unicodedata.east_asian_width(char) in "WF" else " "


class RefError(UsageError):
    """A text that cannot name a run, an artifact or a model."""

    code = "ref"


class SettingsError(UsageError):
    """A setting, environment variable or configuration file that cannot be used."""

    code = "settings"


class NotFoundError(NotabeneError, LookupError):
    """The run, metric, artifact or file that was asked for is not there."""

    code = "not_found"
    status = 404
    exit_code = 3


class ConflictError(NotabeneError):
    """Someone was first: the id is taken, the run is finished, the version exists."""

    code = "conflict"
    status = 409
    exit_code = 4


class AccessError(NotabeneError, PermissionError):
    """The caller may not do this."""

    code = "access"
    status = 403
    exit_code = 5


class TransportError(NotabeneError, ConnectionError):
    """The other side could not be reached; try again, nothing is lost."""

    code = "transport"
    status = 503
    exit_code = 6


class IntegrityError(NotabeneError):
    """Bytes that differ from the digest they are stored under."""

    code = "integrity"
    status = 422
    exit_code = 7


class FormatError(NotabeneError):
    """A journal, store or index that is damaged or was written by a newer version."""

    code = "format"
    status = 422
    exit_code = 8


class MissingDependencyError(NotabeneError, ImportError):
    """An optional library is not installed; the hint holds the line that installs it."""

    code = "missing_dependency"
    status = 501
    exit_code = 9


class ReproductionError(NotabeneError):
    """A run cannot be reproduced.

    Attributes:
        missing: What is missing, one sentence each.
    """

    code = "reproduction"
    status = 422
    exit_code = 10

    def __init__(self, message: str, *, missing: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.missing = missing

    def to_dict(self) -> dict[str, object]:
        """Adds ``missing``, a list of sentences."""
        return {**super().to_dict(), "missing": list(self.missing)}


class NotabeneWarning(UserWarning):
    """Something notabene could not do while your program went on undisturbed."""
