"""What a replica of the storm notes of its store, and how it is read again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chaos.digests import digest
from chaos.evidence import read_journals
from chaos.journal import Journal
from chaos.watched import PRESENTING, watched
from extauth import LinkKey, RefreshFailure, StoreUnavailable, TokenSet
from extauth.adapters.memory import MemoryLinkStore
from tests.support.faulty_store import FaultyStore, down

KEY = LinkKey("chaos", "alice")
DEAD = RefreshFailure("invalid_grant", datetime(2026, 1, 1, tzinfo=UTC), 1)
LATER = RefreshFailure("http_503", DEAD.at, 1, retry_at=DEAD.at + timedelta(seconds=1))


async def test_a_mark_that_fails_is_of_one_exchange(tmp_path):
    """The exchange is named whose rejection could not be stored: neither the next, nor a mark for a while."""
    faulty = FaultyStore(MemoryLinkStore())
    await faulty.put(KEY, TokenSet("access", "refresh"))
    journal = Journal(tmp_path / "replica-0.0.journal")
    store = watched(faulty, journal)
    for number, (failure, faults) in enumerate([(LATER, down()), (DEAD, down()), (DEAD, [])]):
        await store.claim(KEY, 1, "owner", timedelta(seconds=30))
        journal.write(PRESENTING, exchange=f"replica-0.0#{number}", token=digest("refresh"))
        faulty.before["record_failure"] = faults
        if faults:
            with pytest.raises(StoreUnavailable):
                await store.record_failure(KEY, 1, failure)
        else:
            await store.record_failure(KEY, 1, failure)
    journal.close()
    read = read_journals([tmp_path / "replica-0.0.journal"])
    assert read.unmarked == {"replica-0.0#1"}
    assert read.marked == {("replica-0.0", digest("refresh"))}
