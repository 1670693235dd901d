"""``imports``: links that come from elsewhere, added where there is none, and the keys of what is there."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import attrs

from extauth.domain.fence import fence
from extauth.domain.imports import Added, AddOutcome, AlreadyThere, ImportedLink, imports_of
from extauth.domain.link import Account, Link, LinkKey
from extauth.domain.ports import LinkStore
from extauth.testing.contract.broken_storage import expect_broken, expect_unavailable
from extauth.testing.contract.expect import expect, expect_kind, expect_that
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import (
    AT,
    DEAD,
    KEY,
    ORIGIN,
    burdened,
    claimed,
    full_tokens,
    saved,
    stored,
    tokens,
)
from extauth.testing.contract.witness import Witness, beneath

CREATED = datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
ACCOUNT = Account("4711", login="alice", display_name="Alice", avatar_url="https://a.example/4711.png")
LEAST = ImportedLink(KEY, tokens())
FULL = ImportedLink(
    KEY,
    full_tokens(),
    origin=ORIGIN,
    account=ACCOUNT,
    failure=fence(AT),
    created_at=CREATED,
    updated_at=CREATED + timedelta(days=30),
)


async def added(store: LinkStore, link: ImportedLink) -> AddOutcome:
    """Add a link; the store must not raise."""
    adding = imports_of(beneath(store)).add(link)
    return await (store.call("add", adding) if isinstance(store, Witness) else adding)


class ImportsContract(StoreHarness):
    """Moving links in and out."""

    @with_store
    async def test_an_imported_link_is_added_whole(self, store: LinkStore) -> None:
        """Tokens, origin, account, mark and times are all there from the first moment on."""
        expect(
            await added(store, FULL), Added(1), "add where there is no link must give Added with version 1"
        )
        assert FULL.created_at is not None
        assert FULL.updated_at is not None
        expected = Link(
            KEY,
            self.given_out(FULL.tokens),
            1,
            FULL.created_at,
            FULL.updated_at,
            failure=FULL.failure,
            origin=FULL.origin,
            account=FULL.account,
        )
        expect(await stored(store), expected, "add must store every field of the link")

    @with_store
    async def test_the_least_of_an_import_is_like_a_put(self, store: LinkStore) -> None:
        """What the other place did not say is not made up, and its times are those of the store's clock."""
        put = await store.put(LinkKey("github", "bob"), tokens())
        await added(store, LEAST)
        link = await stored(store)
        expected = attrs.evolve(put, key=KEY, created_at=link.created_at, updated_at=link.updated_at)
        expect(link, expected, "add of tokens alone must store what put stores")
        expect_that(
            put.created_at <= link.created_at <= link.updated_at,
            "add without times must take the store's",
            f"they were {link.created_at} and {link.updated_at}, after a put at {put.created_at}",
        )

    @with_store
    async def test_an_import_overwrites_nothing(self, store: LinkStore) -> None:
        """What a user has authorized here stays, with its lease and its mark, however old it is."""
        before = await burdened(store)
        came = await added(store, attrs.evolve(FULL, tokens=tokens(2)))
        expect(came, AlreadyThere(), "add where there is a link must give AlreadyThere")
        expect(await stored(store), before, "add where there is a link must change nothing")

    @with_store
    async def test_an_import_can_be_repeated(self, store: LinkStore) -> None:
        """Who does not know whether it was carried out does it again: the same link is there once."""
        await added(store, FULL)
        link = await stored(store)
        expect(await added(store, FULL), AlreadyThere(), "add repeated must give AlreadyThere")
        expect(await stored(store), link, "add repeated must change nothing")

    @with_store
    async def test_an_import_never_repeats_a_version(self, store: LinkStore) -> None:
        """An exchange begun before an unlink is never saved over a link imported after it."""
        await store.put(KEY, tokens(1))
        await saved(store, 1, tokens(2))
        await store.delete(KEY)
        outcome = expect_kind(await added(store, FULL), Added, "add after a delete must add the link: add")
        expect(outcome.version, 3, "add must give a version that the key never had: add after version 2 gave")
        link = await stored(store)
        expect(link.version, outcome.version, "add must return the version of the link")
        promise = "add must put the mark on the version that it gives"
        expect(link.failure, fence(AT, outcome.version), promise)

    @with_store
    async def test_an_import_keeps_an_unresolved_exchange(self, store: LinkStore) -> None:
        """A refresh token that may be spent there is not presented here as if it were not."""
        now = (await store.put(LinkKey("github", "bob"), tokens())).updated_at
        await added(store, attrs.evolve(LEAST, unresolved_since=now))
        pending = (await stored(store)).pending
        expect_that(
            pending is not None and pending.since == now and not pending.live,
            "add must keep since when an exchange is unresolved",
            f"pending was {pending!r}",
        )
        unresolved_for = (await claimed(store)).unresolved_for
        promise = "claim after an add must say for how long an exchange is unresolved"
        expect_that(unresolved_for is not None, promise, "it said None")

    @with_store
    async def test_one_of_many_imports_wins(self, store: LinkStore) -> None:
        """Of imports at the same moment one is carried out, whole."""
        links = [attrs.evolve(LEAST, tokens=tokens(number)) for number in range(8)]
        outcomes = await asyncio.gather(*(added(store, link) for link in links))
        promise = "add at the same moment as others must give Added to one of them"
        expect([outcome for outcome in outcomes if isinstance(outcome, Added)], [Added(1)], promise)
        winner = links[outcomes.index(Added(1))]
        expect((await stored(store)).tokens, winner.tokens, "add must store what it said that it added: add")

    @with_store
    async def test_an_authorization_among_imports_wins(self, store: LinkStore) -> None:
        """Whichever comes first, the user's own authorization is what is stored in the end."""
        adds = [added(store, attrs.evolve(LEAST, tokens=tokens(number))) for number in range(2, 6)]
        await asyncio.gather(*adds[:2], store.put(KEY, tokens(1)), *adds[2:])
        expect((await stored(store)).tokens, tokens(1), "add must not be carried out over a put: add")

    @with_store
    async def test_keys_come_page_by_page(self, store: LinkStore) -> None:
        """Keys follow each other by provider and user, in code point order; none is missed or repeated."""
        users = ["Z", "a", "é", "\uff5e", "🗝"]
        providers = ["Git", "git", "github", "github-app", "github/work", "github2"]
        expected = [LinkKey(provider, user) for provider in providers for user in users]
        for key in reversed(expected):
            await store.put(key, tokens())
        imports = imports_of(beneath(store))
        expect(await imports.keys(), expected, "keys must list the keys of all links in their order")
        family = [key for key in expected if key.provider_id in {"github", "github/work"}]
        promise = "keys of a provider must list its links and those named below it"
        expect(await imports.keys(provider_id="github"), family, promise)
        for provider, wanted in ((None, expected), ("github", family)):
            found: list[LinkKey] = []
            while page := await imports.keys(
                provider_id=provider, after=found[-1] if found else None, limit=4
            ):
                expect_that(len(page) <= 4, "keys must return at most limit keys", f"it gave {len(page)}")
                found += page
            expect(found, wanted, "keys after the last one must go on where the page before ended: keys")

    @with_store
    async def test_imports_of_a_broken_store_fail(self, store: LinkStore) -> None:
        """Neither an outage nor a missing table reads as a link that is there, or as no links."""
        await store.put(KEY, tokens())
        await expect_broken(self)
        imports = imports_of(beneath(store))
        calls = {"add": imports.add(attrs.evolve(LEAST, failure=DEAD)), "keys": imports.keys()}
        ends = await asyncio.gather(*calls.values(), return_exceptions=True)
        for method, end in zip(calls, ends, strict=True):
            expect_unavailable(method, end)
