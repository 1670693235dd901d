"""An audit trail beside the links: an entry and the write that it is about are there both, or neither is."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import cast

import attrs

from extauth.domain.audit import AuditEntry, AuditKind, AuditStore, audit_of, entry_beside, fingerprint
from extauth.domain.link import LinkKey, RefreshFailure
from extauth.domain.linking_ports import Store
from extauth.domain.token_set import TokenSet
from extauth.testing.contract.expect import expect, expect_that
from extauth.testing.contract.linking.harness import LinkingHarness, with_linking_store
from extauth.testing.contract.linking.witness import linking_beneath
from extauth.testing.contract.steps import KEY, TTL

OLD, NEW = TokenSet("at-old", "rt-old"), TokenSet("at-new", "rt-new")
OTHER = LinkKey(f"{KEY.provider_id}/work", "somebody else")

CONNECTED = AuditEntry.of(AuditKind.CONNECTED, KEY, tokens=OLD)
REFRESHED = AuditEntry.of(AuditKind.REFRESHED, KEY, tokens=NEW)
UNLINKED = AuditEntry.of(AuditKind.UNLINKED, KEY)


class AuditContract(LinkingHarness):
    """Every sentence of :class:`~extauth.domain.audit.AuditStore` as a test, for a store's ``audit``.

    Subclass it as :class:`~extauth.testing.LinkStoreContract`.
    """

    @with_linking_store
    async def test_an_entry_is_kept_as_it_is(self, store: Store) -> None:
        """All that it says is there, with the store's time; numbers grow."""
        audit = trail(store)
        given = AuditEntry(
            AuditKind.HANDED_OUT,
            provider_id="github",
            user_id="alice",
            version=7,
            actor="user:alice",
            on_behalf_of="operator:eve",
            reason="why",
            hashed_access_token=fingerprint("at"),
            hashed_refresh_token=fingerprint("rt"),
        )
        before = await store.time()
        await audit.append([given, AuditEntry(AuditKind.EXPORTED)])
        (one, first), (other, second) = await audit.find()
        expect(attrs.evolve(first, at=None), given, "append must keep what the entry says")
        expect(attrs.evolve(second, at=None), AuditEntry(AuditKind.EXPORTED), "and what it does not say")
        expect_that(one < other, "numbers must grow", f"{one} and {other}")
        tick = timedelta(milliseconds=1)
        expect_that(
            first.at is not None and before - tick <= first.at <= await store.time() + tick,
            "an entry's time must be the store's",
            f"{first.at}",
        )

    @with_linking_store
    async def test_without_an_entry_nothing_is_written(self, store: Store) -> None:
        """A store that nobody audits keeps no trail."""
        await store.put(KEY, OLD)
        await store.delete(KEY)
        expect(await trail(store).find(), [], "a write without an entry must leave none")

    @with_linking_store
    async def test_a_write_leaves_its_entry(self, store: Store) -> None:
        """Each of them, with link and version as the write has left them."""
        with entry_beside(CONNECTED):
            await store.put(KEY, OLD)
        with entry_beside(CONNECTED):
            await store.put(KEY, OLD)
        with entry_beside(REFRESHED):
            await store.save(KEY, 2, NEW)
        mark = RefreshFailure(reason="invalid_grant", at=await store.time(), version=3)
        with entry_beside(AuditEntry(AuditKind.REJECTED, reason="invalid_grant")):
            await store.record_failure(KEY, 3, mark)
        with entry_beside(AuditEntry(AuditKind.LIFTED)):
            await store.lift_failure(KEY.provider_id)
        with entry_beside(UNLINKED):
            await store.delete(KEY)
        expect(
            [(entry.kind, entry.version) for entry in await entries(store)],
            [
                (AuditKind.CONNECTED, 1),
                (AuditKind.CONNECTED, 2),
                (AuditKind.REFRESHED, 3),
                (AuditKind.REJECTED, 3),
                (AuditKind.LIFTED, 3),
                (AuditKind.UNLINKED, 3),
            ],
            "each write must leave its entry",
        )
        expect(
            {(entry.provider_id, entry.user_id) for entry in await entries(store)},
            {(KEY.provider_id, KEY.user_id)},
            "with the link that was written",
        )

    @with_linking_store
    async def test_a_write_that_did_nothing_leaves_none(self, store: Store) -> None:
        """What lost its race must not say that it won."""
        await store.put(KEY, OLD)
        mark = RefreshFailure(reason="invalid_grant", at=await store.time(), version=7)
        for key, version in ((KEY, 7), (OTHER, 1)):
            with entry_beside(REFRESHED):
                await store.save(key, version, NEW)
            with entry_beside(AuditEntry(AuditKind.REJECTED)):
                await store.record_failure(key, version, attrs.evolve(mark, version=version))
        with entry_beside(UNLINKED):
            await store.delete(OTHER)
        with entry_beside(AuditEntry(AuditKind.LIFTED)):
            await store.lift_failure(KEY.provider_id)
        expect(await entries(store), [], "a write that changed nothing must leave no entry")

    @with_linking_store
    async def test_of_many_at_once_one_leaves_its_entry(self, store: Store) -> None:
        """Twenty save the same version, each with an entry: one has won, and says so."""
        await store.put(KEY, OLD)

        async def save(number: int) -> None:
            with entry_beside(AuditEntry(AuditKind.REFRESHED, reason=f"{number}")):
                await store.save(KEY, 1, TokenSet(f"at-{number}", "rt"))

        await asyncio.gather(*map(save, range(20)))
        link = await store.get(KEY)
        assert link is not None
        expect(
            [(f"at-{entry.reason}", entry.version) for entry in await entries(store)],
            [(link.tokens.access_token, 2)],
            "the entry must be the winner's",
        )

    @with_linking_store
    async def test_a_mark_lifted_from_many(self, store: Store) -> None:
        """Each link that it was lifted from has its entry."""
        for key in (KEY, OTHER):
            await store.put(key, OLD)
            mark = RefreshFailure(reason="invalid_grant", at=await store.time(), version=1)
            await store.record_failure(key, 1, mark)
        with entry_beside(AuditEntry(AuditKind.LIFTED, actor="operator:eve")):
            await store.lift_failure(KEY.provider_id)
        expect(
            {(entry.provider_id, entry.user_id, entry.actor) for entry in await entries(store)},
            {(key.provider_id, key.user_id, "operator:eve") for key in (KEY, OTHER)},
            "each link must have an entry of its own",
        )

    @with_linking_store
    async def test_an_entry_belongs_to_the_calls_of_its_block(self, store: Store) -> None:
        """Neither to what is called beside it, nor to what comes after it."""

        async def other() -> None:
            await store.put(OTHER, OLD)
            await store.claim(OTHER, 1, "owner", TTL)

        beside = asyncio.create_task(other())
        with entry_beside(CONNECTED):
            await asyncio.gather(store.put(KEY, OLD), beside)
        await store.save(KEY, 1, NEW)
        expect(
            [(entry.user_id, entry.version) for entry in await entries(store)],
            [(KEY.user_id, 1)],
            "only the write of the block has an entry",
        )

    @with_linking_store
    async def test_entries_are_found(self, store: Store) -> None:
        """By user, by either token, by time, page by page."""
        audit = trail(store)
        of_others = AuditEntry.of(AuditKind.CONNECTED, OTHER, tokens=OLD)
        await audit.append([CONNECTED, REFRESHED, of_others])
        found = await audit.find(user_id=KEY.user_id)
        expect([kind(entry) for _, entry in found], ["connected", "refreshed"], "find by user")
        for token in ("at-new", "rt-new"):
            found = await audit.find(hashed_token=fingerprint(token))
            expect([kind(entry) for _, entry in found], ["refreshed"], "find by a token")
        expect(await audit.find(hashed_token="at-new"), [], "find must not know tokens themselves")
        later = await store.time() + timedelta(seconds=1)
        expect(await audit.find(since=later), [], "find by time")
        expect(len(await audit.find(since=later - timedelta(hours=1))), 3, "find by time")
        ((number, _),) = await audit.find(limit=1)
        expect(len(await audit.find(after=number)), 2, "find goes on after a number")
        everything = await audit.find()
        newest = await audit.find(before=2**63 - 1, limit=2)
        expect(newest, everything[:0:-1], "find before a number: the newest first")
        expect(await audit.find(before=newest[-1][0]), everything[:1], "find goes on before a number")

    @with_linking_store
    async def test_entries_are_purged(self, store: Store) -> None:
        """Those from before, and no other; numbers do not come again."""
        audit = trail(store)
        await audit.append([CONNECTED, REFRESHED])
        ((_, last),) = [(number, entry) for number, entry in await audit.find()][1:]
        numbers = [number for number, _ in await audit.find()]
        expect(await audit.purge(await store.time() - timedelta(hours=1)), 0, "purge must keep what is newer")
        expect(await audit.purge(await store.time() + timedelta(seconds=1)), 2, "purge must count")
        expect(await audit.find(), [], "purge must remove")
        await audit.append([last])
        ((number, _),) = await audit.find()
        expect_that(number > max(numbers), "a number must not come again", f"{number} after {numbers}")


def trail(store: Store) -> AuditStore:
    """Return the store's trail."""
    return audit_of(cast("object", linking_beneath(store)))


async def entries(store: Store) -> list[AuditEntry]:
    """Return all entries."""
    return [entry for _, entry in await trail(store).find()]


def kind(entry: AuditEntry) -> str:
    """Return what it says that happened."""
    return entry.kind.value
