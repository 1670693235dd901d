"""Both contracts on encrypted stores: one row per store."""

from __future__ import annotations

from contextlib import asynccontextmanager

from extauth import open_store
from extauth.adapters.encryption import EncryptedStore, EncryptionKey, Keyring
from extauth.adapters.memory import MemoryLinkStore
from tests.test_store_contract import TestMemoryLinkStore as _OnMemory
from tests.test_store_contract import TestPostgresLinkStore as _OnPostgres
from tests.test_store_contract import TestSqliteLinkStore as _OnSqlite

KEYS = Keyring(EncryptionKey.generate("new"), EncryptionKey.generate("old"))


class TestEncryptedMemoryLinkStore(_OnMemory):
    encrypts = True

    @asynccontextmanager
    async def open_store(self):
        async with MemoryLinkStore() as self.store:
            yield EncryptedStore(self.store, KEYS)


class TestEncryptedSqliteLinkStore(_OnSqlite):
    encrypts = True

    @asynccontextmanager
    async def open_store(self):
        async with open_store(f"sqlite:///{self.path}") as store:
            yield EncryptedStore(store, KEYS)

    open_another = open_store


class TestEncryptedPostgresLinkStore(_OnPostgres):
    encrypts = True

    @asynccontextmanager
    async def open_store(self):
        async with open_store(self.dsn) as store:
            yield EncryptedStore(store, KEYS)

    open_another = open_store
