"""The audit trail in memory: the reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import final

import attrs

from extauth.domain.audit import AuditEntry, entry_to_write
from extauth.domain.link import LinkKey


@final
class MemoryAudit:
    """What :class:`~extauth.domain.audit.AuditStore` says."""

    def __init__(self, now: Callable[[], datetime], check: Callable[[], object]) -> None:
        self._now = now
        self._check = check
        self._entries: list[tuple[int, AuditEntry]] = []
        self._last = 0

    def note_write(self, key: LinkKey, version: int) -> None:
        """Keep the entry that belongs to the write under way, if there is one, for this link."""
        entry = entry_to_write()
        if entry is not None:
            of_link = attrs.evolve(entry, provider_id=key.provider_id, user_id=key.user_id, version=version)
            self._keep(of_link)

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Keep them."""
        self._check()
        for entry in entries:
            self._keep(entry)

    async def find(
        self,
        *,
        user_id: str | None = None,
        hashed_token: str | None = None,
        since: datetime | None = None,
        after: int = 0,
        before: int | None = None,
        limit: int = 100,
    ) -> list[tuple[int, AuditEntry]]:
        """Return those that were asked for."""
        self._check()
        found = [
            (number, entry)
            for number, entry in self._entries
            if number > after
            and (before is None or number < before)
            and user_id in {None, entry.user_id}
            and hashed_token in {None, entry.hashed_access_token, entry.hashed_refresh_token}
            and (since is None or (entry.at is not None and entry.at >= since))
        ]
        return (found if before is None else found[::-1])[:limit]

    async def purge(self, before: datetime) -> int:
        """Remove older ones, and count them."""
        self._check()
        left = [(number, entry) for number, entry in self._entries if entry.at is None or entry.at >= before]
        gone = len(self._entries) - len(left)
        self._entries = left
        return gone

    def _keep(self, entry: AuditEntry) -> None:
        self._last += 1
        self._entries.append((self._last, attrs.evolve(entry, at=self._now())))
