"""What is written beside a link whose refresh has failed for the time being."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import final

from extauth.domain.link import Link, RefreshFailure
from extauth.domain.policy import Backoff
from extauth.domain.ports import Clock
from extauth.domain.probably_dead import PROBABLY_DEAD, is_suspected, suspicion


@final
class TemporaryMarks:
    """Makes marks whose pauses grow with each failure in a row."""

    def __init__(self, clock: Clock, cooldown: Backoff, rng: random.Random) -> None:
        self._clock = clock
        self._cooldown = cooldown
        self._rng = rng

    def failed(self, link: Link, code: str, retry_after: timedelta | None) -> RefreshFailure:
        """Return the mark of one more failure, which lasts at least as long as the provider asked for."""
        before = link.current_failure
        attempts = 1 if before is None else before.attempts + 1
        pause = self._cooldown.delay(attempts, jitter=self._rng.random())
        pause = max(pause, retry_after or timedelta(0))
        now = self._clock.now()
        # An outage in between says nothing against what is suspected.
        reason = PROBABLY_DEAD if is_suspected(link) else code
        return RefreshFailure(reason, now, link.version, retry_at=now + pause, attempts=attempts)

    def suspected(self, link: Link, tries: int) -> RefreshFailure:
        """Return the mark of a link that is probably dead."""
        return suspicion(link, self._clock.now(), tries)
