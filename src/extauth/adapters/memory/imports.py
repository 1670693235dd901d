"""Moving links into memory, and their keys out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import final

import attrs

from extauth.adapters.memory.rows import Row
from extauth.domain.imports import Added, AddOutcome, AlreadyThere, ImportedLink
from extauth.domain.link import Link, LinkKey
from extauth.domain.linking import ACCOUNT_SEPARATOR
from extauth.domain.own_writes import OwnWrites
from extauth.one_loop import OneLoop, on_one_loop


@final
@on_one_loop
class MemoryImports:
    """What :class:`~extauth.domain.imports.ImportStore` says, in memory."""

    def __init__(
        self,
        home: OneLoop,
        rows: Callable[[], Mapping[LinkKey, Row]],
        *,
        now: Callable[[], datetime],
        next_version: Callable[[], int],
        write: Callable[[LinkKey, Row], None],
        own_writes: OwnWrites,
    ) -> None:
        self._home = home
        self._rows = rows
        self._now = now
        self._next_version = next_version
        self._write = write
        self._own_writes = own_writes

    async def add(self, link: ImportedLink) -> AddOutcome:
        if link.key in self._rows():
            return AlreadyThere()
        now, version = self._now(), self._next_version()
        added = Link(
            link.key,
            link.tokens,
            version,
            created_at=link.created_at or now,
            updated_at=link.updated_at or now,
            failure=None if link.failure is None else attrs.evolve(link.failure, version=version),
            origin=link.origin,
            account=link.account,
        )
        with self._own_writes.of(link.key):
            self._write(link.key, Row(added, unresolved_since=link.unresolved_since))
        return Added(version)

    async def keys(
        self, *, provider_id: str | None = None, after: LinkKey | None = None, limit: int = 1000
    ) -> list[LinkKey]:
        keys = (key for key in self._rows() if provider_id is None or _is_of(key, provider_id))
        return sorted(key for key in keys if after is None or key > after)[:limit]


def _is_of(key: LinkKey, provider_id: str) -> bool:
    return f"{key.provider_id}{ACCOUNT_SEPARATOR}".startswith(f"{provider_id}{ACCOUNT_SEPARATOR}")
