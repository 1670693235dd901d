"""``record_failure`` and ``lift_failure``: marks beside the tokens, which erase nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from extauth.domain.link import LinkKey, RefreshFailure
from extauth.domain.outcomes import Absent, Held, Recorded, Saved, Stale
from extauth.domain.ports import LinkStore
from extauth.testing.contract.harness import (
    KEY,
    TTL,
    StoreHarness,
    claimed,
    settled,
    tokens,
    with_store,
)

AT = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
DEAD = RefreshFailure("invalid_grant", AT, 1)
FOR_NOW = RefreshFailure("http_503", AT, 1, retry_at=AT + timedelta(seconds=8), attempts=3)


class MarkContract(StoreHarness):
    """Failure marks."""

    @with_store
    async def test_a_mark_touches_neither_tokens_nor_version(self, store: LinkStore) -> None:
        """The link is as before, with the mark."""
        before = await store.put(KEY, tokens())
        for failure in (FOR_NOW, DEAD):
            outcome = await store.record_failure(KEY, 1, failure)
            link = settled(await store.get(KEY))
            assert outcome == Recorded(link)
            assert link == attrs.evolve(before, failure=failure)

    @with_store
    async def test_a_mark_leaves_the_lease(self, store: LinkStore) -> None:
        """Marking is not releasing."""
        await store.put(KEY, tokens())
        await claimed(store)
        await store.record_failure(KEY, 1, DEAD)
        assert isinstance(await store.claim(KEY, 1, "owner-2", TTL), Held)

    @with_store
    async def test_a_losers_mark_never_stops_the_winners_save(self, store: LinkStore) -> None:
        """A save at the marked version still works, and lifts the mark."""
        await store.put(KEY, tokens(1))
        await store.record_failure(KEY, 1, DEAD)
        outcome = await store.save(KEY, 1, tokens(2))
        assert isinstance(outcome, Saved)
        assert outcome.link.failure is None

    @with_store
    async def test_a_late_mark_never_lands_on_newer_tokens(self, store: LinkStore) -> None:
        """A loser that comes after the winner's save marks nothing and gets the newer link."""
        await store.put(KEY, tokens(1))
        saved = await store.save(KEY, 1, tokens(2))
        assert isinstance(saved, Saved)
        assert await store.record_failure(KEY, 1, DEAD) == Stale(saved.link)
        assert await store.get(KEY) == saved.link

    @with_store
    async def test_a_mark_makes_no_link(self, store: LinkStore) -> None:
        """Marking a link that is gone does nothing."""
        assert await store.record_failure(KEY, 1, DEAD) == Absent()
        assert await store.get(KEY) is None

    @with_store
    async def test_a_mark_is_about_the_version_it_names(self, store: LinkStore) -> None:
        """A failure of one version recorded at another is a mistake in the caller."""
        await store.put(KEY, tokens())
        with pytest.raises(ValueError, match="version"):
            await store.record_failure(KEY, 2, DEAD)

    @with_store
    async def test_a_permanent_mark_stays(self, store: LinkStore) -> None:
        """A temporary failure does not hide that the grant was rejected."""
        await store.put(KEY, tokens())
        await store.record_failure(KEY, 1, DEAD)
        outcome = await store.record_failure(KEY, 1, FOR_NOW)
        assert isinstance(outcome, Recorded)
        assert outcome.link.failure == DEAD
        assert settled(await store.get(KEY)).failure == DEAD

    @with_store
    async def test_other_marks_are_replaced(self, store: LinkStore) -> None:
        """The latest temporary mark counts, and a permanent one more."""
        await store.put(KEY, tokens())
        later = attrs.evolve(FOR_NOW, attempts=4, retry_at=AT + timedelta(minutes=1))
        for failure in (FOR_NOW, later, DEAD, attrs.evolve(DEAD, reason="reply_lost")):
            await store.record_failure(KEY, 1, failure)
            assert settled(await store.get(KEY)).failure == failure

    @with_store
    async def test_lifting_undoes_an_outage(self, store: LinkStore) -> None:
        """The operator's undo removes the marks of a provider and nothing else, and counts them."""
        keys = [LinkKey("github", "alice"), LinkKey("github", "bob"), LinkKey("gitlab", "alice")]
        before = [await store.put(key, tokens()) for key in keys]
        for key in keys:
            await store.record_failure(key, 1, DEAD)
        assert await store.lift_failure("github") == 2
        assert await store.lift_failure("github") == 0
        after = [settled(await store.get(key)) for key in keys]
        assert after == [*before[:2], attrs.evolve(before[2], failure=DEAD)]

    @with_store
    async def test_lifting_can_be_narrowed(self, store: LinkStore) -> None:
        """To one user, to one reason, and to marks made at an instant or later."""
        for user, failure in {
            "a": DEAD,
            "b": attrs.evolve(DEAD, at=AT + timedelta(hours=1)),
            "c": FOR_NOW,
        }.items():
            await store.put(LinkKey("github", user), tokens())
            await store.record_failure(LinkKey("github", user), 1, failure)
        later = AT + timedelta(microseconds=1)
        assert await store.lift_failure("github", reason="other") == 0
        assert await store.lift_failure("github", user_id="nobody") == 0
        assert await store.lift_failure("github", since=AT + timedelta(hours=2)) == 0
        assert await store.lift_failure("github", since=later) == 1
        assert settled(await store.get(LinkKey("github", "b"))).failure is None
        assert await store.lift_failure("github", reason="http_503") == 1
        assert settled(await store.get(LinkKey("github", "c"))).failure is None
        assert await store.lift_failure("github", user_id="a", reason="invalid_grant", since=AT) == 1

    @with_store
    async def test_dead_links_are_not_due(self, store: LinkStore) -> None:
        """Upkeep leaves a rejected grant alone, but not one that failed for a while."""
        await store.put(KEY, tokens())
        limit = datetime(2040, 1, 1, tzinfo=UTC)
        await store.record_failure(KEY, 1, FOR_NOW)
        assert len(await store.due("github", expiring_before=limit)) == 1
        await store.record_failure(KEY, 1, DEAD)
        assert await store.due("github", expiring_before=limit) == []
