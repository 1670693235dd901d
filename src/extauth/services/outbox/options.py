"""How events are delivered. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, final

import attrs

from extauth.domain.health import AHEAD
from extauth.domain.policy import positive

RETRIES: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long after each failed attempt comes the next: the example of Standard Webhooks 1.0.0 ("Deliverability
and reliability", https://github.com/standard-webhooks/standard-webhooks, read 2026-11-29)."""


def _retries(_: object, __: object, value: Sequence[timedelta]) -> None:
    if any(delay <= timedelta(0) for delay in value):
        msg = "retries must be longer than zero"
        raise ValueError(msg)


@final
@attrs.frozen(kw_only=True)
class DeliveryOptions:
    """How events are delivered. All spans are positive.

    :raises ValueError: if one is not.
    """

    timeout: timedelta = attrs.field(default=timedelta(seconds=30), validator=positive)
    """How long a handler may take for one event; then it is cancelled, and the event delivered again."""
    poll: timedelta = attrs.field(default=timedelta(seconds=5), validator=positive)
    """How often is looked for events when there were none."""
    retries: Sequence[timedelta] = attrs.field(default=RETRIES, validator=_retries)
    """How long after each failed attempt comes the next; after the last one the event is set aside. Up to a
    tenth is added at random."""
    at_once: int = attrs.field(default=10, validator=attrs.validators.ge(1))
    """How many events of different links are delivered at the same time."""
    ahead: timedelta = attrs.field(default=AHEAD, validator=positive)
    """How long before its end a link is expiring: see :meth:`extauth.Auth.health`."""
    look_every: timedelta = attrs.field(default=timedelta(hours=1), validator=positive)
    """How often is looked for links that end soon."""
    lease: timedelta = attrs.field(default=timedelta(seconds=30), validator=positive)
    """For how much longer than ``timeout`` an event stays a replica's own. If that crashed, another one
    delivers it after both."""

    def retry_after(self, attempt: int, draw: float) -> timedelta | None:
        """Return how long after that failed attempt, the first being 1, comes the next; None if none does.

        ``draw`` in [0, 1) spreads those of many events.
        """
        return None if attempt > len(self.retries) else self.retries[attempt - 1] * (1 + draw / 10)

    @property
    def attempts(self) -> int:
        """How often an event is tried in all."""
        return len(self.retries) + 1
