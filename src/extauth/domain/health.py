"""How a link is doing, ahead of the moment at which somebody needs its token. Pure.

A link dies when its provider says so and never because a date has passed: one whose end is over is
:class:`Expiring` until a refresh has shown it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias, final

import attrs

from extauth.domain.doubt import is_held
from extauth.domain.fence import is_fenced
from extauth.domain.freshness import LIFETIME_SHARE
from extauth.domain.link import Link
from extauth.domain.policy import ProviderTraits
from extauth.domain.probably_dead import is_suspected
from extauth.domain.reasons import explanation
from extauth.domain.storable import aware_utc

AHEAD: Final = timedelta(days=7)
"""How long before its end a link is expiring, unless the caller says otherwise."""

NO_REFRESH_TOKEN: Final = "no_refresh_token"  # noqa: S105 - a reason

Source: TypeAlias = Literal["told", "idle", "grant", "access_token"]
"""Who says when a link ends: the provider, about the refresh token (``told``); the provider's documentation,
which ends a refresh token that is not used (``idle``) or a grant a time after the user's consent
(``grant``); or the access token, where there is no refresh token (``access_token``)."""


@final
@attrs.frozen
class Healthy:
    """Nothing is known against the link. A refresh that failed for the time being counts as nothing."""

    code: Literal["ok"] = attrs.field(default="ok", init=False)


@final
@attrs.frozen
class Expiring:
    """The link ends soon unless something is done."""

    at: datetime
    """When, in UTC; it may have passed."""
    source: Source
    code: Literal["expiring"] = attrs.field(default="expiring", init=False)

    @property
    def refresh_helps(self) -> bool:
        """Whether a refresh is known to put the end off, so that no user need do anything."""
        return self.source == "idle"


@final
@attrs.frozen
class ProbablyBroken:
    """The provider has refused the link for long, as it may refuse a dead grant; it is tried on."""

    reason: str
    since: datetime
    """When the provider refused it last, in UTC."""
    retry_at: datetime | None
    """When it is tried again."""
    code: Literal["probably_broken"] = attrs.field(default="probably_broken", init=False)


@final
@attrs.frozen
class Broken:
    """Only the user can mend it, by connecting again."""

    reason: str
    """A stable code such as ``invalid_grant``, never a provider's text."""
    since: datetime
    works_until: datetime | None = None
    """Until when the access token that is stored works nevertheless; None if it does not, or nobody knows."""
    code: Literal["broken"] = attrs.field(default="broken", init=False)


LinkState: TypeAlias = Healthy | Expiring | ProbablyBroken | Broken


@final
@attrs.frozen
class Health:
    """What is known of a link: one state, and what may be said of it in any state."""

    state: LinkState
    not_encrypted: bool = False
    """The store has keys, and the link is stored in plain text until it is written next."""
    of_former_client: bool = False
    """It was made with another client than new links are, and goes on with that until its user connects
    again."""

    fenced: bool = False
    """It is not refreshed here, because it may still be refreshed where it was imported from."""
    doubtful: bool = False
    """It is from a restored database, and not refreshed until an operator agrees."""

    @property
    def ok(self) -> bool:
        """Whether nobody need do anything about it."""
        remarks = self.not_encrypted or self.of_former_client or self.fenced or self.doubtful
        return isinstance(self.state, Healthy) and not remarks

    @property
    def explanation(self) -> str | None:
        """What to tell the user, as a sentence for a user interface; None if there is nothing they can do."""
        match self.state:
            case Broken(reason) | ProbablyBroken(reason):
                return explanation(reason)
            case Expiring(at, refresh_helps=False):
                return f"This connection ends on {at:%Y-%m-%d}. Please connect again before."
            case _:
                return None


def health(
    link: Link,
    now: datetime,
    traits: ProviderTraits | None = None,
    *,
    ahead: timedelta = AHEAD,
    not_encrypted: bool = False,
    of_former_client: bool = False,
) -> Health:
    """Say how a link is doing. Without ``traits`` nothing is concluded from the provider's habits.

    ``ahead`` is how long before its end a link is expiring, at most; a link that lasts shortly is so in the
    last fifth of its life. ``not_encrypted`` and ``of_former_client`` the link does not know by itself.

    :raises ValueError: if ``now`` is naive.
    """
    now = aware_utc(now)
    state = _broken(link, now) or _suspected(link) or _expiring(link, now, traits, ahead) or Healthy()
    return Health(
        state,
        not_encrypted=not_encrypted,
        of_former_client=of_former_client,
        fenced=is_fenced(link),
        doubtful=is_held(link),
    )


def _broken(link: Link, now: datetime) -> Broken | None:
    expires_at = link.tokens.expires_at
    works_until = expires_at if expires_at is not None and now < expires_at else None
    mark = link.current_failure
    if mark is not None and mark.permanent:
        return Broken(mark.reason, mark.at, works_until)
    if link.tokens.refresh_token is None and expires_at is not None and works_until is None:
        return Broken(NO_REFRESH_TOKEN, expires_at)
    return None


def _suspected(link: Link) -> ProbablyBroken | None:
    mark = link.current_failure
    if mark is None or not is_suspected(link):
        return None
    return ProbablyBroken(mark.reason, mark.at, mark.retry_at)


def _expiring(link: Link, now: datetime, traits: ProviderTraits | None, ahead: timedelta) -> Expiring | None:
    return expiring(Lifetimes.of(link), now, traits, ahead=ahead)


@final
@attrs.frozen(kw_only=True)
class Lifetimes:
    """What a link's end depends on."""

    created_at: datetime
    updated_at: datetime
    refreshable: bool
    """Whether there is a refresh token."""
    issued_at: datetime | None
    expires_at: datetime | None
    refresh_token_expires_at: datetime | None

    @classmethod
    def of(cls, link: Link) -> Lifetimes:
        """Return those of a link."""
        return cls(
            created_at=link.created_at,
            updated_at=link.updated_at,
            refreshable=link.tokens.refresh_token is not None,
            issued_at=link.tokens.issued_at,
            expires_at=link.tokens.expires_at,
            refresh_token_expires_at=link.tokens.refresh_token_expires_at,
        )


def expiring(
    lifetimes: Lifetimes,
    now: datetime,
    traits: ProviderTraits | None = None,
    *,
    ahead: timedelta = AHEAD,
) -> Expiring | None:
    """Return how the link ends if that is soon, as :func:`health` has it."""
    end = known_end(lifetimes, traits)
    return end if end is not None and end.at - now <= warned_ahead(lifetimes, end, ahead) else None


def warned_ahead(lifetimes: Lifetimes, end: Expiring, ahead: timedelta = AHEAD) -> timedelta:
    """Return how long before that end it is soon."""
    # A refresh starts an idle time anew, as a new access token does its own. What ends a grant goes on
    # through all refreshes.
    begun = lifetimes.issued_at or lifetimes.updated_at
    if end.source in {"told", "grant"}:
        begun = min(begun, lifetimes.created_at)
    return min(ahead, (end.at - begun) / LIFETIME_SHARE)


def known_end(lifetimes: Lifetimes, traits: ProviderTraits | None = None) -> Expiring | None:
    """Return when the link ends if nothing is done, and who says so; None if nobody does."""
    if not lifetimes.refreshable:
        return None if lifetimes.expires_at is None else Expiring(lifetimes.expires_at, "access_token")
    idle = None if traits is None else traits.refresh_token_idle_lifetime
    at = lifetimes.refresh_token_expires_at
    # Providers without a word about it leave what their documentation says: see refresh_token_expiry.
    if at is None:
        return None if idle is None else Expiring(lifetimes.updated_at + idle, "idle")
    if idle is not None and lifetimes.issued_at is not None and at == lifetimes.issued_at + idle:
        return Expiring(at, "idle")
    by_consent = traits is not None and traits.refresh_token_lifetime is not None
    return Expiring(at, "grant" if by_consent else "told")
