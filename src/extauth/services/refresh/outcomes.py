"""What one attempt at a refresh came to."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias, final

import attrs

from extauth.domain.link import Link


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
