"""When upkeep should look at a link, and in which order. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import final

import attrs

from extauth.domain.link import Link, LinkKey


@final
class DueBy(Enum):
    """By which of a link's times it is due. Each has an index of its own in a database."""

    EXPIRY = "expiry"
    """Its access token expires then."""
    HALF_LIFE = "half_life"
    """Then half of the time has passed from when its credentials were written to when its refresh token stops
    working, as far as the provider has told, or its traits say, when that is."""
    AGE = "age"
    """Its credentials were written then, and nobody knows when its refresh token stops working. A mark does
    not move that: whoever asks for links of some age would hear again of one that failed at that age only."""


@final
@attrs.frozen(order=True)
class Due:
    """A link that is due, without its tokens; the last one of a page says where the next page begins."""

    at: datetime
    """When it is due; by two of the times not before a mark says that it may be tried again."""
    key: LinkKey


def due_at(link: Link, by: DueBy) -> datetime | None:
    """Return when the link is due; None if it has no such time, no refresh token, or a permanent mark."""
    mark = link.failure
    if link.tokens.refresh_token is None or (mark is not None and mark.permanent):
        return None
    at = _time(link, by)
    retry_at = None if mark is None or by is DueBy.AGE else mark.retry_at
    return at if at is None or retry_at is None else max(at, retry_at)


def _time(link: Link, by: DueBy) -> datetime | None:
    end = link.tokens.refresh_token_expires_at
    if end is not None and end <= link.updated_at:
        end = None  # it was refreshed since, so that this was not its end
    match by:
        case DueBy.EXPIRY:
            return link.tokens.expires_at
        case DueBy.HALF_LIFE:
            return None if end is None else link.updated_at + (end - link.updated_at) // 2
        case DueBy.AGE:
            return link.updated_at if end is None else None
