"""A store in memory with what linking needs beside the links."""

from __future__ import annotations

from typing import Any

import attrs

from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.linking_outcomes import AlreadyTaken, AnothersState, NoSuchState, StateExpired, Taken
from extauth.domain.outcomes import Absent, Recorded, Stale


class LinkingMemory:
    """A MemoryLinkStore, and pending authorizations beside it."""

    def __init__(self, now: Any) -> None:
        self._links: Any = MemoryLinkStore(now=now)
        self._now = now
        self._begun: dict[str, list[Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._links, name)

    async def record_account(self, key: Any, version: int, account: Any) -> Any:
        row = self._links._rows.get(key)
        if row is None:
            return Absent()
        if row.link.version != version:
            return Stale(row.link)
        row = attrs.evolve(row, link=attrs.evolve(row.link, account=account))
        self._links._write(key, row)
        return Recorded(row.link)

    async def begin_authorization(self, pending: Any, ttl: Any) -> None:
        self._begun.setdefault(pending.state_hash, [pending, self._now() + ttl, False])

    async def take_authorization(self, state_hash: str, *, user_id: str | None = None) -> Any:
        begun = self._begun.get(state_hash)
        if begun is None:
            return NoSuchState()
        pending, expires_at, taken = begun
        if user_id not in {None, pending.key.user_id}:
            return AnothersState()
        if taken:
            return AlreadyTaken()
        if expires_at <= self._now():
            return StateExpired()
        begun[0], begun[2] = attrs.evolve(pending, salt=""), True
        return Taken(pending)

    async def forget_authorizations(self, key: Any) -> int:
        gone = [name for name, (pending, _, taken) in self._begun.items() if pending.key == key and not taken]
        return len([self._begun.pop(name) for name in gone])

    async def purge_authorizations(self) -> int:
        gone = [name for name, begun in self._begun.items() if begun[1] <= self._now()]
        return len([self._begun.pop(name) for name in gone])
