"""What a handler may answer, and what is kept of an event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from extauth import LinkKey
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.outbox import (
    LONGEST_DELAY,
    DeliverLater,
    LinkBroken,
    LinkExpiring,
    LinkRecovered,
    StoredEvent,
    Undeliverable,
    outbox_of,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
KEY = LinkKey("github", "alice")
STORED = StoredEvent(
    id="e1", type="link.broken", key=KEY, version=3, at=NOW, detail="invalid_grant", ends_at=None
)


@pytest.mark.parametrize("after", [None, timedelta(0), LONGEST_DELAY])
def test_later(after):
    """Now, in a year, or when the delivery thinks best."""
    later = DeliverLater("http_503", after=after)
    assert (later.code, later.after, str(later)) == ("http_503", after, "http_503")


@pytest.mark.parametrize("after", [-timedelta(microseconds=1), LONGEST_DELAY + timedelta(microseconds=1)])
def test_too_late_or_too_early(after):
    """Refused where it was written."""
    with pytest.raises(ValueError, match=r"^after must be from zero to 365 days, not "):
        DeliverLater("http_503", after=after)


def test_a_number_of_seconds():
    """Is no span."""
    seconds: Any = 5
    with pytest.raises(TypeError, match=r"^after must be a timedelta, not int"):
        DeliverLater("http_503", after=seconds)


def test_never():
    """With a code that is kept; one that cannot be is named."""
    assert (Undeliverable("gone").code, str(Undeliverable("gone"))) == ("gone", "gone")
    for refused in DeliverLater, Undeliverable:
        with pytest.raises(ValueError, match=r"^code must "):
            refused("nul\0")


@pytest.mark.parametrize(
    ("stored", "event"),
    [
        (STORED, LinkBroken(id="e1", key=KEY, version=3, at=NOW, reason="invalid_grant")),
        (
            attrs.evolve(STORED, type="link.recovered", detail=None),
            LinkRecovered(id="e1", key=KEY, version=3, at=NOW),
        ),
        (
            attrs.evolve(STORED, type="link.expiring", detail="told", ends_at=NOW),
            LinkExpiring(id="e1", key=KEY, version=3, at=NOW, ends_at=NOW, source="told"),
        ),
    ],
)
def test_what_is_kept_of_an_event(stored, event):
    """All that it says."""
    assert stored.event() == event


@pytest.mark.parametrize(
    "changes",
    [
        {"detail": None},
        {"type": "link.expiring"},
        {"type": "link.expiring", "detail": None, "ends_at": NOW},
        {"type": "link.polished", "ends_at": NOW},
    ],
)
def test_a_row_that_is_no_event(changes):
    """Of a later version, or damaged."""
    with pytest.raises(ValueError, match=r"^a row of the outbox holds no event$"):
        attrs.evolve(STORED, **changes).event()


async def test_who_has_an_outbox():
    """A store, and neither its class nor anything else."""
    async with MemoryLinkStore() as store:
        assert outbox_of(store) is store.outbox
    for other, said in (MemoryLinkStore, "the class MemoryLinkStore"), (object(), "object"):
        with pytest.raises(
            TypeError, match=f"^store must be a store with an outbox .*, not {said}; those of"
        ):
            outbox_of(other)
