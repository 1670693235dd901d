"""When another's lease counts as over, although the store's clock may jump.

A lease ends by the store's clock, which all replicas share. If it is set ahead, every lease seems to be over
while its holder still presents a refresh token; if it is set back, the lease of a crashed replica seems to
last for hours. So a replica compares: since it last saw the store's clock, that and its own monotonic clock
have moved by the same, or one of them cannot be believed. While that is so it goes by its own: a lease that
it has seen unchanged for as long as leases of its holder last is over, whatever the store says, because the
holder stops before that.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, final

import attrs

NOTHING: Final = timedelta(0)
AT_ONCE: Final = timedelta(milliseconds=1)
"""How long a lease is claimed for that is to lapse instead of being given back."""
_UNIT: Final = "us"
_DRAWN: Final = 32
"""Hexadecimal digits of an owner's number."""
_MICROSECOND: Final = timedelta(microseconds=1)


@final
@attrs.frozen
class Moment:
    """The store's clock as a replica saw it, and its own monotonic clock, in seconds, before and after."""

    store: datetime
    asked: float
    answered: float


@final
@attrs.frozen
class StoreClock:
    """What a replica knows of the store's clock. ``tolerance`` is what is no jump yet, ``horizon`` how long
    small steps may add up unnoticed; both are positive."""

    tolerance: timedelta
    horizon: timedelta
    last: Moment | None = None
    """What later moments are compared with."""
    doubted_at: float | None = None
    """When it last could not be believed, on the monotonic clock."""
    went_back: timedelta = NOTHING
    """By how much in all, as far as this replica has seen: exchanges are older than the store says."""

    def seeing(self, moment: Moment) -> StoreClock:
        """Return what is known after another look."""
        if moment.answered - moment.asked > self.tolerance.total_seconds():
            # It could have jumped by that much without being found out.
            return attrs.evolve(self, doubted_at=moment.answered)
        last = self.last
        if last is None:
            return attrs.evolve(self, last=moment)
        moved = (moment.store - last.store).total_seconds()
        ahead = moved - (moment.answered - last.asked)
        behind = (moment.asked - last.answered) - moved
        if max(ahead, behind) > self.tolerance.total_seconds():
            back = timedelta(seconds=max(behind, 0.0))
            return attrs.evolve(
                self, last=moment, doubted_at=moment.answered, went_back=self.went_back + back
            )
        if moment.asked - last.answered > self.horizon.total_seconds():
            return attrs.evolve(self, last=moment)
        return self

    def believed(self, now: float, ttl: timedelta) -> bool:
        """Whether it can be believed of a lease of that length: one that was taken before a jump is over when
        that long has passed since."""
        return self.doubted_at is None or now - self.doubted_at >= ttl.total_seconds()


def wait_for_lease(left: timedelta, watched: timedelta, ttl: timedelta, *, believed: bool) -> timedelta:
    """Return how long at most another's lease is to be waited for from now on; none if it is over.

    ``left`` is what the store says, negative if it has lapsed, and ``believed`` whether its clock can be;
    ``watched`` is for how long this replica has seen the lease unchanged on its own clock.
    """
    longest = max(ttl - watched, NOTHING)
    return min(max(left, NOTHING), longest) if believed else longest


def lease_owner(drawn: int, ttl: timedelta) -> str:
    """Name an owner like no other, so that whoever sees its lease knows for how long its leases last."""
    return f"{drawn:0{_DRAWN}x}-{ttl // _MICROSECOND}{_UNIT}"


def lease_ttl(owner: str) -> timedelta | None:
    """Return how long the leases of this owner last, or None if its name does not say."""
    drawn, _, said = owner.partition("-")
    micros = said.removesuffix(_UNIT)
    if len(drawn) != _DRAWN or micros == said or not (micros.isascii() and micros.isdigit()):
        return None
    return timedelta(microseconds=int(micros))
