"""Deciding about a link by what was stored, before any of its times is made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, final

from extauth.domain.link import Link
from extauth.domain.partly_read import unread_of
from extauth.domain.policy import RefreshPolicy

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@final
class Glance:
    """Sees which links :func:`~extauth.domain.freshness.decide` would serve as they are, under a policy."""

    def __init__(self, policy: RefreshPolicy) -> None:
        ahead = max(policy.refresh_ahead, policy.min_validity)
        # A number of seconds since 1970 is a microsecond off at most.
        self._ahead = ahead // _MICROSECOND + 2

    def serves(self, link: Link, timestamp: float) -> bool:
        """Say whether that is certain for whoever wants the grant's own token, for however long, at that time
        in POSIX seconds. If not, nothing is said.
        """
        unread = unread_of(link.tokens)
        if unread is None or link.failure is not None or link.pending is not None:
            return False
        expires_at = unread.micros("expires_at")
        return expires_at is None or expires_at - timestamp * 1e6 > self._ahead


def written_at(link: Link) -> int:
    """Return when the credentials were last written, in whole microseconds since 1970."""
    unread = unread_of(link)
    written = None if unread is None else unread.micros("updated_at")
    return (link.updated_at - _EPOCH) // _MICROSECOND if written is None else written
