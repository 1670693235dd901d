"""Links in memory: the reference implementation of the contract, for tests and trials."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from datetime import UTC, datetime, timedelta
from typing import Final, Self, final

import attrs

from extauth.adapters.memory.audit import MemoryAudit
from extauth.adapters.memory.imports import MemoryImports
from extauth.adapters.memory.inventory import MemoryInventory
from extauth.adapters.memory.linking import MemoryAuthorizations, MemoryRegistrations
from extauth.adapters.memory.outbox import MemoryOutbox
from extauth.adapters.memory.rows import Row
from extauth.adapters.memory.sealed_rows import MemorySealedRows
from extauth.adapters.sql.arguments import checked_claim, checked_failure
from extauth.domain.due import Due, DueBy
from extauth.domain.fence import may_replace
from extauth.domain.link import Account, GrantOrigin, Link, LinkKey, RefreshFailure
from extauth.domain.linking import MOST_BEGUN, ClientRegistration, PendingAuthorization
from extauth.domain.linking_outcomes import FindOutcome, TakeOutcome
from extauth.domain.outcomes import (
    Absent,
    Claimed,
    ClaimOutcome,
    Held,
    Recorded,
    RecordOutcome,
    Resealed,
    ResealOutcome,
    Saved,
    SaveOutcome,
    Stale,
)
from extauth.domain.own_writes import OwnWrites, tells_of_writes
from extauth.domain.ports import Takeover
from extauth.domain.token_set import TokenSet
from extauth.one_loop import OneLoop, on_one_loop


def _utc_now() -> datetime:
    return datetime.now(UTC)


@final
@tells_of_writes
@on_one_loop
class MemoryLinkStore:
    """A :class:`~extauth.domain.linking_ports.Store` that forgets everything when the process ends.

    Every method is atomic because none yields to the event loop between reading and writing. It serves one
    event loop of one process: the one on which it is entered as an async context manager, which does nothing
    else, or first used. Elsewhere each method raises ``RuntimeError``.
    """

    def __init__(self, *, now: Callable[[], datetime] = _utc_now) -> None:
        self._now = now
        self.own_writes: Final = OwnWrites()
        self._home = OneLoop("MemoryLinkStore")
        self._rows: dict[LinkKey, Row] = {}
        self._retired_version = 0
        """The highest version of any deleted link. New links start above it, so that an exchange begun
        before an unlink can never be saved over a link made after it."""
        self._changes: dict[LinkKey, set[asyncio.Future[None]]] = {}
        """Who waits for a key to change; each entry is made and removed by ``wait_for_change``."""
        self._authorizations = MemoryAuthorizations(now)
        self._registrations = MemoryRegistrations()
        self.audit: Final = MemoryAudit(now, self._home.check)
        self.sealed: Final = MemorySealedRows(
            self._rows, self._authorizations, self._registrations, self._home.check
        )
        self.imports: Final = MemoryImports(
            self._home,
            lambda: self._rows,
            now=now,
            next_version=lambda: self._retired_version + 1,
            write=self._write,
            own_writes=self.own_writes,
        )
        self.inventory: Final = MemoryInventory(self._home, now, self._rows, self._authorizations)
        self.outbox = MemoryOutbox(now, lambda: self._rows, self._home)

    async def __aenter__(self) -> Self:
        self._home.check()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        pass

    async def get(self, key: LinkKey) -> Link | None:
        self._home.check()
        return self._seen(key)

    async def links_of(self, user_id: str) -> list[Link]:
        now = self._now()
        keys = sorted(key for key in self._rows if key.user_id == user_id)
        return [self._rows[key].seen_at(now) for key in keys]

    async def put(self, key: LinkKey, tokens: TokenSet, *, origin: GrantOrigin | None = None) -> Link:
        now = self._now()
        row = self._rows.get(key)
        version = (self._retired_version if row is None else row.link.version) + 1
        created_at = now if row is None else row.link.created_at
        link = Link(key, tokens, version, created_at, now, origin=origin)
        self._write(key, Row(link))
        return link

    async def delete(self, key: LinkKey) -> Link | None:
        row = self._rows.pop(key, None)
        if row is None:
            return None
        self._retired_version = max(self._retired_version, row.link.version)
        self.audit.note_write(key, row.link.version)
        self._tell(key)
        self.outbox.removed(key)
        return row.seen_at(self._now())

    async def claim(
        self, key: LinkKey, version: int, owner: str, ttl: timedelta, *, takeover: Takeover = True
    ) -> ClaimOutcome:
        checked_claim(owner, ttl)
        row = self._at_version(key, version)
        if not isinstance(row, Row):
            return row
        now = self._now()
        claimed = row.claimed(owner, ttl, takeover, now)
        if isinstance(claimed, Held):
            return claimed
        self._write(key, claimed)
        since = claimed.unresolved_since
        age = None if since is None else max(now - since, timedelta(0))
        return Claimed(claimed.seen_at(now), age, now)

    async def time(self) -> datetime:
        return self._now()

    async def save(
        self,
        key: LinkKey,
        version: int,
        tokens: TokenSet,
        *,
        origin: GrantOrigin | None = None,
        written_at: datetime | None = None,
        other_grant: bool = False,
    ) -> SaveOutcome:
        row = self._at_version(key, version, written_at)
        if not isinstance(row, Row):
            return row
        row = row.saved(tokens, origin, self._now(), other_grant=other_grant)
        self._write(key, row)
        return Saved(row.link)

    async def record_failure(
        self, key: LinkKey, version: int, failure: RefreshFailure, *, written_at: datetime | None = None
    ) -> RecordOutcome:
        checked_failure(version, failure)
        row = self._at_version(key, version, written_at)
        if not isinstance(row, Row):
            return row
        mark = row.link.failure
        if mark is None or may_replace(mark, failure):
            row = attrs.evolve(row, link=attrs.evolve(row.link, failure=failure))
            self._write(key, row)
        return Recorded(row.seen_at(self._now()))

    async def lift_failure(
        self,
        provider_id: str,
        *,
        user_id: str | None = None,
        reason: str | None = None,
        since: datetime | None = None,
    ) -> int:
        lifted = 0
        for key, row in list(self._rows.items()):
            if row.is_marked(provider_id, user_id, reason, since):
                self._write(key, attrs.evolve(row, link=attrs.evolve(row.link, failure=None)))
                lifted += 1
        return lifted

    async def release(self, key: LinkKey, version: int, owner: str, *, unresolved: bool = False) -> bool:
        row = self._at_version(key, version)
        if not isinstance(row, Row) or row.lease is None or row.lease.owner != owner:
            return False
        since = row.unresolved_since or (row.lease.taken_at if unresolved else None)
        self._write(key, Row(row.link, unresolved_since=since))
        return True

    async def reseal(
        self, key: LinkKey, version: int, tokens: TokenSet, *, written_at: datetime | None = None
    ) -> ResealOutcome:
        row = self._at_version(key, version, written_at)
        if not isinstance(row, Row):
            return row
        row = attrs.evolve(row, link=attrs.evolve(row.link, tokens=row.link.tokens.resealed(tokens)))
        self._write(key, row)
        return Resealed(row.seen_at(self._now()))

    async def due(
        self, provider_id: str, by: DueBy, before: datetime, *, after: Due | None = None, limit: int = 100
    ) -> list[Due]:
        found = [Due(at, key) for key, row in self._rows.items() if (at := row.due_at(provider_id, by))]
        return sorted(due for due in found if due.at < before and (after is None or due > after))[:limit]

    async def wait_for_change(self, key: LinkKey, version: int, timeout: timedelta) -> Link | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout.total_seconds()
        while True:
            link = self._seen(key)
            left = deadline - loop.time()
            if link is None or link.version != version or left <= 0:
                return link
            lease = self._rows[key].lease
            if lease is None or link.pending is None or not link.pending.live:
                return link
            changed = loop.create_future()
            self._changes.setdefault(key, set()).add(changed)
            lapse = (lease.expires_at - self._now()).total_seconds()
            try:
                await asyncio.wait({changed}, timeout=min(left, max(lapse, 0)))
            finally:
                waiting = self._changes[key]
                waiting.discard(changed)
                if not waiting:
                    del self._changes[key]

    async def record_account(self, key: LinkKey, version: int, account: Account) -> RecordOutcome:
        row = self._at_version(key, version)
        if not isinstance(row, Row):
            return row
        row = attrs.evolve(row, link=attrs.evolve(row.link, account=account))
        self._write(key, row)
        return Recorded(row.seen_at(self._now()))

    async def begin_authorization(
        self, pending: PendingAuthorization, ttl: timedelta, *, at_most: int = MOST_BEGUN
    ) -> None:
        self._authorizations.begin(pending, ttl, at_most)

    async def find_authorization(self, state_hash: str, *, user_id: str | None = None) -> FindOutcome:
        return self._authorizations.find(state_hash, user_id)

    async def take_authorization(self, state_hash: str, *, user_id: str | None = None) -> TakeOutcome:
        return self._authorizations.take(state_hash, user_id)

    async def forget_authorizations(self, key: LinkKey) -> int:
        return self._authorizations.forget(key)

    async def purge_authorizations(self) -> int:
        return self._authorizations.purge()

    async def registration(self, name: str) -> ClientRegistration | None:
        return self._registrations.get(name)

    async def keep_registration(
        self, name: str, registration: ClientRegistration, *, instead_of: str | None = None
    ) -> ClientRegistration:
        return self._registrations.keep(name, registration, instead_of)

    async def ping(self) -> None:
        self._home.check()

    def state(self) -> tuple[Hashable, tuple[tuple[LinkKey, str], ...]]:
        """Return everything that is kept, to compare by value, and beside it who owns which lease.

        For tests that explore: stores with equal states behave alike.
        """
        rows = sorted(self._rows.items())
        kept = tuple(row.without_owner() for _, row in rows)
        owners = tuple((key, row.lease.owner) for key, row in rows if row.lease is not None)
        beside = (self._authorizations.state(), self._registrations.state(), self.outbox.state())
        return (kept, self._retired_version, beside), owners

    def _seen(self, key: LinkKey) -> Link | None:
        row = self._rows.get(key)
        return None if row is None else row.seen_at(self._now())

    def _at_version(
        self, key: LinkKey, version: int, written: datetime | None = None
    ) -> Row | Stale | Absent:
        row = self._rows.get(key)
        if row is None:
            return Absent()
        as_meant = row.link.version == version and written in {None, row.link.updated_at}
        return row if as_meant else Stale(row.seen_at(self._now()))

    def _write(self, key: LinkKey, row: Row) -> None:
        self.outbox.changed(self._rows.get(key), row)
        self._rows[key] = row
        self.audit.note_write(key, row.link.version)
        self._tell(key)

    def _tell(self, key: LinkKey) -> None:
        for changed in self._changes.get(key, ()):
            if not changed.done():
                changed.set_result(None)
