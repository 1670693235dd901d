"""What extauth needs from the outside world. Adapters match these structurally."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from extauth.domain.due import Due, DueBy
from extauth.domain.events import Event
from extauth.domain.link import GrantOrigin, Link, LinkKey, RefreshFailure
from extauth.domain.outcomes import (
    ClaimOutcome,
    ExchangeOutcome,
    RecordOutcome,
    ResealOutcome,
    SaveOutcome,
    SeenLease,
)
from extauth.domain.policy import ProviderTraits
from extauth.domain.token_set import TokenSet

Takeover: TypeAlias = SeenLease | bool
"""Which lease of another owner a claim may take over: see :meth:`RefreshStore.claim`."""


class LinkReader(Protocol):
    """Where one link is read. Each part of a :class:`LinkStore` promises what that one does."""

    async def get(self, key: LinkKey) -> Link | None:
        """Return the link, or None if there is none. Sees every write that returned before the call."""
        ...


class RefreshStore(LinkReader, Protocol):
    """What refreshing needs of a :class:`LinkStore`: all that :class:`~extauth.TokenService` calls."""

    async def claim(
        self, key: LinkKey, version: int, owner: str, ttl: timedelta, *, takeover: Takeover = True
    ) -> ClaimOutcome:
        """Take the lease on ``version`` for ``owner``, before presenting its refresh token.

        ``Claimed`` if the version matches and no other owner's lease is in the way; the lease then runs
        ``ttl`` from now by the store's clock. It reports how long ago the oldest exchange of this
        version began whose end nobody recorded. An owner who claims again renews the lease, and its
        own earlier claim does not count as such an exchange: a claim can be repeated. ``Held`` if
        another owner's lease is in the way, ``Stale`` with the link as it is now if the version does not
        match, ``Absent`` if there is no link; in these cases nothing changes.

        ``takeover`` says which lease of another owner is not in the way. ``True``: one that has lapsed by the
        store's clock. ``False``: none, so that ``Held`` says which there is, also if it has lapsed. A
        ``SeenLease``: that very one, whatever the store's clock says, as long as it is in nothing changed.
        The store's clock may jump, and who claims has a clock of its own to compare.

        :raises ValueError: if ``ttl`` is not positive or ``owner`` is empty.
        """
        ...

    async def time(self) -> datetime:
        """Return the time, aware, by the clock that leases end by."""
        ...

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
        """Store the outcome of a successful refresh of ``version``.

        ``Saved`` with version + 1 if the version matches, whoever holds the lease: the tokens given
        may be the only ones that work. Failure mark, lease and unresolved exchange are cleared; the account
        stays, and so does the origin unless another one is given: a link put without one, or before its
        server moved, has now proved whose it is. Otherwise ``Stale`` or ``Absent``, and nothing changes.
        Never inserts: it cannot bring back a link that the user removed.

        With ``written_at``, the ``updated_at`` of the link that was refreshed, it must be the stored one's
        as well. A store that has lost its last writes gives their versions again, to a new authorization too.

        With ``other_grant`` the tokens may be of another grant than the stored ones, to which such a store
        has fallen back: the account is forgotten, and the origin is the one given, or none.
        """
        ...

    async def record_failure(
        self, key: LinkKey, version: int, failure: RefreshFailure, *, written_at: datetime | None = None
    ) -> RecordOutcome:
        """Put a mark beside the tokens of ``version``; touches neither tokens, version nor lease.

        ``Recorded`` with the link as it is now if the version matches, and ``written_at`` as for a save. A
        permanent mark is not replaced by a temporary one, and a fence (:mod:`extauth.domain.fence`) by
        nothing. Otherwise ``Stale`` or ``Absent``, and nothing changes.

        :raises ValueError: if ``failure`` is about another version.
        """
        ...

    async def release(self, key: LinkKey, version: int, owner: str, *, unresolved: bool = False) -> bool:
        """End the owner's lease on ``version`` and return True; False if it holds none there.

        By default the outcome of the owner's exchange is known (it is as if it had not claimed). With
        ``unresolved`` it is not: the exchange is remembered for the next claim.
        """
        ...

    async def wait_for_change(self, key: LinkKey, version: int, timeout: timedelta) -> Link | None:
        """Wait until another replica's exchange of ``version`` ends, and return the link, or None.

        It has ended when the version has moved, the link is gone, or no lease on it is live. When
        ``timeout`` has passed, returns the link as last seen. Read-only.
        """
        ...


class GrantStore(LinkReader, Protocol):
    """What connecting and disconnecting users needs of a :class:`LinkStore`."""

    async def links_of(self, user_id: str) -> list[Link]:
        """Return the user's links, ordered by provider id (by code point).

        Refreshing asks for it, too, where a provider ends all of an account at once; a store that has it not
        is taken for one that cannot tell.

        :raises LinkUnreadable: if one of them cannot be read: a part of the list would be a lie.
        """
        ...

    async def put(self, key: LinkKey, tokens: TokenSet, *, origin: GrantOrigin | None = None) -> Link:
        """Store the user's own authorization, which always wins, and return the link.

        A new link gets version 1, or a higher one after a link was deleted: never one that the key had.
        An existing one is replaced whole (nothing is carried forward: it may be another account) with
        its version + 1.
        Any failure mark, lease and unresolved exchange is cleared, and the account forgotten.
        ``created_at`` stays.
        """
        ...

    async def delete(self, key: LinkKey) -> Link | None:
        """Remove the link and return it as it was, so that its tokens can be revoked, or None.

        :raises LinkUnreadable: if what was removed cannot be read; it is gone all the same.
        """
        ...


class UpkeepStore(Protocol):
    """What looking after many links needs of a :class:`LinkStore`."""

    async def due(
        self, provider_id: str, by: DueBy, before: datetime, *, after: Due | None = None, limit: int = 100
    ) -> list[Due]:
        """Return which links of a provider are due before that instant, the first to be due first.

        Those of which :func:`~extauth.domain.due.due_at` says so: with a refresh token and no permanent
        failure mark. Links named below the provider are its links too: ``github`` covers ``github/work`` (see
        :func:`~extauth.named_provider_id`), but neither ``github2`` nor ``github-app``. They come in order of
        when they are due, then of provider id and user id (by code point), and at most ``limit`` of those
        after ``after``; an empty page is the last. A page costs the same however many links there are, if
        ``provider_id`` is not itself a named one. No tokens are read, so that a link which is unreadable, or
        does not open, may be listed as well.
        """
        ...

    async def lift_failure(
        self,
        provider_id: str,
        *,
        user_id: str | None = None,
        reason: str | None = None,
        since: datetime | None = None,
    ) -> int:
        """Remove failure marks of a provider's links and return how many.

        The operator's undo: after an outage that wrongly answered ``invalid_grant``, links work again
        with no one reconnecting. Links named below the provider are its links too: ``github`` covers
        ``github/work`` (see :func:`~extauth.named_provider_id`), but neither ``github2`` nor
        ``github-app``. Narrowed to one user, one reason, or marks made at ``since`` or later. A fence
        or a doubt (:mod:`extauth.domain.fence`) is no failure of a refresh: only its own reason lifts it.
        """
        ...

    async def reseal(
        self, key: LinkKey, version: int, tokens: TokenSet, *, written_at: datetime | None = None
    ) -> ResealOutcome:
        """Replace the token texts and key ids by another encryption of the same tokens.

        ``Resealed`` if the version matches, and ``written_at`` as for a save. The texts of
        ``resource_tokens`` are among them, and so are the values of those members of ``extra`` that are given
        and are there: none is added, and none is dropped.
        **The version is unchanged**, and so are expiries, scopes, account, lease, marks and times. Otherwise
        ``Stale`` or ``Absent``, and nothing changes.
        """
        ...


class LinkStore(RefreshStore, GrantStore, UpkeepStore, Protocol):
    """Keeps links, and lets many replicas change them without losing each other's writes.

    Each method is one atomic statement and durable when it returns. Losing a race is a return value;
    only a store that does not work raises, :class:`~extauth.StoreUnavailable` with the driver's error
    as ``__cause__``. A link whose row cannot be read is :class:`~extauth.LinkUnreadable` for whoever reads
    it, and for nobody else, however reads are put together. A cancelled or failed call may or may not have
    been carried out, unless its docstring says otherwise: every conditional write can be repeated to find
    out.
    """


class OAuthProvider(Protocol):
    """One OAuth 2.0 client registration at one authorization server."""

    @property
    def provider_id(self) -> str:
        """The provider part of this provider's link keys."""
        ...

    @property
    def traits(self) -> ProviderTraits:
        """What this provider is known to do on a refresh."""
        ...

    @property
    def origin(self) -> GrantOrigin | None:
        """Which client, token endpoint and resource this is; None switches the check against a link's off.

        A provider that has moved may have a collection ``formerly`` beside it, of the origins before: links
        with one of those are its own, and get this one at their next refresh. One with more than one client
        has :class:`~extauth.domain.linking_ports.RegisteredClients` beside it, as ``clients``.
        """
        ...

    async def refresh(self, tokens: TokenSet, *, resource: str | None = None) -> ExchangeOutcome:
        """Present the refresh token once (RFC 6749 section 6) and judge the answer.

        With ``resource`` for an access token for that resource (RFC 8707 section 2.2): it is the same refresh
        token, and may be used up just the same. Whoever asks for none does not pass the keyword.

        Never retries by itself, and raises nothing for what the network or the provider does. Members
        that the provider omitted are left out of the result, not carried forward. A cancelled call
        has an unknown outcome.
        """
        ...

    async def revoke(self, tokens: TokenSet) -> bool:
        """Ask the provider to revoke these tokens (RFC 7009), refresh token and access tokens alike.

        True only if it confirmed that none of them works any more. Best effort.
        """
        ...


class WallClock(Protocol):
    """The time of day, for what has to be dated."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC. It may jump; compare it with expiries only."""
        ...


class Clock(WallClock, Protocol):
    """Time, injected so that tests own it."""

    def monotonic(self) -> float:
        """Return seconds that never go back, from an arbitrary start.

        Time for which the machine was suspended should count.
        """
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long. Cancellation ends it."""
        ...


class Observer(Protocol):
    """Is told what happens, for logs, metrics or a user interface.

    One that has an attribute ``logs`` which is true logs events itself, as
    :class:`~extauth.adapters.stdlib_logging.LoggingObserver` does: the services then do not. One that is a
    :class:`~extauth.RefreshWatcher` too is told when refreshes and waits begin and end.
    """

    def notify(self, event: Event) -> None:
        """Take note. Called on the event loop, so it must be quick; what it raises is logged."""
        ...
