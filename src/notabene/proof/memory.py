"""Facts about sources that were analysed before, by their content; for one user, a cache."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from notabene.model.canonical import digest_bytes
from notabene.model.records import storable
from notabene.proof.source.cells import together
from notabene.proof.source.facts import VERSION, Facts, analyse

_SCHEMA = "create table if not exists source (digest text primary key, facts blob)"


class SourceMemory:
    """Analyses a source once.

    Args:
        path: The cache's file; whatever is wrong with it, the cache is only empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Facts] = {}
        self._decode = msgspec.json.Decoder(Facts).decode

    def facts(self, texts: Mapping[str, bytes]) -> dict[str, Facts]:
        """Facts of sources by their paths.

        Args:
            texts: ``{path: content}``; the order stays.
        """
        digests = {path: f"{VERSION}:{digest_bytes(text)}" for path, text in texts.items()}
        missing = {digest for digest in digests.values() if digest not in self._known}
        if missing:
            with contextlib.suppress(sqlite3.Error, OSError), self._open() as database:
                self._look_up(database, missing)
                fresh = {
                    digest: _analysed(texts[path], path)
                    for path, digest in digests.items()
                    if digest not in self._known
                }
                self._known |= fresh
                with database:
                    database.executemany(
                        "insert or replace into source values (?, ?)",
                        [(digest, msgspec.json.encode(facts)) for digest, facts in fresh.items()],
                    )
        found = {
            path: self._known.get(digest) or _analysed(texts[path], path)
            for path, digest in digests.items()
        }
        return found | together(found, texts)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=1, check_same_thread=False)
        with contextlib.closing(database):
            database.execute("pragma synchronous=off")
            database.execute(_SCHEMA)
            yield database

    def _look_up(self, database: sqlite3.Connection, digests: set[str]) -> None:
        for digest in digests:
            row = database.execute("select facts from source where digest=?", (digest,)).fetchone()
            if row:
                with contextlib.suppress(msgspec.DecodeError):
                    self._known[digest] = self._decode(row[0])


def _analysed(source: bytes, path: str) -> Facts:
    """Facts as JSON has them: a constant of a program may be half a character."""
    return msgspec.convert(storable(analyse(source, name=path)), Facts)
