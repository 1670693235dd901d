"""Which links there are, for an operator: found by what they are like, with no token among what is found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol, TypeAlias, final

import attrs

from extauth.domain.errors import ConfigurationError
from extauth.domain.link import Account, Link, LinkKey, PendingExchange, RefreshFailure
from extauth.domain.linking import ACCOUNT_SEPARATOR

LinkState: TypeAlias = Literal[
    "ok", "expiring", "expired", "cooling", "leased", "unresolved", "broken", "unreadable"
]
"""One word for what a link is like, the first of these that holds:

``broken``: the provider has rejected this grant; the user connects again, or an operator lifts the mark.
``leased``: a replica is refreshing it now. ``unresolved``: one began to, and nobody has recorded how that
ended. ``cooling``: the last refresh failed, and nobody tries again before the mark's ``retry_at``.
``expired`` and ``expiring``: the access token has ended, or does so within :data:`SOON`, which a refresh
mends where there is a refresh token. ``ok``: none of these. ``unreadable``: the row is damaged; no filter
finds those.
"""

SOON: Final = timedelta(minutes=5)
"""How long before its end an access token is ``expiring``."""

LOOKED_AT: Final = 10_000
"""How many links one call looks at, at most, so that it takes as long in a large table as in a small one."""


@final
@attrs.frozen
class LinkFilter:
    """Which links are meant: those for which all that is given holds."""

    provider_id: str | None = None
    """Of this provider, and named below it: ``github`` covers ``github/work``."""
    user_id: str | None = None
    state: LinkState | None = None
    due_before: datetime | None = None
    """Whose access token ends before that, that have a refresh token and no permanent mark."""
    marked: bool = False
    """That have a failure mark, be it about the credentials of now or not."""
    reason: str | None = None
    """Whose failure mark has this reason."""
    marked_since: datetime | None = None
    """Whose failure mark was made then or later."""

    @property
    def of_marks(self) -> bool:
        """Whether only links with a failure mark can match."""
        by_state = self.state in {"broken", "cooling"}
        return self.marked or by_state or self.reason is not None or self.marked_since is not None


@final
@attrs.frozen
class LinkSummary:
    """A link without its tokens. Of one that is ``unreadable`` only the key is known."""

    key: LinkKey
    state: LinkState
    version: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None
    expires_at: datetime | None = None
    refreshable: bool = False
    """Whether there is a refresh token."""
    refresh_token_expires_at: datetime | None = None
    scopes: frozenset[str] = frozenset()
    encrypted_with: str | None = None
    """The id of the key that the access token is encrypted with; None if it is plain."""
    client_id: str | None = None
    failure: RefreshFailure | None = None
    pending: PendingExchange | None = None
    account: Account | None = None

    @classmethod
    def of(cls, link: Link, now: datetime) -> LinkSummary:
        """Return what is to be known of a link as its store keeps it."""
        tokens = link.tokens
        return cls(
            key=link.key,
            state=state_of(link, now),
            version=link.version,
            created_at=link.created_at,
            updated_at=link.updated_at,
            expires_at=tokens.expires_at,
            refreshable=tokens.refresh_token is not None,
            refresh_token_expires_at=tokens.refresh_token_expires_at,
            scopes=tokens.scopes,
            encrypted_with=tokens.access_token_key_id,
            client_id=None if link.origin is None else link.origin.client_id,
            failure=link.failure,
            pending=link.pending,
            account=link.account,
        )


@final
@attrs.frozen
class FoundLinks:
    """A part of the links that match."""

    links: tuple[LinkSummary, ...]
    """Ordered by provider id and user id, by code point. There may be none although more follow."""
    next: LinkKey | None
    """What to go on after; None at the end."""


@final
@attrs.frozen
class CountedLinks:
    """How many links match, of those looked at."""

    counts: Mapping[tuple[str, LinkState], int]
    """By provider id and state; no entry is zero."""
    next: LinkKey | None
    """What to go on after; None at the end."""


@final
@attrs.frozen
class BegunAuthorization:
    """An authorization of a user that is still remembered."""

    provider_id: str
    expires_at: datetime
    taken: bool
    """Whether its callback has come. It is remembered on, to tell a second callback from a forged one."""


class LinkInventory(Protocol):
    """Lists what a store keeps, without secrets. Read-only; each call is one or two statements.

    Each looks at no more than :data:`LOOKED_AT` links and so may find few, or none, where more follow: go on
    after ``next`` until it is None. What is written meanwhile is found if it comes later in the order.

    :raises StoreUnavailable: if the store does not work.
    """

    async def find(self, wanted: LinkFilter, *, after: LinkKey | None = None, limit: int = 100) -> FoundLinks:
        """Return at most ``limit`` links that match, with keys after ``after``.

        :raises ValueError: if ``limit`` is not positive.
        """
        ...

    async def count(self, wanted: LinkFilter, *, after: LinkKey | None = None) -> CountedLinks:
        """Count the links that match, by provider id and state."""
        ...

    async def authorizations_of(self, user_id: str) -> list[BegunAuthorization]:
        """Return the user's authorizations, by provider id and end, those that have expired included."""
        ...


class InventoryStore(Protocol):
    """A store that can list what it keeps."""

    @property
    def inventory(self) -> LinkInventory:
        """What lists it."""
        ...


def inventory_of(store: object) -> LinkInventory:
    """Return what lists the store's links.

    :raises ConfigurationError: if this store cannot.
    """
    inventory: LinkInventory | None = getattr(store, "inventory", None)
    if inventory is None:
        msg = f"{type(store).__name__} cannot list its links: it has no inventory (a LinkInventory)"
        raise ConfigurationError(msg)
    return inventory


def state_of(link: Link, now: datetime) -> LinkState:
    """Return what the link is like. Pure; ``now`` is the store's time."""
    mark, expiry = link.current_failure, link.tokens.expires_at
    if mark is not None and mark.permanent:
        return "broken"
    if link.pending is not None:
        return "leased" if link.pending.live else "unresolved"
    if mark is not None and mark.retry_at is not None and mark.retry_at > now:
        return "cooling"
    if expiry is not None and expiry <= now:
        return "expired"
    return "expiring" if expiry is not None and expiry <= now + SOON else "ok"


def matches(link: Link, wanted: LinkFilter, now: datetime) -> bool:
    """Whether the link is one of those that are meant. Pure; ``now`` is the store's time."""
    return (
        _of_provider(link.key.provider_id, wanted.provider_id)
        and wanted.user_id in {None, link.key.user_id}
        and wanted.state in {None, state_of(link, now)}
        and (wanted.due_before is None or _is_due(link, wanted.due_before))
        and (not wanted.of_marks or _is_marked(link.failure, wanted))
    )


def _of_provider(provider_id: str, family: str | None) -> bool:
    if family is None:
        return True
    return f"{provider_id}{ACCOUNT_SEPARATOR}".startswith(f"{family}{ACCOUNT_SEPARATOR}")


def _is_due(link: Link, before: datetime) -> bool:
    tokens, mark = link.tokens, link.failure
    return (
        tokens.refresh_token is not None
        and (mark is None or not mark.permanent)
        and tokens.expires_at is not None
        and tokens.expires_at < before
    )


def _is_marked(mark: RefreshFailure | None, wanted: LinkFilter) -> bool:
    return (
        mark is not None
        and wanted.reason in {None, mark.reason}
        and (wanted.marked_since is None or mark.at >= wanted.marked_since)
    )
