"""When a link is probably dead, although nobody has said so in a way that is known. Pure.

Some servers answer a dead refresh token with ``invalid_request``, a bare 400 or a code of their own, as they
answer a wrong request. Nothing is concluded from that. But a link that is refused so again and again, for
long, while the same client goes on being served for others, is reported: its user can connect again, which
mends it if it is dead. It is tried on, ever more rarely, so that it works again by itself if it is not.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, TypeGuard, final

import attrs

from extauth.domain.link import Link, RefreshFailure
from extauth.domain.outcomes import ADDRESS_NOT_ALLOWED, ClientRejected, Deferred, ExchangeOutcome

PROBABLY_DEAD: Final = "probably_dead"
"""The reason of the mark, which is a temporary one."""

TRIES: Final = 10
"""How many refreshes of one version of a link must be refused in a row."""

SPAN: Final = timedelta(hours=1)
"""How long ago the first of them must be."""

FIRST_PAUSE: Final = timedelta(hours=1)
"""Until a link that is probably dead is tried again. Each pause is twice the one before."""

LONGEST_PAUSE: Final = timedelta(days=1)

_AMBIGUOUS: Final = frozenset({"unrecognized_error", "http_400", "http_401"})
"""Refusals without a code that is known. Other statuses come from gateways and rate limits, too."""


@final
@attrs.frozen
class Refusals:
    """Refusals of one version of a link, with nothing else between. Times are on the monotonic clock."""

    version: int
    tries: int
    first: float
    before: float
    """The last but one; the first, if there is only one."""
    last: float

    @classmethod
    def begin(cls, version: int, at: float) -> Refusals:
        """Return the first of a row."""
        return cls(version, 1, at, at, at)

    def again(self, at: float) -> Refusals:
        """Return the row with one more."""
        return Refusals(self.version, self.tries + 1, self.first, self.last, at)

    def probably_dead(self, served_at: float | None) -> bool:
        """Whether the link is probably dead.

        ``served_at`` is when the provider was last asked for another link's tokens and gave them. It must be
        since the last try but one, so that a client which is rejected for everybody by now is not taken for
        working.
        """
        return (
            self.tries >= TRIES
            and self.last - self.first >= SPAN.total_seconds()
            and served_at is not None
            and self.before < served_at
        )


def may_mean_dead(outcome: ExchangeOutcome) -> TypeGuard[ClientRejected | Deferred]:
    """Whether servers are known to answer a dead refresh token in such a way, among other things."""
    match outcome:
        case ClientRejected(code):
            return code != ADDRESS_NOT_ALLOWED
        case Deferred(code, of_grant=of_grant):
            return code in _AMBIGUOUS and not of_grant
        case _:
            return False


def is_suspected(link: Link) -> bool:
    """Whether this version of the link has been found to be probably dead."""
    mark = link.current_failure
    return mark is not None and mark.reason == PROBABLY_DEAD


def suspicion(link: Link, now: datetime, tries: int) -> RefreshFailure:
    """Return the mark for a link that is probably dead, with a pause twice as long as in the mark before."""
    pause, attempts = FIRST_PAUSE, tries
    mark = link.current_failure
    if mark is not None:
        attempts = max(tries, mark.attempts + 1)
        if mark.reason == PROBABLY_DEAD and mark.retry_at is not None:
            pause = min(max(2 * (mark.retry_at - mark.at), FIRST_PAUSE), LONGEST_PAUSE)
    return RefreshFailure(PROBABLY_DEAD, now, link.version, retry_at=now + pause, attempts=attempts)
