"""What one attempt at a refresh came to."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias, final

import attrs

from extauth.domain.link import Link
from extauth.services.errors import refresh_failed


@final
@attrs.frozen
class Finished:
    """This link is what there is to hand out."""

    link: Link


@final
@attrs.frozen
class Moved:
    """The link is at another version than the one to refresh; decide again."""

    link: Link


@final
@attrs.frozen
class Busy:
    """Another replica is exchanging; its lease lasts ``remaining`` at most."""

    remaining: timedelta
    lapsed: bool = False
    """Whether the store takes the lease for over already, so that it is no use to wait for its end there."""


Attempt: TypeAlias = Finished | Moved | Busy


def served(link: Link, retry_after: timedelta | None, reason: str, *, works: bool) -> Finished:
    """End an attempt that got no token with the one that there is, if that works.

    :raises ProviderUnavailable: if it does not.
    """
    if works:
        return Finished(link)
    raise refresh_failed(link.key, reason, retry_after)
