"""Every store runs the whole contract: one row per store."""

from __future__ import annotations

from pathlib import Path

import aiosqlite
import pytest

from extauth import open_store
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.sqlite import SqliteLinkStore
from extauth.testing.contract import LinkStoreContract


class TestMemoryLinkStore(LinkStoreContract):
    def open_store(self):
        return MemoryLinkStore()


class TestSqliteLinkStore(LinkStoreContract):
    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "links.db"

    def open_store(self):
        return open_store(f"sqlite:///{self.path}")


class TestSqliteLinkStoreOnGivenConnection(LinkStoreContract):
    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "links.db"

    def open_store(self):
        return _on_given_connection(self.path)


class _on_given_connection:  # noqa: N801 - a context manager
    def __init__(self, path: Path) -> None:
        self.path = path

    async def __aenter__(self) -> SqliteLinkStore:
        self.connection = await aiosqlite.connect(self.path, isolation_level=None)
        return await SqliteLinkStore(self.connection).__aenter__()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.connection.close()
