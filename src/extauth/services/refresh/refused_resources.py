"""Resources for which a link was refused a token (RFC 8707), as far as this process has seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, TypeGuard, final

import attrs

from extauth.domain.errors import ExtAuthError
from extauth.domain.events import RefreshFailed
from extauth.domain.link import Link, LinkKey
from extauth.domain.outcomes import ClientRejected, Deferred, ExchangeOutcome
from extauth.domain.policy import Backoff
from extauth.domain.ports import Clock
from extauth.domain.probably_dead import may_mean_dead
from extauth.domain.provider_trouble import speaks_of_client
from extauth.services.errors import resource_refused
from extauth.services.events import EventEmitter
from extauth.services.refresh.request import TokenRequest

_MANY: Final = 1000
"""From so many on, those whose pause is over are looked for and forgotten."""


@final
@attrs.frozen
class _Refusal:
    code: str
    version: int
    """Of the link: what another version is told is another matter."""
    in_a_row: int
    until: float
    """On the monotonic clock."""


@final
class RefusedResources:
    """Leaves each alone for a while, and the link's other tokens out of it.

    A resource that the provider does not know, or does not give this client, is refused in as many words as
    a wrong request is. Such a mark on the link would keep a grant that works from its refresh.
    """

    def __init__(self, clock: Clock, cooldown: Backoff, emitter: EventEmitter) -> None:
        self._clock = clock
        self._cooldown = cooldown
        self._emitter = emitter
        self._refused: dict[tuple[LinkKey, str], _Refusal] = {}

    def note(self, request: TokenRequest, link: Link, outcome: ExchangeOutcome) -> ExtAuthError | None:
        """Take note of what a refresh of this link came to; return what to raise if a resource was refused.

        That is what speaks of neither the client nor the grant for certain, and comes without a time to wait.
        """
        if request.resource is None or not _may_be_of_resource(outcome):
            return None
        now = self._clock.monotonic()
        before = self._refused.get((link.key, request.resource))
        in_a_row = before.in_a_row + 1 if before is not None and before.version == link.version else 1
        pause = self._cooldown.delay(in_a_row)
        self._forget_old(now)
        self._refused[link.key, request.resource] = _Refusal(
            outcome.code, link.version, in_a_row, now + pause.total_seconds()
        )
        self._emitter.emit(RefreshFailed(link.key, link.version, outcome.code, pause))
        return resource_refused(link.key, outcome.code, pause)

    def error(self, request: TokenRequest, link: Link) -> ExtAuthError | None:
        """Return what to raise instead of asking for this resource now, or None if that may be tried."""
        if request.resource is None or not self._refused:
            return None
        refusal = self._refused.get((link.key, request.resource))
        left = 0.0 if refusal is None else refusal.until - self._clock.monotonic()
        if refusal is None or left <= 0 or refusal.version != link.version:
            return None
        return resource_refused(link.key, refusal.code, timedelta(seconds=left))

    def _forget_old(self, now: float) -> None:
        if len(self._refused) >= _MANY:
            self._refused = {each: known for each, known in self._refused.items() if known.until > now}


def _may_be_of_resource(outcome: ExchangeOutcome) -> TypeGuard[ClientRejected | Deferred]:
    match outcome:
        case ClientRejected(code):
            return not speaks_of_client(code)
        case Deferred(_, retry_after):
            return retry_after is None and may_mean_dead(outcome)
        case _:
            return False
