"""What conditional writes that matched no row mean, for rows as they are found afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from extauth import LinkKey, TokenSet
from extauth.adapters.sql.races import LostRaces
from extauth.domain.link import Link, RefreshFailure
from extauth.domain.outcomes import Absent, Held, Recorded, SeenLease, Stale

KEY = LinkKey("github", "alice")
NOW = datetime(2030, 1, 1, tzinfo=UTC)
LINK = Link(KEY, TokenSet("at-2"), 2, NOW, NOW)
MARKED = attrs.evolve(LINK, failure=RefreshFailure("server_error", NOW, 2, retry_at=NOW))
DEAD = attrs.evolve(LINK, failure=RefreshFailure("invalid_grant", NOW, 2))
FREE, MOMENT = timedelta(0), timedelta(microseconds=1)
LEASE = SeenLease("another", NOW)


@attrs.frozen
class Row:
    """As much of a row as is looked at."""

    link: Link = LINK
    lease_left: timedelta | None = None


def found(row):
    """Explain by that row, or by none."""

    async def read(key):
        assert key == KEY
        return row

    def held(row):
        return None if row.lease_left is None else Held(row.lease_left, LEASE)

    return LostRaces(read, lambda row: row.link, held)


@pytest.mark.parametrize(
    ("version", "row", "outcome"),
    [
        (2, None, Absent()),
        (1, Row(), Stale(LINK)),
        (3, Row(), Stale(LINK)),
        (1, Row(lease_left=MOMENT), Stale(LINK)),
        (2, Row(lease_left=MOMENT), None),
    ],
)
async def test_a_write_finds_the_link_gone_or_moved_on(version, row, outcome):
    """Or no reason, at its own version: leases matter to claims only."""
    assert outcome == await found(row).write(KEY, version)


@pytest.mark.parametrize(
    ("version", "row", "outcome"),
    [
        (2, None, Absent()),
        (1, Row(), Stale(LINK)),
        (1, Row(lease_left=MOMENT), Stale(LINK)),
        (2, Row(lease_left=MOMENT), Held(MOMENT)),
        (2, Row(), None),
        (2, Row(lease_left=FREE), None),
        (2, Row(lease_left=-MOMENT), None),
    ],
)
async def test_a_claim_was_kept_out_or_is_to_be_repeated(version, row, outcome):
    """By another version first, then by a lease that is live; a lease that is over is no answer."""
    assert outcome == await found(row).claim(KEY, version, takeover=True)


@pytest.mark.parametrize("takeover", [False, LEASE], ids=["none", "one that was seen"])
async def test_a_claim_that_leaves_lapsed_leases_alone(takeover):
    """It is told of them, because it does not go by the store's clock; a free link is nobody's."""
    for left in (MOMENT, FREE, -MOMENT):
        held = await found(Row(lease_left=left)).claim(KEY, 2, takeover)
        assert (left, LEASE) == (held.remaining, held.lease)
    assert await found(Row()).claim(KEY, 2, takeover) is None


@pytest.mark.parametrize(
    ("version", "row", "outcome"),
    [
        (2, None, Absent()),
        (1, Row(), Stale(LINK)),
        (2, Row(DEAD), Recorded(DEAD)),
        (2, Row(MARKED), None),
        (2, Row(), None),
    ],
)
async def test_a_mark_finds_another_version_or_a_permanent_mark(version, row, outcome):
    """At its own version only a permanent mark can have kept it out."""
    assert outcome == await found(row).mark(KEY, version)


@pytest.mark.parametrize(
    ("version", "row", "outcome"), [(2, None, Absent()), (1, Row(), Stale(LINK)), (2, Row(), LINK)]
)
async def test_what_a_write_would_find(version, row, outcome):
    """The link, if it still has that version."""
    assert outcome == await found(row).foreseen(KEY, version)
