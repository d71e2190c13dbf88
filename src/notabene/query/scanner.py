"""A cursor over the text of a query: names, quoted texts, words and symbols, one at a time.

Which characters belong together depends on what may stand there (``-`` is part of a key, but
the sign of a number), so there is no separate pass that cuts the text into tokens.
Every pattern here is a set of characters repeated: none can be made slow.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

from notabene.errors import QueryError
from notabene.query.ast import Field

MAX_BYTES = 64 * 1024

_BLANK = re.compile(r"\s*")
_NAME = re.compile(r"[\w./:@+\-]+")
_WORD = re.compile(r"\w+")
_PLAIN = re.compile(r"[^\s(),'\"`<>=!]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Part(NamedTuple):
    """One part of a dotted name."""

    text: str
    quoted: bool


class Written(NamedTuple):
    """A value as it stands in the text."""

    text: str
    quoted: bool
    at: int


Kind = Literal["field", "operator", "value", "container", "joiner"]


class Want(NamedTuple):
    """What could stand at a place in the text; completion starts from the last of these."""

    what: Kind
    at: int
    field: Field | None = None


class Scanner:
    """The text and how far it has been read.

    Raises:
        QueryError: It is no text, too long, or holds what no query can hold.
    """

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise QueryError(f"a query must be a text, not {type(text).__name__}")
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > MAX_BYTES:
            raise QueryError(f"the query has {size:,} bytes; at most {MAX_BYTES:,} are allowed")
        self.text = text
        self.at = 0
        self.wants: list[Want] = []
        for bad in re.finditer("[\0\ud800-\udfff]", text):
            raise self.error("the query holds a NUL or broken Unicode", bad.start())
        self.blank()

    def error(self, message: str, at: int | None = None, hint: str = "") -> QueryError:
        """An error that points at a column, by default at what comes next."""
        # One line, so that the caret stands under its column.
        shown = _CONTROL.sub(" ", self.text)
        position = self.at if at is None else at
        return QueryError(message, text=shown, position=position, hint=hint)

    def want(self, what: Kind, field: Field | None = None) -> None:
        """Note what could stand here."""
        self.wants.append(Want(what, self.at, field))

    def at_end(self) -> bool:
        """Whether all has been read."""
        return self.at >= len(self.text)

    @property
    def next(self) -> str:
        """The next character; an empty text at the end."""
        return self.text[self.at : self.at + 1]

    def found(self) -> str:
        """What comes next, for a message: ``'or'``, or ``the end``."""
        match = _PLAIN.match(self.text, self.at)
        return "the end" if self.at_end() else repr(match[0][:40] if match else self.next)

    def blank(self) -> None:
        """Skip white space."""
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def symbol(self, *symbols: str) -> str:
        """Read the first of the symbols that stands here; an empty text if none does."""
        for symbol in symbols:
            if self.text.startswith(symbol, self.at):
                self.at += len(symbol)
                self.blank()
                return symbol
        return ""

    def word(self, *words: str) -> str:
        """Read one of the words, in any case; an empty text if none stands here."""
        match = _WORD.match(self.text, self.at)
        if match is None or match[0].lower() not in words:
            return ""
        self.at = match.end()
        self.blank()
        return match[0].lower()

    def name(self) -> tuple[Part, ...]:
        """Read a dotted name, parts of which may be quoted; empty if none stands here."""
        parts: list[Part] = []
        open_end = True
        while open_end:
            if self.next in {'"', "`"}:
                parts.append(Part(self.quoted(), quoted=True))
            elif match := _NAME.match(self.text, self.at):
                self.at = match.end()
                parts += [Part(text, quoted=False) for text in match[0].split(".")]
            elif parts:
                raise self.error(f"a name must follow the '.', not {self.found()}")
            open_end = self._dot(parts)
        self.blank()
        return tuple(parts)

    def _dot(self, parts: list[Part]) -> bool:
        """Whether the name goes on after a dot, which may have been read with the part before."""
        if parts and parts[-1] == Part("", quoted=False):
            parts.pop()
            return True
        if parts and parts[-1].quoted and self.next == ".":
            self.at += 1
            return True
        return False

    def quoted(self) -> str:
        """Read a text in quotes of any kind; a quote within it is written twice."""
        start, quote = self.at, self.next
        pieces = []
        at = start + 1
        while True:
            end = self.text.find(quote, at)
            if end < 0:
                raise self.error(f"the {quote} is never closed", start)
            pieces.append(self.text[at:end])
            at = end + 1
            if self.text[at : at + 1] != quote:
                self.at = at
                return quote.join(pieces)
            at += 1

    def literal(self) -> Written:
        """Read a value: a text in quotes or a bare word."""
        start = self.at
        if self.next in {"'", '"'}:
            text = self.quoted()
            self.blank()
            return Written(text, quoted=True, at=start)
        match = _PLAIN.match(self.text, start)
        if match is None:
            raise self.error(
                f"a value must stand here, not {self.found()}",
                hint="write a number, or a text in single quotes",
            )
        self.at = match.end()
        self.blank()
        return Written(match[0], quoted=False, at=start)


def nearest(name: str, names: Iterable[str]) -> str:
    """The name that was probably meant; an empty text if none is near."""
    close = difflib.get_close_matches(name.lower(), list(names), n=1, cutoff=0.65)
    return close[0] if close else ""
