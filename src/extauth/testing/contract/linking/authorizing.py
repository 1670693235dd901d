"""``put`` and ``delete``: what the user decides always wins, and nothing old survives it."""

from __future__ import annotations

import attrs

from extauth.domain.link import GrantOrigin, LinkKey
from extauth.domain.outcomes import Absent, Stale
from extauth.domain.ports import LinkStore
from extauth.testing.contract.expect import expect, expect_that
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import (
    DEAD,
    KEY,
    ORIGIN,
    TTL,
    burdened,
    claimed,
    full_tokens,
    saved,
    stored,
    tokens,
)


class AuthorizingContract(StoreHarness):
    """Writes without a condition."""

    @with_store
    async def test_the_first_version_is_1(self, store: LinkStore) -> None:
        """A new link has version 1, and was created when it was updated."""
        link = await store.put(KEY, tokens())
        expect(link.version, 1, "put of a new link must give version 1")
        expect(link.tokens, tokens(), "put must return the link with the tokens it was given")
        expect(link.created_at, link.updated_at, "put of a new link must create it when it updates it")
        expect((link.failure, link.pending), (None, None), "put must give a link without marks")

    @with_store
    async def test_put_always_wins(self, store: LinkStore) -> None:
        """The user's own authorization replaces whatever is there, with the next version."""
        first = await store.put(KEY, tokens(1))
        await store.claim(KEY, 1, "owner-1", TTL)
        second = await store.put(KEY, tokens(2))
        expect(second.version, 2, "put over a link of version 1, claimed or not, must give version 2")
        expect(second.tokens, tokens(2), "put must replace the tokens, whoever holds the lease")
        expect(await store.get(KEY), second, "put must return the link as get does")
        expect(second.created_at, first.created_at, "put over a link must leave created_at")
        expect_that(
            second.updated_at >= first.updated_at,
            "put over a link must move updated_at to the time of the write",
            f"it went from {first.updated_at} to {second.updated_at}",
        )

    @with_store
    async def test_put_carries_nothing_forward(self, store: LinkStore) -> None:
        """A new authorization may be another account's: no old refresh token or origin survives it."""
        await store.put(KEY, full_tokens(), origin=ORIGIN)
        new = tokens(2, refresh_token=None, expires_at=None)
        await store.put(KEY, new)
        link = await stored(store)
        expect(link.tokens, new, "put must replace the tokens whole and carry nothing forward")
        expect(link.origin, None, "put without an origin must leave none")

    @with_store
    async def test_put_replaces_the_origin(self, store: LinkStore) -> None:
        """The grant belongs to the client that it was given to, not to the one before."""
        await store.put(KEY, tokens(1), origin=ORIGIN)
        another = GrantOrigin("another client", "https://other.example/token")
        await store.put(KEY, tokens(2), origin=another)
        expect((await stored(store)).origin, another, "put must store the origin it was given")

    @with_store
    async def test_put_clears_mark_lease_and_unresolved_exchange(self, store: LinkStore) -> None:
        """Nothing said about the old credentials is believed of the new ones."""
        await burdened(store)
        link = await store.put(KEY, tokens(2))
        expect(link.failure, None, "put must clear the failure mark")
        expect(link.pending, None, "put must clear the lease and the unresolved exchange")
        expect(await store.get(KEY), link, "put must clear marks in the store, not only in what it returns")
        claim = await claimed(store, 2, owner="owner-3")
        expect(claim.unresolved_for, None, "claim after a put must know of no earlier exchange")

    @with_store
    async def test_writes_touch_no_other_link(self, store: LinkStore) -> None:
        """Neither the user's links at other providers nor other users' links change."""
        await store.put(KEY, tokens(1))
        keys = [LinkKey("gitlab", "alice"), LinkKey("github", "bob")]
        others = [await burdened(store, key) for key in keys]

        async def untouched(method: str) -> None:
            for other in others:
                expect(await store.get(other.key), other, f"{method} must touch no other link")

        link = await store.put(KEY, tokens(2))
        await untouched("put")
        link = await saved(store, link.version, tokens(3))
        await untouched("save")
        await store.reseal(KEY, link.version, tokens(4))
        await untouched("reseal")
        await store.record_failure(KEY, link.version, attrs.evolve(DEAD, version=link.version))
        await untouched("record_failure")
        await claimed(store, link.version)
        await untouched("claim")
        await store.release(KEY, link.version, "owner-1")
        await untouched("release")
        await store.delete(KEY)
        await untouched("delete")

    @with_store
    async def test_delete_returns_what_it_removed(self, store: LinkStore) -> None:
        """The removed link comes back, so that its tokens can be revoked; the second time nothing does."""
        link = await store.put(KEY, tokens(), origin=ORIGIN)
        expect(await store.delete(KEY), link, "delete must return the link as it was")
        expect(await store.delete(KEY), None, "delete of a link that is gone must return None")
        expect(await store.get(KEY), None, "get after a delete must return None")
        expect(await store.links_of("alice"), [], "links_of after a delete must not list the link")

    @with_store
    async def test_delete_removes_claimed_and_marked_links(self, store: LinkStore) -> None:
        """No lease keeps a user from unlinking, and what was known of the link comes back with it."""
        before = await burdened(store)
        expect(await store.delete(KEY), before, "delete must return the link with its marks")
        expect(await store.get(KEY), None, "delete must remove a link whoever holds its lease")
        version = (await store.put(KEY, tokens(2))).version
        await claimed(store, version)
        gave = await store.release(KEY, version, "owner-1", unresolved=True)
        expect(gave, True, "release by the owner of the lease must return True")
        before = await stored(store)
        expect(await store.delete(KEY), before, "delete must return a link with its unresolved exchange")

    @with_store
    async def test_a_new_link_inherits_nothing_from_a_deleted_one(self, store: LinkStore) -> None:
        """Lease, mark and unresolved exchange of an unlinked user are void."""
        await burdened(store)
        await store.delete(KEY)
        link = await store.put(KEY, tokens(2))
        expect(link.failure, None, "put after a delete must give a link without a failure mark")
        expect(link.pending, None, "put after a delete must give a link without a lease")
        expect(link.origin, None, "put after a delete must give a link without the old origin")
        claim = await claimed(store, link.version, owner="owner-3")
        expect(claim.unresolved_for, None, "claim after delete and put must know of no earlier exchange")

    @with_store
    async def test_a_version_never_comes_back(self, store: LinkStore) -> None:
        """An exchange begun before an unlink cannot be saved over the link made after it."""
        await store.put(KEY, tokens(1))
        await saved(store, 1, tokens(2))
        await store.delete(KEY)
        link = await store.put(KEY, tokens(3))
        expect_that(
            link.version > 2,
            "put after a delete must give a version that the key has not had, here above 2",
            f"it gave {link.version}",
        )
        for version in (1, 2):
            old = "of a version from before the unlink must give Stale"
            expect(await store.save(KEY, version, tokens(9)), Stale(link), f"save {old}")
            marked = await store.record_failure(KEY, version, attrs.evolve(DEAD, version=version))
            expect(marked, Stale(link), f"record_failure {old}")
            expect(await store.claim(KEY, version, "owner-1", TTL), Stale(link), f"claim {old}")
            expect(await store.reseal(KEY, version, tokens(9)), Stale(link), f"reseal {old}")
        expect(await store.get(KEY), link, "save of a version from before the unlink must change nothing")

    @with_store
    async def test_nothing_but_put_makes_a_link(self, store: LinkStore) -> None:
        """Conditional writes of a link that is not there are Absent and leave nothing behind."""
        promise = "of a link that is not there must give Absent"
        expect(await store.save(KEY, 1, tokens(2)), Absent(), f"save {promise}")
        expect(await store.claim(KEY, 1, "owner-1", TTL), Absent(), f"claim {promise}")
        expect(await store.record_failure(KEY, 1, DEAD), Absent(), f"record_failure {promise}")
        expect(await store.reseal(KEY, 1, tokens(2)), Absent(), f"reseal {promise}")
        gave = await store.release(KEY, 1, "owner-1")
        expect(gave, False, "release of a link that is not there must return False")
        expect(await store.get(KEY), None, "save, claim, record_failure and reseal must never make a link")
