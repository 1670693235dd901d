"""Leaving a link, or the whole provider, alone for a while, in this process."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, final

import attrs

from extauth.domain.errors import ExtAuthError, ProviderUnavailable
from extauth.domain.link import Link, LinkKey
from extauth.domain.outcomes import RATE_LIMITED, Deferred, Unknown
from extauth.domain.pauses import ProviderPause
from extauth.domain.policy import Backoff, ProviderTraits
from extauth.domain.ports import Clock
from extauth.domain.provider_trouble import ONE_CAUSE, SEVERAL_REJECTED, SEVERAL_THROTTLED, Troubles
from extauth.domain.registered_clients import CLIENT_FORGOTTEN
from extauth.services.errors import client_rejected, reauthorization_required
from extauth.services.refresh.turns import Turns

_THROTTLED: Final = "throttled"
"""The kind of all trouble that came with a time to wait; others are called by their error code."""

_MANY_LINKS: Final = 1000
"""From so many on, links whose rejection is long past are looked for and forgotten."""


@final
@attrs.frozen
class _Rejection:
    """The last of a row of rejections of the client, when one link was refreshed or several were."""

    code: str
    since: float
    """On the monotonic clock, as is ``until``."""
    until: float
    in_a_row: int
    version: int = 0
    """Of the link, if it is one's: a new authorization is another matter."""
    suspicion: str | None = None
    """What in the application's settings may be the cause."""


@final
@attrs.define
class _Provider:
    """What is known of one provider. Written by :class:`ProviderPauses` alone."""

    troubles: Troubles = attrs.field(factory=Troubles)
    rejection: _Rejection | None = None
    """The last time that several links were rejected alike, until a success."""
    wait_until: float = 0.0
    """Until when the provider asked to be left alone."""


_UNTROUBLED: Final = _Provider()


@final
class ProviderPauses:
    """Which links and providers this process leaves alone, and why.

    A rejection of the client pauses the link that met it; a refused request and a request to wait are kept
    with the link in the store. Only where several different links meet the same does the provider pause for
    all of them, and never for refused requests. A success ends the pause of a rejected client, if its request
    was sent after the pause had begun; what the provider asked for itself holds as long as it asked.
    """

    def __init__(self, clock: Clock, cooldown: Backoff, turns: Turns) -> None:
        self._clock = clock
        self._cooldown = cooldown
        self._turns = turns
        self._providers: dict[str, _Provider] = {}
        self._links: dict[LinkKey, _Rejection] = {}
        """Links for which the client was rejected; each counts for one version of its link."""

    def put_off(
        self, provider_id: str, link: Link, outcome: Deferred | Unknown, traits: ProviderTraits
    ) -> None:
        """Take note that a refresh of this link failed for now, which may be a request to wait (RFC 9110
        section 10.2.3).

        One link speaks for all where the limit is known to be the client's, and where another one was told
        the same lately; an outage is no limit.
        """
        if outcome.retry_after is None and outcome.code != RATE_LIMITED:
            return
        if isinstance(outcome, Deferred) and outcome.of_grant:
            return
        of_rate = isinstance(outcome, Deferred)
        of_client = traits.rate_limit_per_client or self._turns.speaks_for_all(provider_id, link.key)
        wait = outcome.retry_after or self._cooldown.initial
        several = self._met(provider_id, _THROTTLED, link.key, SEVERAL_THROTTLED, within=max(wait, ONE_CAUSE))
        if several or (of_rate and of_client):
            wait = self._turns.refused(provider_id, link.key, wait, of_rate=of_rate)
            provider, now = self._providers[provider_id], self._clock.monotonic()
            provider.wait_until = max(provider.wait_until, now + wait.total_seconds())

    def refused(self, provider_id: str, link: Link, code: str) -> bool:
        """Take note that this link's request was refused with a code that is not the client's.

        That pauses nobody; the link's own pause is kept in the store. Returns whether several different
        links were refused so, with no success between, which an operator should know.
        """
        failure = link.current_failure
        last = None if failure is None else failure.reason
        return self._met(provider_id, code, link.key, SEVERAL_REJECTED, last=last)

    def rejected(self, provider_id: str, link: Link, code: str, suspicion: str | None = None) -> None:
        """Take note that the client was rejected when this link was refreshed.

        The link is left alone for longer each time, and with enough different ones the whole provider: each
        time that this is over one more link may try, which may be the one that succeeds. A link that says
        the same again says nothing new; otherwise a few dead ones could keep all others away for ever.
        """
        before = self._own(link)
        self._forget_old()
        self._links[link.key] = self._next(before, code, link.version, suspicion)
        last = None if before is None else before.code
        several = self._met(provider_id, code, link.key, SEVERAL_REJECTED, last=last)
        provider, now = self._providers[provider_id], self._clock.monotonic()
        # Those that were under way when a pause began do not prolong it.
        paused = provider.rejection is not None and now < provider.rejection.until
        if several and not paused:
            provider.rejection = self._next(None, code, suspicion=suspicion)

    def succeeded(self, provider_id: str, asked_at: float) -> None:
        """Take note that the provider refreshed a link when asked at that time of the monotonic clock."""
        provider = self._providers.get(provider_id)
        if provider is None:
            return
        provider.troubles = provider.troubles.after_success(asked_at)
        if provider.rejection is not None and provider.rejection.since <= asked_at:
            provider.rejection = None

    def paused(self, provider_id: str, link: Link) -> bool:
        """Whether this link must not be refreshed now."""
        return self._waits(provider_id) or self._rejection(provider_id, link) is not None

    def error(self, provider_id: str, link: Link) -> ExtAuthError | None:
        """Return what to raise instead of refreshing this link now, or None if that may be tried.

        Who is told to wait has a turn of its own after the pause.
        """
        rejection = self._rejection(provider_id, link)
        if rejection is not None:
            if rejection.code == CLIENT_FORGOTTEN:
                return reauthorization_required(link.key, CLIENT_FORGOTTEN)
            return client_rejected(provider_id, rejection.code, rejection.suspicion)
        if not self._waits(provider_id):
            return None
        return ProviderUnavailable(
            f"{provider_id} asked to be left alone for a while",
            retry_after=self._turns.come_back_after(provider_id, link.key),
        )

    def of_providers(self) -> list[ProviderPause]:
        """Return the pauses that hold now for all links of a provider, by provider."""
        now = self._clock.monotonic()
        found: list[ProviderPause] = []
        for provider_id, known in sorted(self._providers.items()):
            ends = [(known.wait_until, RATE_LIMITED)]
            if known.rejection is not None:
                ends.append((known.rejection.until, known.rejection.code))
            until, reason = max(ends)
            if until > now:
                found.append(ProviderPause(provider_id, reason, timedelta(seconds=until - now)))
        return found

    def _waits(self, provider_id: str) -> bool:
        return self._providers.get(provider_id, _UNTROUBLED).wait_until > self._clock.monotonic()

    def _rejection(self, provider_id: str, link: Link) -> _Rejection | None:
        now = self._clock.monotonic()
        for rejection in (self._own(link), self._providers.get(provider_id, _UNTROUBLED).rejection):
            if rejection is not None and now < rejection.until:
                return rejection
        return None

    def _own(self, link: Link) -> _Rejection | None:
        known = self._links.get(link.key) if self._links else None
        return known if known is not None and known.version == link.version else None

    def _met(
        self,
        provider_id: str,
        kind: str,
        key: LinkKey,
        several: int,
        *,
        last: str | None = None,
        within: timedelta = ONE_CAUSE,
    ) -> bool:
        """Take note of trouble; whether it is news, and ``several`` links have met the same."""
        now = self._clock.monotonic()
        provider = self._providers.setdefault(provider_id, _Provider())
        provider.troubles = provider.troubles.after_failure(kind, key, now, last=last)
        since = now - within.total_seconds()
        return kind != last and provider.troubles.of_provider(kind, several, since=since)

    def _next(
        self, before: _Rejection | None, code: str, version: int = 0, suspicion: str | None = None
    ) -> _Rejection:
        now = self._clock.monotonic()
        in_a_row = 1 if before is None else before.in_a_row + 1
        until = now + self._cooldown.delay(in_a_row).total_seconds()
        return _Rejection(code, now, until, in_a_row, version, suspicion)

    def _forget_old(self) -> None:
        if len(self._links) >= _MANY_LINKS:
            latest = self._clock.monotonic() - self._cooldown.maximum.total_seconds()
            self._links = {key: known for key, known in self._links.items() if known.until > latest}
