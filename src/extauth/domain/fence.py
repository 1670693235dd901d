"""A fence: a link is not refreshed here, because somebody else may refresh the same grant elsewhere. Pure.

It is a temporary failure mark whose time to try again never comes, so that a replica of an older version of
extauth, which knows no fences, respects it like any other mark: nothing but a failure is known of it there.
So is a doubt (:mod:`extauth.domain.doubt`). Both stand until they are lifted by their own reason.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from extauth.domain.link import Link, RefreshFailure

FENCED: Final = "fenced"
"""The reason of the mark, which nothing else uses."""

DOUBTFUL: Final = "doubtful"
"""The reason of a doubt, which nothing else uses."""

STANDING: Final = (FENCED, DOUBTFUL)
"""The reasons of the marks that whoever lifts an outage's marks does not mean."""

NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""When a fenced link is tried again. The last instant of all is infinity to some drivers."""


def fence(at: datetime, version: int = 1) -> RefreshFailure:
    """Return the mark that fences a version of a link.

    :raises ValueError: if ``at`` is naive.
    """
    return RefreshFailure(FENCED, at, version, retry_at=NEVER)


def may_replace(mark: RefreshFailure, failure: RefreshFailure) -> bool:
    """Whether a failure may take the place of a mark of the same version.

    A permanent mark gives way to another such. A fence gives way to none: an exchange that was under way when
    it was put up may fail after that, and what it then says must not open it. A doubt gives way to what is
    worse: to a permanent mark and to a fence.
    """
    if mark.reason == DOUBTFUL:
        return failure.permanent or failure.reason == FENCED
    return mark.reason != FENCED and (failure.permanent or not mark.permanent)


def is_fenced(link: Link) -> bool:
    """Whether this version of the link is fenced."""
    mark = link.current_failure
    return mark is not None and mark.reason == FENCED
