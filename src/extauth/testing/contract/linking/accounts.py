"""``record_account``: whose account a link is for, noted beside the tokens."""

from __future__ import annotations

import asyncio

import attrs

from extauth.domain.link import Account, LinkKey
from extauth.domain.linking_ports import Store
from extauth.domain.outcomes import Absent, Recorded, Saved, Stale
from extauth.testing.contract.expect import expect, expect_kind
from extauth.testing.contract.interruptions import interrupted, moments
from extauth.testing.contract.linking.harness import LinkingHarness, with_linking_store
from extauth.testing.contract.linking.steps import ACCOUNT, ANOTHER_ACCOUNT, known
from extauth.testing.contract.steps import DEAD, KEY, TTL, burdened, claimed, released, saved, stored, tokens
from extauth.testing.contract.values import ODD_TEXTS


class AccountsContract(LinkingHarness):
    """Accounts at the provider."""

    @with_linking_store
    async def test_an_account_is_recorded_and_nothing_else(self, store: Store) -> None:
        """Neither version nor tokens, lease, mark or times change: a refresh under way can still save."""
        before = await burdened(store)
        expect(before.account, None, "put must give a link without an account")
        outcome = await store.record_account(KEY, 1, ACCOUNT)
        link = await stored(store)
        expected = attrs.evolve(before, account=ACCOUNT)
        expect(link, expected, "record_account must write the account and touch nothing else")
        expect(outcome, Recorded(link), "record_account of the stored version must give Recorded")
        save = await store.save(KEY, 1, tokens(2))
        expect_kind(save, Saved, "record_account must not make the save of the same version miss: save")

    @with_linking_store
    async def test_an_account_is_recorded_whole(self, store: Store) -> None:
        """What is known later replaces what was known before: no part of another account stays."""
        await store.put(KEY, tokens())
        for account in (ACCOUNT, ANOTHER_ACCOUNT, attrs.evolve(ACCOUNT, login=None)):
            link = await known(store, account)
            expect(link.account, account, "record_account must replace the account whole")
            expect((await stored(store)).account, account, "record_account must replace the account whole")

    @with_linking_store
    async def test_an_account_of_another_version_changes_nothing(self, store: Store) -> None:
        """What was found out with old tokens says nothing about new ones, which may be another account's."""
        await store.put(KEY, tokens(1))
        newer = await store.put(KEY, tokens(2))
        for version in (1, 3):
            outcome = await store.record_account(KEY, version, ACCOUNT)
            promise = f"record_account of version {version} must give Stale with the link at 2"
            expect(outcome, Stale(newer), promise)
        expect(await store.get(KEY), newer, "record_account of another version must change nothing")
        missing = LinkKey("gitlab", "alice")
        outcome = await store.record_account(missing, 1, ACCOUNT)
        expect(outcome, Absent(), "record_account of a link that is not there must give Absent")
        expect(await store.get(missing), None, "record_account must never make a link")

    @with_linking_store
    async def test_a_refresh_keeps_the_account(self, store: Store) -> None:
        """A save is the same grant's, and so the same account's."""
        await store.put(KEY, tokens(1))
        await known(store)
        link = await saved(store, 1, tokens(2))
        expect(link.account, ACCOUNT, "save must keep the account")
        expect(await store.get(KEY), link, "save must keep the account in the store")

    @with_linking_store
    async def test_a_save_of_another_grant_forgets_the_account(self, store: Store) -> None:
        """Tokens that are saved over another grant's, as after a failover, are not that account's."""
        await store.put(KEY, tokens(1))
        await known(store)
        outcome = await store.save(KEY, 1, tokens(2), other_grant=True)
        link = expect_kind(outcome, Saved, "save of another grant must give Saved").link
        expect(link.account, None, "save of another grant must forget the account")
        expect(await store.get(KEY), link, "save of another grant must forget the account in the store")

    @with_linking_store
    async def test_what_writes_no_credentials_keeps_the_account(self, store: Store) -> None:
        """Claims, marks and re-encryption are not about whose account it is."""
        await store.put(KEY, tokens(1))
        await known(store)
        link = (await claimed(store)).link
        expect(link.account, ACCOUNT, "claim must keep the account")
        await store.record_failure(KEY, 1, DEAD)
        expect((await stored(store)).account, ACCOUNT, "record_failure must keep the account")
        await store.lift_failure("github")
        expect((await stored(store)).account, ACCOUNT, "lift_failure must keep the account")
        await store.reseal(KEY, 1, tokens(2))
        expect((await stored(store)).account, ACCOUNT, "reseal must keep the account")
        await released(store)
        expect((await stored(store)).account, ACCOUNT, "release must keep the account")

    @with_linking_store
    async def test_an_authorization_forgets_the_account(self, store: Store) -> None:
        """The user's new authorization may be another account's."""
        await store.put(KEY, tokens(1))
        await known(store)
        link = await store.put(KEY, tokens(2))
        expect(link.account, None, "put must forget the account")
        expect(await store.get(KEY), link, "put must forget the account in the store")

    @with_linking_store
    async def test_an_unlink_forgets_the_account(self, store: Store) -> None:
        """It comes back with the link that was removed, and not with the next one."""
        await store.put(KEY, tokens(1))
        before = await known(store)
        expect(await store.delete(KEY), before, "delete must return the link with its account")
        link = await store.put(KEY, tokens(2))
        expect(link.account, None, "put after a delete must give a link without the old account")

    @with_linking_store
    async def test_lists_show_the_account(self, store: Store) -> None:
        """A user's links say whose account they are for."""
        await store.put(KEY, tokens(1))
        link = await known(store)
        expect(await store.links_of("alice"), [link], "links_of must return links with their accounts")
        gave = await store.wait_for_change(KEY, 1, TTL)
        expect(gave, link, "wait_for_change must return the link with its account")

    @with_linking_store
    async def test_an_account_is_one_links(self, store: Store) -> None:
        """Neither the user's other links nor other users' are for that account."""
        keys = [LinkKey("gitlab", "alice"), LinkKey("github", "ALICE"), LinkKey("github/work", "alice")]
        others = [await store.put(key, tokens(number)) for number, key in enumerate(keys)]
        await store.put(KEY, tokens())
        await known(store)
        for other in others:
            expect(await store.get(other.key), other, "record_account must touch no other link")

    @with_linking_store
    async def test_odd_accounts_come_back(self, store: Store) -> None:
        """Every character is kept, and nothing where there is nothing."""
        await store.put(KEY, tokens())
        for text in (*ODD_TEXTS, ""):
            account = Account(text[:255] or "1", text, text, text)
            await known(store, account)
            expect((await stored(store)).account, account, "record_account must store texts unchanged")
        await known(store, ANOTHER_ACCOUNT)
        promise = "record_account must store None as None"
        expect((await stored(store)).account, ANOTHER_ACCOUNT, promise)

    @with_linking_store
    async def test_a_save_among_accounts_wins(self, store: Store) -> None:
        """However a save and accounts fall together, the new tokens are there."""
        await store.put(KEY, tokens(1))
        work = [store.record_account(KEY, 1, ACCOUNT) for _ in range(6)]
        outcomes = await asyncio.gather(*work[:3], store.save(KEY, 1, tokens(2)), *work[3:])
        expect_kind(outcomes[3], Saved, "save must give Saved however many accounts come at once")
        link = await stored(store)
        expect((link.version, link.tokens), (2, tokens(2)), "record_account must never undo a save")

    @with_linking_store
    async def test_a_cancelled_account_can_be_repeated(self, store: Store) -> None:
        """The account is whole or not there, and touches nothing else."""
        for key, turns in moments():
            before = await store.put(key, tokens())
            await interrupted(store.record_account(key, 1, ACCOUNT), turns)
            now = await stored(store, key)
            if now != before:
                promise = "record_account that was cancelled must leave the account whole or not at all"
                expect(now, attrs.evolve(before, account=ACCOUNT), promise)
            link = await known(store, key=key)
            promise = "record_account repeated after a cancelled one must record the account"
            expect(link, attrs.evolve(before, account=ACCOUNT), promise)
