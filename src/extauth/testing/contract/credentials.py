"""``put``, ``save``, ``reseal`` and ``delete``: who may write credentials, and over what."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from extauth.domain.link import GrantOrigin, RefreshFailure
from extauth.domain.outcomes import Absent, Resealed, Saved, Stale
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

ORIGIN = GrantOrigin("client", "https://as.example/token")


def dead(version: int = 1) -> RefreshFailure:
    """Return a permanent mark."""
    return RefreshFailure("invalid_grant", datetime(2026, 1, 1, tzinfo=UTC), version)


class CredentialContract(StoreHarness):
    """Writes of tokens."""

    @with_store
    async def test_the_first_version_is_1(self, store: LinkStore) -> None:
        """A new link has version 1, and was created when it was updated."""
        link = await store.put(KEY, tokens())
        assert link.version == 1
        assert link.created_at == link.updated_at

    @with_store
    async def test_put_always_wins(self, store: LinkStore) -> None:
        """The user's own authorization replaces whatever is there, with the next version."""
        first = await store.put(KEY, tokens(1))
        await store.claim(KEY, 1, "owner-1", TTL)
        second = await store.put(KEY, tokens(2))
        assert second.version == 2
        assert second.tokens == tokens(2)
        assert second.created_at == first.created_at
        assert second.updated_at >= first.updated_at

    @with_store
    async def test_put_carries_nothing_forward(self, store: LinkStore) -> None:
        """A new authorization may be another account's: no old refresh token or origin survives it."""
        await store.put(KEY, tokens(1, scopes={"a"}, extra={"team": 1}), origin=ORIGIN)
        new = tokens(2, refresh_token=None, expires_at=None)
        await store.put(KEY, new)
        link = settled(await store.get(KEY))
        assert link.tokens == new
        assert link.origin is None

    @with_store
    async def test_put_clears_mark_lease_and_unresolved_exchange(self, store: LinkStore) -> None:
        """Nothing said about the old credentials is believed of the new ones."""
        await store.put(KEY, tokens(1))
        await claimed(store)
        await store.release(KEY, 1, "owner-1", unresolved=True)
        await claimed(store, owner="owner-2")
        await store.record_failure(KEY, 1, dead())
        link = await store.put(KEY, tokens(2))
        assert link.failure is None
        assert link.pending is None
        assert (await claimed(store, 2, owner="owner-3")).unresolved_for is None

    @with_store
    async def test_save_is_the_next_version(self, store: LinkStore) -> None:
        """A save at the right version is stored and moves the version by 1."""
        first = await store.put(KEY, tokens(1), origin=ORIGIN)
        outcome = await store.save(KEY, 1, tokens(2))
        assert isinstance(outcome, Saved)
        assert outcome.link == await store.get(KEY)
        assert outcome.link.version == 2
        assert outcome.link.tokens == tokens(2)
        assert outcome.link.created_at == first.created_at
        assert outcome.link.updated_at >= first.updated_at
        assert outcome.link.origin == ORIGIN

    @with_store
    async def test_save_clears_mark_lease_and_unresolved_exchange(self, store: LinkStore) -> None:
        """A save lifts the mark that a loser left, and ends the lease."""
        await store.put(KEY, tokens(1))
        await claimed(store)
        await store.release(KEY, 1, "owner-1", unresolved=True)
        await claimed(store, owner="owner-2")
        await store.record_failure(KEY, 1, dead())
        outcome = await store.save(KEY, 1, tokens(2))
        assert isinstance(outcome, Saved)
        assert outcome.link.failure is None
        assert outcome.link.pending is None
        assert (await claimed(store, 2, owner="owner-3")).unresolved_for is None

    @with_store
    async def test_save_at_another_version_changes_nothing(self, store: LinkStore) -> None:
        """A save that comes too late gets the newer link, which stays."""
        await store.put(KEY, tokens(1))
        newer = await store.put(KEY, tokens(2))
        assert await store.save(KEY, 1, tokens(3)) == Stale(newer)
        assert await store.save(KEY, 3, tokens(3)) == Stale(newer)
        assert await store.get(KEY) == newer

    @with_store
    async def test_save_never_brings_back_an_unlinked_user(self, store: LinkStore) -> None:
        """A save after an unlink stores nothing."""
        await store.put(KEY, tokens(1))
        await store.delete(KEY)
        assert await store.save(KEY, 1, tokens(2)) == Absent()
        assert await store.get(KEY) is None

    @with_store
    async def test_save_asks_for_no_lease(self, store: LinkStore) -> None:
        """The version decides, whoever holds the lease: these tokens may be the only ones that work."""
        await store.put(KEY, tokens(1))
        await claimed(store, owner="another")
        assert isinstance(await store.save(KEY, 1, tokens(2)), Saved)

    @with_store
    async def test_a_repeated_save_finds_its_own_tokens(self, store: LinkStore) -> None:
        """Repeating a save whose answer was lost is harmless and tells that it worked."""
        await store.put(KEY, tokens(1))
        await store.save(KEY, 1, tokens(2))
        again = await store.save(KEY, 1, tokens(2))
        assert isinstance(again, Stale)
        assert again.link.tokens == tokens(2)

    @with_store
    async def test_one_of_many_saves_wins(self, store: LinkStore) -> None:
        """Of simultaneous saves of one version one is stored; the others get it."""
        await store.put(KEY, tokens(1))
        outcomes = await asyncio.gather(*(store.save(KEY, 1, tokens(n)) for n in range(2, 22)))
        saved = [outcome.link for outcome in outcomes if isinstance(outcome, Saved)]
        assert len(saved) == 1, f"{len(saved)} of 20 saves of one version were stored"
        assert outcomes.count(Stale(saved[0])) == 19
        assert await store.get(KEY) == saved[0]

    @with_store
    async def test_reseal_changes_the_texts_only(self, store: LinkStore) -> None:
        """Re-encryption moves no version and touches neither lease, mark, times nor anything else."""
        await store.put(KEY, tokens(1, scopes={"a"}, extra={"team": 1}), origin=ORIGIN)
        await claimed(store)
        await store.record_failure(KEY, 1, dead())
        before = settled(await store.get(KEY))
        sealed = tokens(
            9,
            expires_at=None,
            access_token_key_id="k1",  # noqa: S106 - not a secret
            refresh_token_key_id="k2",  # noqa: S106 - not a secret
        )
        outcome = await store.reseal(KEY, 1, sealed)
        assert isinstance(outcome, Resealed)
        link = settled(await store.get(KEY))
        assert outcome.link == link
        assert link.tokens == tokens(
            1,
            scopes={"a"},
            extra={"team": 1},
            access_token="at-9",  # noqa: S106 - a test's
            refresh_token="rt-9",  # noqa: S106 - a test's
            access_token_key_id="k1",  # noqa: S106 - not a secret
            refresh_token_key_id="k2",  # noqa: S106 - not a secret
        )
        assert (link.version, link.failure, link.pending) == (1, before.failure, before.pending)
        assert (link.created_at, link.updated_at) == (before.created_at, before.updated_at)
        assert link.origin == ORIGIN

    @with_store
    async def test_a_save_passes_a_reseal(self, store: LinkStore) -> None:
        """A refresh in flight during a re-encryption can still save its tokens."""
        await store.put(KEY, tokens(1))
        await store.reseal(KEY, 1, tokens(1, access_token_key_id="k1"))  # noqa: S106 - not a secret
        assert isinstance(await store.save(KEY, 1, tokens(2)), Saved)

    @with_store
    async def test_reseal_at_another_version_changes_nothing(self, store: LinkStore) -> None:
        """Old texts are never written over new tokens."""
        assert await store.reseal(KEY, 1, tokens(9)) == Absent()
        await store.put(KEY, tokens(1))
        newer = await store.put(KEY, tokens(2))
        assert await store.reseal(KEY, 1, tokens(9)) == Stale(newer)
        assert await store.get(KEY) == newer

    @with_store
    async def test_delete_returns_what_it_removed(self, store: LinkStore) -> None:
        """The removed link comes back, so that its tokens can be revoked; the second time nothing does."""
        link = await store.put(KEY, tokens())
        assert await store.delete(KEY) == link
        assert await store.delete(KEY) is None
        assert await store.get(KEY) is None

    @with_store
    async def test_a_version_never_comes_back(self, store: LinkStore) -> None:
        """An exchange begun before an unlink cannot be saved over the link made after it."""
        await store.put(KEY, tokens(1))
        await store.save(KEY, 1, tokens(2))
        await store.delete(KEY)
        link = await store.put(KEY, tokens(3))
        assert link.version > 2, "the key has seen this version before"
        for version in (1, 2):
            assert await store.save(KEY, version, tokens(9)) == Stale(link)
            assert await store.record_failure(KEY, version, dead(version)) == Stale(link)
            assert await store.claim(KEY, version, "owner-1", TTL) == Stale(link)
        assert await store.get(KEY) == link

    @with_store
    async def test_versions_grow_through_racing_puts_and_deletes(self, store: LinkStore) -> None:
        """Whatever the order of simultaneous authorizations and unlinks, no version is given twice."""

        async def put(number: int) -> int:
            return (await store.put(KEY, tokens(number))).version

        async def unlink() -> None:
            await store.delete(KEY)

        work = [work for number in range(20) for work in (put(number), unlink())]
        versions = [version for version in await asyncio.gather(*work) if version is not None]
        assert len(versions) == len(set(versions)) == 20
