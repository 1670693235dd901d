"""Both contracts on guarded stores: all that they promise, they promise to whoever may call."""

from __future__ import annotations

from contextlib import asynccontextmanager

from extauth import Operator, open_store
from extauth.adapters.authorization import GuardedStore
from extauth.adapters.memory import MemoryLinkStore
from tests.support.in_their_name import InTheirName
from tests.test_store_contract import TestMemoryLinkStore as _OnMemory
from tests.test_store_contract import TestPostgresLinkStore as _OnPostgres
from tests.test_store_contract import TestSqliteLinkStore as _OnSqlite

ADMIN = Operator("eve", {"admin"})


class TestGuardedMemoryLinkStore(_OnMemory):
    @asynccontextmanager
    async def open_store(self):
        self.store = MemoryLinkStore()
        yield GuardedStore(self.store, actor=ADMIN)


class TestGuardedSqliteLinkStore(_OnSqlite):
    @asynccontextmanager
    async def open_store(self):
        async with open_store(f"sqlite:///{self.path}") as store:
            yield GuardedStore(store, actor=ADMIN)

    open_another = open_store


class TestGuardedPostgresLinkStore(_OnPostgres):
    @asynccontextmanager
    async def open_store(self):
        async with open_store(self.dsn) as store:
            yield GuardedStore(store, actor=ADMIN)

    open_another = open_store


class TestEachInTheirName(_OnMemory):
    @asynccontextmanager
    async def open_store(self):
        self.store = MemoryLinkStore()
        yield InTheirName(self.store)
