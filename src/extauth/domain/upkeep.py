"""What upkeep keeps warm and alive, how fast, and which links that concerns. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import final

import attrs

from extauth.domain.due import Due, DueBy, due_at
from extauth.domain.freshness import access_token_works, blocked, lifetime_of, spread_of
from extauth.domain.link import Link
from extauth.domain.policy import ProviderTraits, positive

WARM_SHARE = 3
"""A link is kept warm in the last part of this many of its access token's lifetime, and not earlier; a caller
refreshes it in the last of five (:data:`~extauth.domain.freshness.LIFETIME_SHARE`)."""

AT_MOST_EVERY = timedelta(minutes=1)
"""However it is due, a link is not refreshed again before this has passed: a provider whose tokens have
expired when they arrive would otherwise be asked without end."""

_WARM: timedelta | None = timedelta(minutes=15)


@final
@attrs.frozen(kw_only=True)
class Upkeep:
    """What upkeep does, and how fast. Each replica does its share; links are divided by their leases.

    :raises ValueError: for a span, rate or number that is not positive, or if nothing is to be kept up.
    :raises TypeError: for a number in the place of a ``timedelta``.
    """

    keep_warm: timedelta | None = attrs.field(default=_WARM, validator=attrs.validators.optional(positive))
    """Refresh a link this long before its access token expires, so that no caller waits for it: at most a
    third of the token's lifetime, spread over the links. It should be longer than the policy's
    ``refresh_ahead``. None: leave that to callers, and links that nobody uses alone."""
    keep_alive: bool = True
    """Refresh a link when half of the time has passed for which its refresh token lives unused, as far as the
    provider or its traits tell when it ends."""
    idle: timedelta | None = attrs.field(default=None, validator=attrs.validators.optional(positive))
    """Refresh a link that was not refreshed for this long, where nobody knows when its refresh token ends.
    None: leave it alone."""
    rate: float = attrs.field(default=10.0, validator=attrs.validators.gt(0))
    """Refreshes a second at one provider, at most, by one replica: also when there is much to catch up on."""
    concurrency: int = attrs.field(default=4, validator=attrs.validators.ge(1))
    """Refreshes at one provider at the same time, at most, by one replica."""
    interval: timedelta = attrs.field(default=timedelta(seconds=30), validator=positive)
    """How often to look for what is due."""
    purge_every: timedelta = attrs.field(default=timedelta(hours=1), validator=positive)
    """How often to remove what has expired."""
    page: int = attrs.field(default=200, validator=attrs.validators.ge(1))
    """How many links to list at a time."""

    def __attrs_post_init__(self) -> None:
        if self.keep_warm is None and not self.keep_alive and self.idle is None:
            msg = "nothing is to be kept up; say keep_warm, keep_alive or idle"
            raise ValueError(msg)

    def looks_for(self, traits: ProviderTraits) -> Iterable[DueBy]:
        """Return by what links of such a provider are due, what cannot wait first.

        A grant that ends a time after the consent, however much it is used, is not kept alive by a refresh.
        """
        ends_anyway = traits.refresh_token_lifetime is not None and traits.refresh_token_idle_lifetime is None
        if self.keep_alive and not ends_anyway:
            yield DueBy.HALF_LIFE
        if self.idle is not None:
            yield DueBy.AGE
        if self.keep_warm is not None:
            yield DueBy.EXPIRY

    def horizon(self, by: DueBy, now: datetime) -> datetime:
        """Return before when a link must be due for upkeep to look at it."""
        match by:
            case DueBy.EXPIRY:
                return now + (self.keep_warm or timedelta(0))
            case DueBy.HALF_LIFE:
                return now
            case DueBy.AGE:
                return now - (self.idle or timedelta(0))

    def is_early(self, due: Due, by: DueBy, now: datetime) -> bool:
        """Whether a link within the horizon has time yet, so that it need not be read: links made together
        are not refreshed together."""
        if by is not DueBy.EXPIRY or self.keep_warm is None:
            return False
        return due.at - now > self.keep_warm * spread_of(due.key)

    def overdue(self, link: Link, by: DueBy, now: datetime, traits: ProviderTraits) -> timedelta | None:
        """Return for how long the link, as it is now, should have been refreshed; None if it is to be left
        alone: it is too early, it is being refreshed, or a refresh would do harm or no good."""
        at = due_at(link, by)
        if at is None or blocked(link, now) is not None or not _may_refresh(link, now, traits):
            return None
        issued_at = link.tokens.issued_at
        if issued_at is not None and timedelta(0) <= now - issued_at < AT_MOST_EVERY:
            return None
        match by:
            case DueBy.EXPIRY if self.keep_warm is not None and link.tokens.expires_at is not None:
                expires_at = link.tokens.expires_at
                ahead = min(self.keep_warm, lifetime_of(link, expires_at) / WARM_SHARE)
                since = expires_at - ahead * spread_of(link.key)
            case DueBy.AGE if self.idle is not None:
                since = max(at, issued_at or at) + self.idle  # should the store's clock be far behind
            case _:
                since = at
        return None if now < since else now - since


def _may_refresh(link: Link, now: datetime, traits: ProviderTraits) -> bool:
    """Whether no exchange is under way, nor one unresolved that may have used the refresh token up."""
    pending = link.pending
    if pending is None:
        return True
    if pending.live:
        return False
    return not access_token_works(link, now) or traits.tolerates_replay(now - pending.since)


@final
@attrs.frozen(kw_only=True)
class UpkeepReport:
    """What one look at all that was due came to."""

    refreshed: int = 0
    """Links that got new tokens here."""
    elsewhere: int = 0
    """Links that somebody else refreshed, or was about to."""
    failed: int = 0
    """Links whose refresh failed for now, or because something must be mended."""
    ended: int = 0
    """Links that must be connected again, or are gone."""
    purged: int = 0
    """What had expired and was removed: authorizations, and what else the application has purged."""
    paused: frozenset[str] = frozenset()
    """Providers that asked to be left alone: the rest comes later."""
    behind: timedelta = timedelta(0)
    """For how long the link had been due that had been for the longest, of those refreshed."""

    def __add__(self, other: UpkeepReport) -> UpkeepReport:
        return UpkeepReport(
            refreshed=self.refreshed + other.refreshed,
            elsewhere=self.elsewhere + other.elsewhere,
            failed=self.failed + other.failed,
            ended=self.ended + other.ended,
            purged=self.purged + other.purged,
            paused=self.paused | other.paused,
            behind=max(self.behind, other.behind),
        )
