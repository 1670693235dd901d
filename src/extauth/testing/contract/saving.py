"""``save`` and ``reseal``: who may write over which version."""

from __future__ import annotations

import attrs

from extauth.domain.link import GrantOrigin
from extauth.domain.outcomes import Absent, Resealed, Saved, Stale
from extauth.domain.ports import LinkStore
from extauth.domain.token_set import ResourceToken
from extauth.testing.contract.expect import expect, expect_kind, expect_that
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import (
    BRIEF,
    DEAD,
    KEY,
    MOMENT,
    ORIGIN,
    burdened,
    claimed,
    claimed_after_lapse,
    full_tokens,
    saved,
    stored,
    tokens,
)


class SavingContract(StoreHarness):
    """Credential writes with a condition."""

    @with_store
    async def test_save_is_the_next_version(self, store: LinkStore) -> None:
        """A save at the right version is stored and moves the version by 1."""
        first = await store.put(KEY, tokens(1), origin=ORIGIN)
        link = await saved(store, 1, tokens(2))
        expect(await store.get(KEY), link, "save must return the link as get does")
        expect(link.version, 2, "save of version 1 must give version 2")
        expect(link.tokens, tokens(2), "save must store the tokens it was given")
        expect(link.created_at, first.created_at, "save must leave created_at")
        expect(link.origin, ORIGIN, "save must leave the origin of the grant")
        expect_that(
            link.updated_at >= first.updated_at,
            "save must move updated_at to the time of the write",
            f"it went from {first.updated_at} to {link.updated_at}",
        )

    @with_store
    async def test_save_writes_the_origin_that_it_is_given(self, store: LinkStore) -> None:
        """A link that said none, or one from before its server moved, is from then on its provider's."""
        moved = GrantOrigin("client", "https://moved.example/token", "https://mcp.example")
        await store.put(KEY, tokens(1))
        for version, origin in ((1, ORIGIN), (2, moved), (3, ORIGIN)):
            await store.save(KEY, version, tokens(version + 1), origin=origin)
            expect((await stored(store)).origin, origin, "save must write the origin it is given")
            await store.save(KEY, version, tokens(9), origin=GrantOrigin("other", "https://other.example"))
            expect((await stored(store)).origin, origin, "save of an old version must not write the origin")

    @with_store
    async def test_save_stores_exactly_what_it_is_given(self, store: LinkStore) -> None:
        """Carrying old values forward is the caller's business: what is not given is not there."""
        await store.put(KEY, full_tokens())
        new = tokens(2, refresh_token=None, expires_at=None)
        link = await saved(store, 1, new)
        expect(link.tokens, new, "save must replace the tokens whole")
        expect((await stored(store)).tokens, new, "save must replace the tokens whole in the store")

    @with_store
    async def test_save_clears_mark_lease_and_unresolved_exchange(self, store: LinkStore) -> None:
        """A save lifts the mark that a loser left, and ends the lease."""
        await burdened(store)
        link = await saved(store, 1, tokens(2))
        expect(link.failure, None, "save must clear the failure mark")
        expect(link.pending, None, "save must clear the lease and the unresolved exchange")
        expect(await store.get(KEY), link, "save must clear marks in the store, not only in what it returns")
        claim = await claimed(store, 2, owner="owner-3")
        expect(claim.unresolved_for, None, "claim after a save must know of no earlier exchange")

    @with_store
    async def test_save_at_another_version_changes_nothing(self, store: LinkStore) -> None:
        """A save that comes too late gets the newer link, which stays."""
        await store.put(KEY, tokens(1))
        newer = await store.put(KEY, tokens(2))
        for version in (1, 3):
            outcome = await store.save(KEY, version, tokens(3))
            expect(outcome, Stale(newer), f"save of version {version} must give Stale with the link at 2")
        expect(await store.get(KEY), newer, "save of another version must change nothing")

    @with_store
    async def test_save_compares_versions_and_not_tokens(self, store: LinkStore) -> None:
        """A provider that does not rotate gives the same tokens again: only the version tells them apart."""
        await store.put(KEY, tokens(1))
        newer = await saved(store, 1, tokens(1))
        expect(newer.version, 2, "save of tokens that are the same must still move the version")
        outcome = await store.save(KEY, 1, tokens(3))
        expect(outcome, Stale(newer), "save of an old version must give Stale, whatever its tokens were")
        expect(await store.get(KEY), newer, "save of an old version must change nothing")

    @with_store
    async def test_save_tells_writes_of_one_version_apart(self, store: LinkStore) -> None:
        """A store that lost its last writes gives a version again, to what has nothing to do with these."""
        link = await store.put(KEY, tokens(1), origin=ORIGIN)
        await store.reseal(KEY, 1, tokens(1))
        for other in (link.updated_at - MOMENT, link.updated_at + MOMENT):
            outcome = await store.save(KEY, 1, tokens(2), written_at=other)
            expect(outcome, Stale(link), "save with another written_at must give Stale with the stored link")
            expect(await store.get(KEY), link, "save with another written_at must change nothing")
        outcome = await store.save(KEY, 1, tokens(2), written_at=link.updated_at)
        expect_kind(outcome, Saved, "save with the stored link's updated_at as written_at must give Saved")

    @with_store
    async def test_save_of_another_grant_takes_nothing_over(self, store: LinkStore) -> None:
        """Saved over a link of another client's, as after a failover, tokens do not become that client's."""
        await store.put(KEY, tokens(1), origin=ORIGIN)
        other = GrantOrigin("other", "https://other.example/token")
        for version, origin in ((1, other), (2, None), (3, other)):
            outcome = await store.save(KEY, version, tokens(version + 1), origin=origin, other_grant=True)
            promise = "save of another grant must give Saved with the origin it is given, or none"
            link = expect_kind(outcome, Saved, promise).link
            expect((link.version, link.tokens), (version + 1, tokens(version + 1)), promise)
            expect(link.origin, origin, promise)
            expect(await store.get(KEY), link, "save of another grant must return the link as get does")
        outcome = await store.save(KEY, 3, tokens(9), other_grant=True)
        expect(outcome, Stale(await stored(store)), "save of another grant must compare versions, too")
        at = (await stored(store)).updated_at + MOMENT
        outcome = await store.save(KEY, 4, tokens(9), other_grant=True, written_at=at)
        expect(outcome, Stale(await stored(store)), "save of another grant must compare written_at, too")

    @with_store
    async def test_save_never_brings_back_an_unlinked_user(self, store: LinkStore) -> None:
        """A save after an unlink stores nothing."""
        await store.put(KEY, tokens(1))
        await store.delete(KEY)
        expect(await store.save(KEY, 1, tokens(2)), Absent(), "save after a delete must give Absent")
        expect(await store.get(KEY), None, "save must never bring back a link that was removed")

    @with_store
    async def test_save_asks_for_no_lease(self, store: LinkStore) -> None:
        """The version decides, whoever holds the lease: these tokens may be the only ones that work."""
        promise = "save of the stored version must give Saved, whoever holds the lease"
        await store.put(KEY, tokens(1))
        expect_kind(await store.save(KEY, 1, tokens(2)), Saved, promise + ", or nobody")
        await claimed(store, 2, owner="another")
        expect_kind(await store.save(KEY, 2, tokens(3)), Saved, promise)

    @with_store
    async def test_a_lapsed_owner_can_still_save(self, store: LinkStore) -> None:
        """An exchange that took longer than its lease is not lost when the next owner has claimed."""
        await store.put(KEY, tokens(1))
        await claimed(store, ttl=BRIEF)
        await claimed_after_lapse(store, "owner-2")
        outcome = await store.save(KEY, 1, tokens(2))
        expect_kind(outcome, Saved, "save of the stored version must give Saved after the lease lapsed")

    @with_store
    async def test_a_repeated_save_finds_its_own_tokens(self, store: LinkStore) -> None:
        """Repeating a save whose answer was lost is harmless and tells that it worked."""
        await store.put(KEY, tokens(1))
        await saved(store, 1, tokens(2))
        again = expect_kind(
            await store.save(KEY, 1, tokens(2)), Stale, "save repeated must give Stale with its own tokens"
        )
        expect(again.link.tokens, tokens(2), "save repeated must give Stale with its own tokens")

    @with_store
    async def test_reseal_changes_the_texts_only(self, store: LinkStore) -> None:
        """Re-encryption moves no version and touches neither lease, mark, times nor anything else."""
        before = await burdened(store)
        given = tokens(
            9,
            expires_at=None,
            access_token_key_id="k1",
            refresh_token_key_id="k2",
            resource_tokens={resource: ResourceToken("at-9") for resource in before.tokens.resource_tokens},
        )
        promise = "reseal of the stored version must give Resealed"
        outcome = expect_kind(await store.reseal(KEY, 1, given), Resealed, promise)
        link = await stored(store)
        expect(outcome.link, link, "reseal must return the link as get does")
        resealed = attrs.evolve(
            before.tokens,
            access_token=given.access_token,
            refresh_token=given.refresh_token,
            access_token_key_id=given.access_token_key_id,
            refresh_token_key_id=given.refresh_token_key_id,
            resource_tokens={
                resource: attrs.evolve(token, access_token="at-9")
                for resource, token in before.tokens.resource_tokens.items()
            },
        )
        resealed = self.given_out(resealed)
        expect(link.tokens, resealed, "reseal must replace the token texts and key ids and nothing else")
        expect(link.version, 1, "reseal must leave the version: a refresh in flight has still to save")
        expect(link.failure, DEAD, "reseal must leave the failure mark")
        expect(link.pending, before.pending, "reseal must leave the lease and the unresolved exchange")
        expect(
            (link.created_at, link.updated_at),
            (before.created_at, before.updated_at),
            "reseal must leave created_at and updated_at",
        )
        expect(link.origin, ORIGIN, "reseal must leave the origin of the grant")

    @with_store
    async def test_reseal_replaces_the_values_of_extra(self, store: LinkStore) -> None:
        """They may be encrypted, too. Which members there are, only a credential write changes."""
        await store.put(KEY, tokens(1, extra={"id_token": "old", "team": {"id": 7}}))
        promise = "reseal must replace the values of those members of extra that it is given"
        given = tokens(1, extra={"id_token": "new", "unknown": "x"})
        link = expect_kind(await store.reseal(KEY, 1, given), Resealed, promise).link
        expect(link.tokens.extra, {"id_token": "new", "team": {"id": 7}}, f"{promise}, and no others")
        expect(await store.get(KEY), link, "reseal must return the link as get does")
        link = expect_kind(await store.reseal(KEY, 1, tokens(1)), Resealed, promise).link
        expect(link.tokens.extra, {"id_token": "new", "team": {"id": 7}}, "reseal must drop nothing of extra")

    @with_store
    async def test_a_save_passes_a_reseal(self, store: LinkStore) -> None:
        """A refresh in flight during a re-encryption can still save its tokens."""
        await store.put(KEY, tokens(1))
        await store.reseal(KEY, 1, tokens(1, access_token_key_id="k1"))
        outcome = await store.save(KEY, 1, tokens(2))
        expect_kind(outcome, Saved, "reseal must not make the save of the same version miss: save")
        expect((await stored(store)).tokens, tokens(2), "save after a reseal must store its tokens")

    @with_store
    async def test_reseal_at_another_version_changes_nothing(self, store: LinkStore) -> None:
        """Old texts are never written over new tokens."""
        await store.put(KEY, tokens(1))
        newer = await store.put(KEY, tokens(2))
        for version in (1, 3):
            outcome = await store.reseal(KEY, version, tokens(9))
            expect(outcome, Stale(newer), f"reseal of version {version} must give Stale with the link at 2")
        expect(await store.get(KEY), newer, "reseal of another version must change nothing")

    @with_store
    async def test_reseal_tells_writes_of_one_version_apart(self, store: LinkStore) -> None:
        """A store that lost its last writes gives a version again: old texts are not put over a new grant."""
        extra = {"id_token": "1"}
        for number, given in ((1, tokens(1)), (2, tokens(2, extra=extra))):
            link = await store.put(KEY, given)
            for other in (link.updated_at - MOMENT, link.updated_at + MOMENT):
                outcome = await store.reseal(KEY, number, tokens(9, extra=given.extra), written_at=other)
                promise = "reseal with another written_at must give Stale with the stored link"
                expect(outcome, Stale(link), promise)
                expect(await store.get(KEY), link, "reseal with another written_at must change nothing")
            outcome = await store.reseal(KEY, number, given, written_at=link.updated_at)
            promise = "reseal with the stored link's updated_at as written_at must give Resealed"
            expect_kind(outcome, Resealed, promise)
