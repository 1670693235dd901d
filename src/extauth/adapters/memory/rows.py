"""What the store in memory keeps of each link."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import final

import attrs

from extauth.domain.due import DueBy, due_at
from extauth.domain.fence import STANDING
from extauth.domain.link import GrantOrigin, Link, PendingExchange
from extauth.domain.linking import ACCOUNT_SEPARATOR
from extauth.domain.outcomes import Held, SeenLease
from extauth.domain.ports import Takeover
from extauth.domain.token_set import TokenSet


@final
@attrs.frozen
class Lease:
    """Who may present the refresh token of a link's version."""

    owner: str
    taken_at: datetime
    expires_at: datetime


@final
@attrs.frozen
class Row:
    """A link without ``pending``, which depends on the time of reading."""

    link: Link
    lease: Lease | None = None
    unresolved_since: datetime | None = None

    def seen_at(self, now: datetime) -> Link:
        """Return the link as whoever reads it at that time sees it."""
        taken_at = None if self.lease is None else self.lease.taken_at
        since = self.unresolved_since or taken_at
        if since is None:
            return self.link
        live = self.lease is not None and now < self.lease.expires_at
        return attrs.evolve(self.link, pending=PendingExchange(since, live))

    def due_at(self, provider_id: str, by: DueBy) -> datetime | None:
        """Return when upkeep of a provider should look at it; None if never."""
        return due_at(self.link, by) if self._is_of(provider_id) else None

    def claimed(self, owner: str, ttl: timedelta, takeover: Takeover, now: datetime) -> Row | Held:
        """Return the row under the owner's lease, or whose lease is in the way."""
        lease, unresolved_since = self.lease, self.unresolved_since
        taken_at = now
        if lease is not None and lease.owner == owner:
            taken_at = lease.taken_at
        elif lease is not None:
            seen = SeenLease(lease.owner, lease.expires_at)
            if not (takeover is True and lease.expires_at <= now) and takeover != seen:
                return Held(lease.expires_at - now, seen)
            unresolved_since = unresolved_since or lease.taken_at
        return Row(self.link, Lease(owner, taken_at, now + ttl), unresolved_since)

    def saved(self, tokens: TokenSet, origin: GrantOrigin | None, now: datetime, *, other_grant: bool) -> Row:
        """Return the row of the next version, without lease and marks."""
        kept, account = (None, None) if other_grant else (self.link.origin, self.link.account)
        link = attrs.evolve(
            self.link,
            tokens=tokens,
            version=self.link.version + 1,
            updated_at=now,
            failure=None,
            origin=kept if origin is None else origin,
            account=account,
        )
        return Row(link)

    def is_marked(
        self, provider_id: str, user_id: str | None, reason: str | None, since: datetime | None
    ) -> bool:
        """Whether it has such a failure mark, and is a link of the provider or named below it."""
        mark = self.link.failure
        return (
            mark is not None
            and self._is_of(provider_id)
            and user_id in {None, self.link.key.user_id}
            and (mark.reason not in STANDING if reason is None else mark.reason == reason)
            and (since is None or mark.at >= since)
        )

    def without_owner(self) -> Hashable:
        """Return all of it but whose lease it is, to compare by value."""
        lease = None if self.lease is None else (self.lease.taken_at, self.lease.expires_at)
        return self.link, lease, self.unresolved_since

    def _is_of(self, provider_id: str) -> bool:
        """Whether it is a link of the provider or named below it."""
        own = f"{self.link.key.provider_id}{ACCOUNT_SEPARATOR}"
        return own.startswith(f"{provider_id}{ACCOUNT_SEPARATOR}")
