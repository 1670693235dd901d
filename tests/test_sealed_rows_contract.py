"""Every store says which rows are encrypted with which key: one row per store."""

from __future__ import annotations

from pathlib import Path

import pytest

from extauth import open_store
from extauth.adapters.memory import MemoryLinkStore
from extauth.testing import SealedRowsContract
from tests.support.postgres_admin import empty


class TestMemorySealedRows(SealedRowsContract):
    def open_store(self):
        return MemoryLinkStore()


class TestSqliteSealedRows(SealedRowsContract):
    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "links.db"

    def open_store(self):
        return open_store(f"sqlite:///{self.path}", keys="plain")


class TestPostgresSealedRows(SealedRowsContract):
    @pytest.fixture(autouse=True)
    async def _database(self, shared_postgres_dsn: str) -> None:
        self.dsn = shared_postgres_dsn
        await empty(self.dsn)

    def open_store(self):
        return open_store(self.dsn, keys="plain")
