"""A memory store that can be broken on purpose, and the contract to be run on it without pytest."""

from __future__ import annotations

import pickle
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, ClassVar

import attrs

from extauth import LinkKey, LinkUnreadable, StoreUnavailable
from extauth.adapters.memory.linking import MemoryAuthorizations, MemoryRegistrations, _Begun
from extauth.adapters.memory.rows import Row
from extauth.adapters.memory.store import MemoryLinkStore
from extauth.testing import ImportStoreContract, LinkingStoreContract, LinkStoreContract

_Memory: Any = MemoryLinkStore
"""Final, but for those who break it."""


class HealthyStore(_Memory):  # type: ignore[misc]
    """Nothing is wrong with this one. Its storage can fail, and another replica can open it."""

    method: ClassVar[str] = "nothing"
    caught_by: ClassVar[str]
    """The contract test made for such a bug."""
    patience: ClassVar[timedelta] = timedelta(minutes=1)
    """How long a test of it may take at first; a moment for a store that hangs."""

    def __init__(self) -> None:
        self.down = False
        self.spoilt: dict[LinkKey, int] = {}
        """Links that cannot be read, as long as they are at that version."""
        super().__init__()

    def unreadable(self, key: LinkKey) -> bool:
        """Whether a link is there and cannot be read."""
        row = self._rows.get(key)
        return row is not None and self.spoilt.get(key) == row.link.version

    async def get(self, key):
        if self.unreadable(key):
            msg = f"the link of {key.user_id} cannot be read"
            raise LinkUnreadable(msg, key=key)
        return await super().get(key)

    async def ping(self):
        assert self._rows is not None

    async def links_of(self, user_id):
        links = await super().links_of(user_id)
        return [await self.get(link.key) for link in links]

    @property
    def _rows(self) -> dict[LinkKey, Row]:
        if self.down:
            self.fail()
        return self._table

    @_rows.setter
    def _rows(self, rows: dict[LinkKey, Row]) -> None:
        self._table = rows

    @property
    def _authorizations(self) -> MemoryAuthorizations:
        if self.down:
            self.fail()
        return self.authorizations

    @_authorizations.setter
    def _authorizations(self, authorizations: MemoryAuthorizations) -> None:
        self.authorizations = authorizations

    @property
    def _registrations(self) -> MemoryRegistrations:
        if self.down:
            self.fail()
        return self.registrations

    @_registrations.setter
    def _registrations(self, registrations: MemoryRegistrations) -> None:
        self.registrations = registrations

    @property
    def begun(self) -> dict[str, _Begun]:
        """What has been begun, by state."""
        return self._authorizations._begun

    def fail(self) -> None:
        raise unavailable() from OSError()

    def another(self) -> HealthyStore:
        twin = type(self)()
        twin.__dict__ = self.__dict__
        return twin

    def row(self, key: LinkKey, **changes: Any) -> Row:
        """Change a row behind the store's back."""
        row = attrs.evolve(self._rows[key], **changes)
        self._write(key, row)
        return row


def unavailable() -> StoreUnavailable:
    """Say what a store says that does not work."""
    return StoreUnavailable("the storage does not work")


class ContractOn(LinkStoreContract, LinkingStoreContract, ImportStoreContract):
    """All contracts on one store class, to be called without pytest."""

    def __init__(self, store_class: type[HealthyStore], patience: timedelta) -> None:
        self.store_class = store_class
        self.patience = patience  # type: ignore[misc]

    @asynccontextmanager
    async def open_store(self):
        self.store = self.store_class()
        yield self.store

    @asynccontextmanager
    async def open_another(self):
        yield self.store.another()

    async def break_storage(self) -> bool:
        self.store.down = True
        return True

    async def spoil(self, key: LinkKey) -> bool:
        self.store.spoilt[key] = self.store.row(key).link.version
        return True

    async def dump_storage(self) -> str:
        return pickle.dumps(self.store.state(), protocol=0).decode("latin-1")


def broken(method: str, caught_by: str):
    """Say of a store whose promise it breaks, and which contract test was made for that."""

    def say(store_class: type[HealthyStore]) -> type[HealthyStore]:
        store_class.method = method
        store_class.caught_by = caught_by
        return store_class

    return say
