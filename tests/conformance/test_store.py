"""The contract of stores, over every backend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from notabene.journal.folder import StoreFolder
from notabene.store.base import Store
from notabene.store.database import Database, connect
from notabene.store.local import LocalStore
from notabene.store.memory import MemoryStore
from notabene.store.sql import SqlStore
from notabene.store.tables import metadata
from notabene.testing import StoreSuite


class TestMemory(StoreSuite):
    """The store in memory."""

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        """An empty store."""
        store = MemoryStore()
        yield store
        store.close()


class TestSqlite(StoreSuite):
    """A SQLite file that holds everything, points included."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        """An empty store."""
        store = SqlStore(Database(connect(f"sqlite:///{tmp_path / 'store.sqlite'}")))
        yield store
        store.close()


class TestLocal(StoreSuite):
    """The index of a store folder, without a local disk to lie on."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        """An empty store."""
        store = LocalStore(StoreFolder.open(tmp_path / "store", create=True), None)
        yield store
        store.close()


@pytest.fixture(scope="module")
def postgres(postgres_url: str) -> Iterator[Database]:
    """Our tables in a PostgreSQL database."""
    database = Database(connect(postgres_url))
    database.create()
    yield database
    with database.write() as connection:
        metadata.drop_all(connection)
        connection.execute(sa.text("DROP SEQUENCE run_number"))
    database.close()


@pytest.mark.postgres
class TestPostgres(StoreSuite):
    """A PostgreSQL database."""

    @pytest.fixture
    def store(self, postgres: Database) -> Store:
        """An empty store."""
        names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
        with postgres.write() as connection:
            connection.execute(sa.text(f"TRUNCATE {names}"))
        return SqlStore(postgres)
