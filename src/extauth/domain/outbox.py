"""What happens to links while nobody looks, kept until the application has been told.

A store writes each event in the very transaction that makes it true, and only while somebody listens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import ClassVar, Final, Protocol, TypeAlias, cast, final

import attrs

from extauth.domain.health import Lifetimes, Source
from extauth.domain.link import LinkKey
from extauth.domain.storable import aware_utc, storable_text
from extauth.domain.wrong_types import must_be

LISTENING: Final = timedelta(days=30)
"""For how long events are written after somebody has asked for them last."""

LONGEST_DELAY: Final = timedelta(days=365)
"""That a handler may ask for."""


@final
@attrs.frozen(kw_only=True)
class LinkBroken:
    """The provider has rejected the grant: only the user can mend the link, by connecting again."""

    type: ClassVar[str] = "link.broken"
    id: str
    """The same each time that the event is delivered, and no other event's."""
    key: LinkKey
    version: int
    """Of the link, when it happened."""
    at: datetime
    """When, by the store's clock."""
    reason: str
    """A stable code such as ``invalid_grant``, never a provider's text."""


@final
@attrs.frozen(kw_only=True)
class LinkRecovered:
    """A link that was broken works again: the user has connected, or an operator lifted the mark."""

    type: ClassVar[str] = "link.recovered"
    id: str
    key: LinkKey
    version: int
    at: datetime


@final
@attrs.frozen(kw_only=True)
class LinkExpiring:
    """A link ends soon unless something is done."""

    type: ClassVar[str] = "link.expiring"
    id: str
    key: LinkKey
    version: int
    at: datetime
    ends_at: datetime
    source: Source
    """Who says so: see :data:`extauth.health.Source`."""


LinkEvent: TypeAlias = LinkBroken | LinkRecovered | LinkExpiring

Handler: TypeAlias = Callable[[LinkEvent], Awaitable[None]]
"""Is told of an event; returning means that it has been dealt with."""


class DeliverLater(Exception):
    """Raised by a handler that cannot take an event now, and knows when to try again.

    ``code`` is kept beside the event; it must hold nothing that is secret. ``after`` is a year at most.

    :raises ValueError: for a code that no store can keep, and a span that cannot be; ``TypeError`` for none.
    """

    def __init__(self, code: str, *, after: timedelta | None = None) -> None:
        super().__init__(code)
        self.code = storable_text(code, "code")
        if not isinstance(after, timedelta | None):  # pyright: ignore[reportUnnecessaryIsInstance] - a slip
            raise TypeError(must_be("a timedelta", after, "after"))
        if after is not None and not timedelta(0) <= after <= LONGEST_DELAY:
            msg = f"after must be from zero to {LONGEST_DELAY.days} days, not {after}"
            raise ValueError(msg)
        self.after = after


class Undeliverable(Exception):
    """Raised by a handler for an event that it will never take: it is set aside at once.

    :raises ValueError: for a code that no store can keep.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = storable_text(code, "code")


@final
@attrs.frozen
class ClaimedEvent:
    """An event that one replica delivers now."""

    number: int
    """The event's place in the outbox."""
    event: LinkEvent
    attempt: int
    """How often it has been claimed, this time included."""


@final
@attrs.frozen
class DeadLetter:
    """An event that was set aside, since it could not be delivered."""

    number: int
    event: LinkEvent
    attempts: int
    code: str
    """What spoke against it last."""
    at: datetime
    """When it was set aside."""


@final
@attrs.frozen
class OutboxCounts:
    """How many events there are."""

    waiting: int
    dead: int
    oldest: datetime | None
    """When the first of those waiting happened."""
    listening_until: datetime | None
    """Until when events are written if nobody asks for them any more; None if nobody ever has."""


@final
@attrs.frozen
class EndingLink:
    """A link whose end is known."""

    key: LinkKey
    version: int
    lifetimes: Lifetimes
    told: datetime | None
    """Which end the application was told of last."""
    ends_at: datetime
    """By what is stored; its place in the order."""


class OutboxDelivery(Protocol):
    """What delivering needs of an outbox."""

    async def keep_on(self, span: timedelta = LISTENING) -> None:
        """Have events written from now on, and for ``span`` from now at least. Never shortens that."""
        ...

    async def claim(self, owner: str, ttl: timedelta, *, limit: int) -> list[ClaimedEvent]:
        """Take the lease on up to ``limit`` events that are due, in the order in which they became so.

        Of each link only its oldest event that is not set aside, so that each link's events come in order.
        The lease runs ``ttl`` from now by the store's clock; another's that is live is in the way.

        :raises ValueError: if ``ttl`` or ``limit`` is not positive, or ``owner`` is empty.
        """
        ...

    async def acknowledge(self, number: int, owner: str) -> bool:
        """Remove an event that was delivered; False, and nothing changes, if ``owner`` has lost its lease."""
        ...

    async def postpone(self, number: int, owner: str, delay: timedelta | None, code: str) -> bool:
        """End the lease of an event that was not delivered: it is due again after ``delay``.

        Without a delay it is set aside, and the link's next event gets its turn. False, and nothing changes,
        if ``owner`` has lost its lease.
        """
        ...


class OutboxScan(Protocol):
    """What finding links that end soon needs of an outbox."""

    async def ending(
        self, after: EndingLink | None, *, since: datetime, before: datetime, limit: int
    ) -> list[EndingLink]:
        """Return links that end between ``since`` and ``before``, by what is stored, and that are not broken.

        Ordered by their end, provider id and user id, those after ``after``.
        """
        ...

    async def tell_expiring(self, link: EndingLink, ends_at: datetime, source: Source) -> bool:
        """Write the event that the link ends then, and remember it with the link.

        False, and nothing changes, if nobody listens, or if version or what was told is not as in ``link``.
        Of many replicas that found the same link one writes.
        """
        ...


class OutboxDesk(Protocol):
    """What an operator needs of an outbox."""

    async def counts(self) -> OutboxCounts:
        """Count what is in it."""
        ...

    async def dead_letters(self, *, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        """Return events that were set aside, by number, those with numbers above ``after``."""
        ...

    async def requeue(self, numbers: Collection[int] | None = None) -> int:
        """Have events that were set aside delivered after all, as if for the first time; None means all.

        Returns how many. They come after what was delivered meanwhile: their ``at`` tells.
        """
        ...

    async def discard(self, numbers: Collection[int] | None = None) -> int:
        """Remove events that were set aside and return how many; None means all."""
        ...


class Outbox(OutboxDelivery, OutboxScan, OutboxDesk, Protocol):
    """Events about links, in the database of the links.

    While somebody listens, :class:`LinkBroken` is written in the transaction that puts a permanent failure
    mark on a link's current version, :class:`LinkRecovered` in the one that replaces or lifts it, whichever
    replica or version of extauth writes, and neither for anything else: a temporary mark says nothing.
    Removing a link removes its events. Each method is atomic, durable when it returns, and raises
    :class:`~extauth.StoreUnavailable` if the store does not work. What a cancelled call has done is unknown;
    each can be repeated.
    """


def outbox_of(store: object) -> Outbox:
    """Return a store's outbox.

    :raises TypeError: if it has none.
    """
    outbox = getattr(store, "outbox", None)
    if outbox is None or isinstance(store, type):
        hint = "those of extauth have one; see extauth.domain.outbox.Outbox for one of your own"
        raise TypeError(must_be("a store with an outbox that is open", store, "store", hint))
    return cast("Outbox", outbox)


@final
@attrs.frozen(kw_only=True)
class StoredEvent:
    """An event as a store keeps it."""

    id: str
    type: str
    key: LinkKey
    version: int
    at: datetime = attrs.field(converter=aware_utc)
    detail: str | None
    """The reason, or the source."""
    ends_at: datetime | None

    def event(self) -> LinkEvent:
        """Return what it is to an application.

        :raises ValueError: if it is none.
        """
        if self.type == LinkBroken.type and self.detail is not None:
            return LinkBroken(id=self.id, key=self.key, version=self.version, at=self.at, reason=self.detail)
        if self.type == LinkRecovered.type:
            return LinkRecovered(id=self.id, key=self.key, version=self.version, at=self.at)
        if self.type == LinkExpiring.type and self.ends_at is not None and self.detail is not None:
            return LinkExpiring(
                id=self.id,
                key=self.key,
                version=self.version,
                at=self.at,
                ends_at=self.ends_at,
                source=cast("Source", self.detail),
            )
        msg = "a row of the outbox holds no event"
        raise ValueError(msg)


def checked_event_claim(owner: str, ttl: timedelta, limit: int) -> None:
    """Refuse what cannot be claimed.

    :raises ValueError: for it.
    """
    if not owner or ttl <= timedelta(0) or limit < 1:
        msg = "owner must not be empty, and ttl and limit must be positive"
        raise ValueError(msg)
