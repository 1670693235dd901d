"""The whole refresh decision, as pure functions of a link, the time, the policy and the traits."""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta
from typing import TypeAlias, final

import attrs

from extauth.domain.fence import NEVER, STANDING
from extauth.domain.link import Link, LinkKey
from extauth.domain.policy import ProviderTraits, RefreshPolicy
from extauth.domain.storable import aware_utc

LIFETIME_SHARE = 5
"""Looking ahead never takes more than one part in this many of a token's lifetime."""

SATISFIABLE_SHARE = 0.9
"""No caller can be sure of a token for more than this part of its lifetime."""


@final
@attrs.frozen
class Serve:
    """Hand out the access token as it is."""


@final
@attrs.frozen
class ServeAndRefresh:
    """Hand out the access token, and refresh behind the caller's back."""


@final
@attrs.frozen
class Refresh:
    """Refresh first; hand out what comes of it."""


@final
@attrs.frozen
class Reauthorize:
    """The user must authorize again."""

    reason: str


@final
@attrs.frozen
class CoolDown:
    """A refresh failed for the time being, and it is too early for another."""

    retry_at: datetime
    reason: str


Decision: TypeAlias = Serve | ServeAndRefresh | Refresh | Reauthorize | CoolDown

SERVE = Serve()
SERVE_AND_REFRESH = ServeAndRefresh()
REFRESH = Refresh()


def decide(
    link: Link,
    now: datetime,
    policy: RefreshPolicy,
    traits: ProviderTraits,
    *,
    rejected: bool = False,
    valid_for: timedelta | None = None,
) -> Decision:
    """Say what to do for a caller who needs an access token of ``link``.

    ``rejected`` says that an API has refused the access token already; ``valid_for`` for how long the caller
    needs it. While the access token works it is handed out whatever the state of the refresh, except that a
    caller waits for a refresh that will not take long, that kills the token or that gives one for longer.

    :raises ValueError: if ``now`` is naive.
    """
    if not access_token_works(link, now, rejected=rejected):
        return blocked(link, now) or REFRESH
    # The spread may bring the look-ahead closer to the expiry than min_validity, which holds all the same.
    early = (
        _doomed(link, traits)
        or _due(link, now, policy.refresh_ahead, spread=True)
        or _due(link, now, policy.min_validity, spread=False)
        or too_short(link, now, valid_for)
    )
    if not early and link.failure is None:
        return SERVE  # almost always
    block = blocked(link, now)
    if isinstance(block, Reauthorize):
        # Without a known expiry a rejected grant is the best sign that the access token is dead too.
        dead_too = link.tokens.refresh_token is not None and link.tokens.expires_at is None
        return block if dead_too else SERVE
    if isinstance(block, CoolDown) or not early:
        return SERVE
    return _early(link, now, policy, traits, valid_for)


def blocked(link: Link, now: datetime) -> Reauthorize | CoolDown | None:
    """Say what speaks against a refresh of ``link`` now, whether or not it is needed; None if nothing does.

    :raises ValueError: if ``now`` is naive.
    """
    now = aware_utc(now)
    if link.tokens.refresh_token is None:
        return Reauthorize("no_refresh_token")
    failure = link.current_failure
    if failure is None:
        return None
    if failure.permanent:
        return Reauthorize(failure.reason)
    if failure.reason in STANDING:
        return CoolDown(NEVER, failure.reason)  # whatever the clock says
    # A clock that went back before the failure must not stretch the pause.
    if failure.retry_at is not None and failure.at <= now < failure.retry_at:
        return CoolDown(failure.retry_at, failure.reason)
    return None


def _doomed(link: Link, traits: ProviderTraits) -> bool:
    """Whether an exchange under way is about to kill the access token."""
    return traits.refresh_revokes_access_token and link.pending is not None and link.pending.live


def _early(
    link: Link, now: datetime, policy: RefreshPolicy, traits: ProviderTraits, valid_for: timedelta | None
) -> Decision:
    """Decide inside the look-ahead, or about a token that is doomed or short, while it still works."""
    wait = (
        traits.refresh_revokes_access_token
        or _due(link, now, policy.min_validity, spread=False)
        or too_short(link, now, valid_for)
    )
    pending = link.pending
    if pending is not None:
        if pending.live:
            return REFRESH if wait else SERVE
        if not traits.tolerates_replay(now - pending.since):
            # The provider may have spent the refresh token in an exchange that nobody saw the end
            # of. Presenting it again could revoke the access token that still works.
            return SERVE
    return REFRESH if wait else SERVE_AND_REFRESH


def access_token_works(link: Link, now: datetime, *, rejected: bool = False) -> bool:
    """Whether the access token can be expected to work at ``now``; at its expiry it does not.

    :raises ValueError: if ``now`` is naive.
    """
    now = aware_utc(now)
    expires_at = link.tokens.expires_at
    return not rejected and (expires_at is None or now < expires_at)


def too_short(link: Link, now: datetime, valid_for: timedelta | None) -> bool:
    """Whether the access token works for less than ``valid_for``, and a new one may do better.

    Where the provider's tokens do not live so long, none would: then one counts as short in the second half
    of its life, lest each call refresh it in vain. A token without a known expiry is never short.

    :raises ValueError: if ``now`` is naive.
    """
    expires_at = link.tokens.expires_at
    if valid_for is None or expires_at is None:
        return False
    lifetime = outlived(link, valid_for)
    return expires_at - aware_utc(now) < (valid_for if lifetime is None else lifetime / 2)


def outlived(link: Link, valid_for: timedelta) -> timedelta | None:
    """Return how long access tokens like that of ``link`` live, if that is too short for ``valid_for``.

    A tenth of their life is left to get and to use them: else each call would get another one. None also
    where nothing is known of it: a link's first token need not be like those that refreshes bring.
    """
    if link.tokens.expires_at is None or link.tokens.issued_at is None or link.version == 1:
        return None
    lifetime = lifetime_of(link, link.tokens.expires_at)
    return lifetime if valid_for > lifetime * SATISFIABLE_SHARE else None


def may_present(
    traits: ProviderTraits, *, unresolved_for: timedelta | None, access_token_works: bool
) -> bool:
    """Whether the refresh token may be presented, given an earlier exchange with unknown end.

    If there is one, only where the provider tolerates a replay of that age, or where nothing is left
    to lose.
    """
    return unresolved_for is None or not access_token_works or traits.tolerates_replay(unresolved_for)


def _due(link: Link, now: datetime, ahead: timedelta, *, spread: bool) -> bool:
    expires_at = link.tokens.expires_at
    if expires_at is None:
        return False
    left = expires_at - now
    if left > ahead:
        return False
    ahead = min(ahead, lifetime_of(link, expires_at) / LIFETIME_SHARE)
    return left <= (ahead * spread_of(link.key) if spread else ahead)


def served_until(link: Link, policy: RefreshPolicy) -> datetime | None:
    """Return until when :func:`decide` would serve the access token of a link without marks, as it is, to
    whoever does not say for how long; None: for ever.
    """
    expires_at = link.tokens.expires_at
    if expires_at is None:
        return None
    most = lifetime_of(link, expires_at) / LIFETIME_SHARE
    early = min(policy.refresh_ahead, most) * spread_of(link.key)
    return expires_at - max(early, min(policy.min_validity, most))


def lifetime_of(link: Link, expires_at: datetime) -> timedelta:
    """Return for how long the access token that expires then was given."""
    return max(expires_at - (link.tokens.issued_at or link.updated_at), timedelta(0))


def spread_of(key: LinkKey) -> float:
    """Return a factor in (0.5, 1] that is the same in every process: links made together must not
    all refresh together."""
    digest = zlib.crc32(f"{key.provider_id}\0{key.user_id}".encode())
    return 1 - digest / 2**33
