"""A doubt: a link is of a restored or copied database, and its refresh token may be spent since. Pure.

Presenting a spent one may make the provider end the whole grant, and with it what may still be found: in the
database that was given up, or in a later backup.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from extauth.domain.fence import DOUBTFUL, NEVER
from extauth.domain.link import Link, RefreshFailure
from extauth.domain.linking import ACCOUNT_SEPARATOR
from extauth.domain.ports import OAuthProvider


def doubt(at: datetime, version: int = 1) -> RefreshFailure:
    """Return the mark that keeps the refresh token of a version from being presented.

    :raises ValueError: if ``at`` is naive.
    """
    return RefreshFailure(DOUBTFUL, at, version, retry_at=NEVER)


def is_held(link: Link) -> bool:
    """Whether such a mark is on this version of the link."""
    mark = link.current_failure
    return mark is not None and mark.reason == DOUBTFUL


def is_doubtful(
    provider_id: str,
    *,
    refreshable: bool,
    written_at: datetime,
    failure: RefreshFailure | None,
    restored_at: datetime,
    spared: Collection[str] = (),
) -> bool:
    """Whether a link's refresh token may have been spent, and is not known to be.

    It may if the credentials are from before the database was found to have another history. Since then they
    were refreshed, or the user has connected anew. ``spared`` are the providers that do not renew refresh
    tokens.
    """
    family = provider_id.partition(ACCOUNT_SEPARATOR)[0]
    dead = failure is not None and failure.permanent
    return refreshable and not dead and written_at < restored_at and family not in spared


def spared_of(providers: Iterable[OAuthProvider]) -> frozenset[str]:
    """Return the ids of those that do not renew refresh tokens: an old one of theirs is as good as any."""
    return frozenset(each.provider_id for each in providers if not each.traits.rotates)
