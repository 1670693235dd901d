"""How eagerly to refresh, how long to wait, and what a provider is known to do on a refresh."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, cast, final

import attrs

from extauth.domain.rate_limit import RateLimit


def _span(attribute: attrs.Attribute[timedelta], value: object) -> timedelta:
    if not isinstance(value, timedelta):
        msg = f"{attribute.name} must be a timedelta, not {value!r}"
        raise TypeError(msg)
    return value


def positive(_: object, attribute: attrs.Attribute[timedelta], value: timedelta) -> None:
    """Validate a span of an attrs class: ``ValueError`` unless it is longer than zero, ``TypeError`` for
    a number in its place."""
    if _span(attribute, value) <= timedelta(0):
        msg = f"{attribute.name} must be longer than zero, not {value}"
        raise ValueError(msg)


def _not_negative(_: object, attribute: attrs.Attribute[timedelta], value: timedelta) -> None:
    if _span(attribute, value) < timedelta(0):
        msg = f"{attribute.name} must not be negative, not {value}"
        raise ValueError(msg)


def _limits(
    _: object, attribute: attrs.Attribute[Mapping[str, RateLimit]], value: Mapping[str, RateLimit]
) -> None:
    given = cast("object", value)
    limits = cast("Mapping[object, object]", given).values() if isinstance(given, Mapping) else [None]
    if not all(isinstance(each, RateLimit) for each in limits):
        msg = f"{attribute.name} must be RateLimit(...) by provider id, as in {{'github': RateLimit(...)}}"
        raise TypeError(msg)


@final
@attrs.frozen(kw_only=True)
class Backoff:
    """Waiting times that double: ``initial``, twice that, four times that, up to ``maximum``."""

    initial: timedelta = attrs.field(default=timedelta(seconds=1), validator=positive)
    maximum: timedelta = attrs.field(default=timedelta(minutes=5), validator=positive)

    def __attrs_post_init__(self) -> None:
        if self.maximum < self.initial:
            msg = f"maximum ({self.maximum}) must not be shorter than initial ({self.initial})"
            raise ValueError(msg)

    def delay(self, attempt: int, *, jitter: float = 0.0) -> timedelta:
        """Return how long to wait after the given failed attempt, the first being 1.

        ``jitter`` in [0, 1) takes up to half of it away, so that many waiters spread out.
        """
        # 2.0**1023 is the largest power that a float holds; the maximum is reached long before.
        doubled = self.initial.total_seconds() * 2.0 ** min(attempt - 1, 1000)
        return timedelta(seconds=min(doubled, self.maximum.total_seconds()) * (1 - jitter / 2))


@final
@attrs.frozen(kw_only=True)
class RefreshPolicy:
    """When to refresh and how long each part may take. All spans are positive unless said otherwise.

    :raises ValueError: when a span is out of bounds, or when an exchange with its save would not fit
        into the lease.
    """

    refresh_ahead: timedelta = attrs.field(default=timedelta(minutes=5), validator=_not_negative)
    """Refresh this long before expiry, while the access token is still handed out. Capped at a fifth
    of the token's lifetime, and spread over the links."""
    min_validity: timedelta = attrs.field(default=timedelta(seconds=10), validator=_not_negative)
    """A token that works for less than this is refreshed before it is handed out, if that succeeds.
    Capped at a fifth of the token's lifetime."""
    exchange_timeout: timedelta = attrs.field(default=timedelta(seconds=20), validator=positive)
    """The longest that one request to the provider may take, from connecting to the last byte."""
    lease_ttl: timedelta = attrs.field(default=timedelta(seconds=45), validator=positive)
    """How long a replica holds the right to exchange; a crashed one blocks others this long."""
    save_margin: timedelta = attrs.field(default=timedelta(seconds=5), validator=positive)
    """No exchange starts unless it fits into the lease with this much to spare for the save."""
    wait_timeout: timedelta = attrs.field(default=timedelta(seconds=60), validator=positive)
    """How long to wait for another replica's refresh before ``RefreshInProgress``, or for a turn at a
    provider that takes fewer requests than are wanted of it before ``ProviderUnavailable``."""
    retry: Backoff = attrs.field(
        default=Backoff(initial=timedelta(milliseconds=50), maximum=timedelta(seconds=1))
    )
    """Between attempts within one refresh: a request that was not sent, a save that failed."""
    sends: int = attrs.field(default=5, validator=attrs.validators.ge(1))
    """How often one refresh may send its request, where repeating it is safe."""
    cooldown: Backoff = attrs.field(default=Backoff())
    """Between refreshes of one link, or of one provider, that failed for the time being."""
    shutdown_grace: timedelta = attrs.field(default=timedelta(seconds=10), validator=_not_negative)
    """How long closing keeps trying to save a rotated token while the store is down."""
    hold_after_failover: timedelta = attrs.field(default=timedelta(seconds=10), validator=_not_negative)
    """For how long nothing is refreshed once the database was seen to have gone back, so that every replica
    puts back first what it knows. Postgres is looked at three times in that span; with zero it is not."""
    hold_doubtful: bool = False
    """Once the database was found to be restored, moved or copied while no replica ran, present no refresh
    token that may have been used up since until an operator agrees (``extauth restored --agree``). Access
    tokens are handed out as long as they work, then callers get :class:`~extauth.LinkDoubtful`. Needs
    ``hold_after_failover``."""
    rate_limits: Mapping[str, RateLimit] = attrs.field(
        factory=dict[str, RateLimit], validator=_limits, hash=False
    )
    """By provider id, the most that this process sends it. Others' limits are found out by their answers."""
    remember_for: timedelta | None = attrs.field(default=None, validator=attrs.validators.optional(positive))
    """Serve a link that was read from memory for this long, without asking the store; None: never. What this
    process writes is seen at once, what others write after so long at the latest."""
    remember_most: int = attrs.field(default=10_000, validator=attrs.validators.ge(0))
    """How many links this process remembers, those that were used last, at about 1.5 KB each: for
    ``remember_for``, and to put the newest tokens back where the database has lost them in a failover to a
    standby that was behind, or by a restored backup."""

    def __attrs_post_init__(self) -> None:
        if self.exchange_timeout + self.save_margin > self.lease_ttl:
            msg = (
                f"lease_ttl ({self.lease_ttl}) must cover exchange_timeout ({self.exchange_timeout})"
                f" and save_margin ({self.save_margin}); raise it or shorten them"
            )
            raise ValueError(msg)
        if self.hold_doubtful and not self.hold_after_failover:
            msg = "hold_doubtful needs hold_after_failover: with zero nobody looks for a restored database"
            raise ValueError(msg)

    def lease_at(self, traits: ProviderTraits) -> timedelta:
        """Return how long a lease on a link of such a provider is to last.

        Where the provider forgives for a while that a refresh token is presented again, the lease of a
        replica that was killed ends within that while, if an exchange and its save fit into it: so another
        one presents the token again in time, and the link outlives the lost reply.
        """
        if traits.replay_window is None or not traits.rotates:
            return self.lease_ttl
        to_spare = self.save_margin / 2
        shorter = traits.replay_window - to_spare
        fits = shorter >= self.exchange_timeout + self.save_margin + to_spare
        return min(self.lease_ttl, shorter) if fits else self.lease_ttl


@final
@attrs.frozen(kw_only=True)
class ProviderTraits:
    """What a provider is known to do on a refresh. The defaults are the strictest case."""

    rotates: bool = True
    """Each refresh gives a new refresh token and the old one dies."""
    replay_window: timedelta | None = attrs.field(default=None, validator=attrs.validators.optional(positive))
    """For how long after a refresh the old refresh token may be presented again without harm."""
    refresh_revokes_access_token: bool = False
    """A refresh kills the current access token at once, so nobody is handed it meanwhile."""
    reuse_revokes_account: bool = False
    """A refresh token that was used before ends all that its account has granted to the client, not its own
    grant alone. Other links of the user then count as something to lose."""
    refresh_token_idle_lifetime: timedelta | None = attrs.field(
        default=None, validator=attrs.validators.optional(positive)
    )
    """A refresh token dies when it was not used for this long; each refresh starts it anew."""
    refresh_token_lifetime: timedelta | None = attrs.field(
        default=None, validator=attrs.validators.optional(positive)
    )
    """A grant dies this long after the user's consent, however much it is used."""
    rate_limit_per_client: bool = False
    """The limit on requests to the token endpoint is known to be the client's, so that one link which is told
    to wait speaks for all. Otherwise a second one must be told the same."""

    def tolerates_replay(self, age: timedelta) -> bool:
        """Whether a refresh token first presented ``age`` ago may be presented again."""
        return not self.rotates or (self.replay_window is not None and age < self.replay_window)


STRICTEST: Final = ProviderTraits()
"""What a provider is taken for of which nothing is known."""
