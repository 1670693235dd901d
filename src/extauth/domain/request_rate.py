"""How fast requests may go to a provider whose limit nobody has told. Pure.

Two things are learned of its answers. How many may be under way at once: few at first, and more as they are
served while others wait, so that the requests that are already on their way when the first one is refused are
few. And how many it takes in a second: what it has served between two refusals, divided by the time between
them, is exactly what a bucket lets through that was empty at both ends, and a window as well. After a refusal
requests are spaced a little wider than that, and then closer and closer, slowly around the speed that was
refused and fast far beyond it, as CUBIC does (RFC 9438 section 4.2): a limit that was raised is found again,
and one that was not costs a refusal now and then.
"""

from __future__ import annotations

from typing import Final, final

import attrs

from extauth.domain.copies import changed

FIRST_WINDOW: Final = 6.0
"""Requests that may be under way before anything is known. At a provider that takes 5 a second about as many
are refused, once; at one without a limit 1,000 at once take about eleven round trips, the first time."""

_GROWTH: Final = 0.5
"""By how much each answer widens the window while others wait: half as many again for each round trip."""

_SHARE: Final = 0.1
"""Which part of the speed is given up after a refusal, and won back in the time below."""

_SHORTEST_CLIMB: Final = 5.0
"""Seconds until the speed that was refused is reached again, at least."""

_PAUSES_TO_CLIMB: Final = 5
"""How many pauses long that takes. A speed that is no more than a guess doubles after each."""

_MOST_DOUBLINGS: Final = 30
"""After that it is no limit at all."""

_UNUSED: Final = 1.1
"""By how much more the provider may take than was counted, as it was asked for nothing in the pause."""

_SAFE: Final = 0.4
"""Which part of a guess that was doubled too often was certainly not too much."""

_TELLING: Final = 10
"""From so many answers on what was counted of them is more than chance."""

_LEAST_WINDOW: Final = 2.0
"""However often requests are refused."""

_SHORTEST_TIME: Final = 0.001
"""Seconds to divide by, so that it is never by none."""

_LONGEST_BACKOFF: Final = 64.0
"""Seconds that the pause is made longer by at most, if one request after another is refused."""


@final
@attrs.frozen
class RequestRate:
    """What is known of one provider. Times are in seconds on the monotonic clock."""

    window: float = FIRST_WINDOW
    """How many requests may be under way."""
    refused_at: float | None = None
    """How many in a second were too many; None if none has been."""
    resumes: float = 0.0
    """When the last pause ends, or ended."""
    paused_at: float | None = None
    """When it began."""
    climb: float = _SHORTEST_CLIMB
    """How long it takes from there to reach the speed that was refused."""
    guessed: bool = False
    """Whether that is no more than a guess: then it doubles each time instead."""
    sample: int = 0
    """How many answers that was counted from."""
    probing: bool = False
    """Whether nothing has been answered since the pause: then one request goes, to see."""
    since: float | None = None
    """From when on those below are counted: the last refusal, or when others began to wait; None if nobody
    does."""
    served: int = 0
    in_vain: int = 0
    """How many pauses in a row ended with a refusal."""

    def per_second(self, now: float) -> float | None:
        """Return how many requests may be sent in a second; None if no limit is known."""
        if self.refused_at is None:
            return None
        climbed = max(now - self.resumes, 0) / self.climb
        if self.guessed:
            return self.refused_at * 2 ** min(climbed, _MOST_DOUBLINGS)
        return self.refused_at * (1 + _SHARE * (climbed - 1) ** 3)

    @property
    def known(self) -> bool:
        """Whether the speed is good enough to tell somebody a time by it."""
        return self.refused_at is not None and not self.guessed and self.sample >= _TELLING

    def seen(self, now: float) -> float:
        """Return how many requests were served in a second of late, while others waited; 0 if nobody does."""
        return 0.0 if self.since is None or now <= self.since else self.served / (now - self.since)

    def under_way(self) -> float:
        """Return how many requests may be under way at once."""
        return 1 if self.probing else self.window

    def crowded(self, now: float) -> RequestRate:
        """Others have begun to wait: from now on the provider is asked for all that it gives."""
        return attrs.evolve(self, since=now, served=0)

    def after_answer(self, sent: float, *, crowded: bool) -> RequestRate:
        """A request was processed, whatever came of it; ``crowded`` if the window kept others waiting."""
        return changed(
            self,
            served=self.served + 1,
            probing=self.probing and sent < self.resumes,
            in_vain=self.in_vain if sent < self.resumes else 0,
            window=self.window + _GROWTH if crowded else self.window,
        )

    def after_refusal(
        self, sent: float, now: float, wait: float, *, crowded: bool, of_rate: bool = True
    ) -> RequestRate:
        """The provider asked to be left alone for that long: for too many requests, or for an outage.

        Of those that were sent together only the first to be refused says something about the speed, and that
        only if others wait, since else the provider may take more than was wanted of it.
        """
        if self.paused_at is not None and (self.resumes > now or sent < self.paused_at):
            return attrs.evolve(self, resumes=max(self.resumes, now + wait))
        in_vain = 0 if self.served else self.in_vain + 1
        wait = max(wait, min(2.0 ** (in_vain - 2), _LONGEST_BACKOFF) if in_vain > 1 else 0)
        refused_at, guessed = self.refused_at, self.refused_at is None or (self.guessed and not self.served)
        sample = self.sample
        if of_rate and crowded and self.served and self.since is not None:
            # The first time nobody knows how full the bucket was; but it will be empty for so long.
            took = now - self.since + (wait if refused_at is None else 0)
            counted = self.served / max(took, _SHORTEST_TIME)
            speed = self.per_second(now)
            least = speed * _SAFE if speed is not None and self.guessed else 0.0
            sample = self.served
            refused_at = counted if speed is None else min(speed, max(counted * _UNUSED, least))
        return RequestRate(
            window=max(self.window / 2, _LEAST_WINDOW) if refused_at is None else FIRST_WINDOW,
            refused_at=refused_at,
            resumes=now + wait,
            paused_at=now,
            climb=wait if guessed else max(wait * _PAUSES_TO_CLIMB, _SHORTEST_CLIMB),
            guessed=guessed,
            sample=sample,
            probing=True,
            since=now if crowded else None,
            in_vain=in_vain,
        )
