"""``due``: the links that upkeep should look at, page by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from extauth.domain.due import Due, DueBy, due_at
from extauth.domain.link import LinkKey
from extauth.domain.ports import LinkStore
from extauth.testing.contract.expect import expect, expect_that
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import DEAD, FOR_NOW, KEY, claimed, stored, tokens
from extauth.testing.contract.witness import beneath

LIMIT = datetime(2030, 6, 1, tzinfo=UTC)
SOON = LIMIT - timedelta(microseconds=1)
FAR = datetime(2999, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


async def due_users(
    store: LinkStore, by: DueBy = DueBy.EXPIRY, before: datetime = LIMIT, **narrow: Any
) -> list[str]:
    """Return the user ids of what is due at github."""
    return [due.key.user_id for due in await store.due("github", by, before, **narrow)]


class UpkeepContract(StoreHarness):
    """Sweeps over many links."""

    @with_store
    async def test_due_finds_what_expires_before_the_limit(self, store: LinkStore) -> None:
        """Due by expiry are links with a refresh token whose access token expires before the limit."""
        users: dict[str, dict[str, Any]] = {
            "soon": {"expires_at": SOON},
            "before": {"expires_at": SOON - MICROSECOND},
            "long ago": {"expires_at": datetime(1, 1, 2, tzinfo=UTC)},
            "at the limit": {"expires_at": LIMIT},
            "unknown": {"expires_at": None},
            "no refresh token": {"expires_at": SOON, "refresh_token": None},
        }
        for user, values in users.items():
            await store.put(LinkKey("github", user), tokens(**values))
        promise = "due must list links with a refresh token that expire before the limit, the first first"
        expect(await due_users(store), ["long ago", "before", "soon"], promise)
        for due in await store.due("github", DueBy.EXPIRY, LIMIT):
            link = await stored(store, due.key)
            expect(due.at, link.tokens.expires_at, "due by expiry must say when the access token expires")

    @with_store
    async def test_due_covers_a_family(self, store: LinkStore) -> None:
        """The provider's links and those named below it, and no provider's whose id begins alike."""
        own = ["github", "github/work", "github/work/user"]
        for provider in (*own, "githu", "github2", "github-app", "github.", "github0", "a/github", "gitlab"):
            known = tokens(expires_at=SOON, refresh_token_expires_at=SOON)
            await store.put(LinkKey(provider, "alice"), known)
            await store.put(LinkKey(provider, "bob"), tokens(expires_at=SOON))
        for by in DueBy:
            user = {DueBy.HALF_LIFE: "alice", DueBy.AGE: "bob"}.get(by)
            for family, covered in (("github", own), ("github/work", own[1:]), ("github/wor", [])):
                due = await store.due(family, by, FAR)
                found = sorted({each.key.provider_id for each in due})
                promise = f"due of {family!r} must list its links and those named below it, and no others"
                expect(found, covered, promise)
                expect_that(
                    user is None or {each.key.user_id for each in due} <= {user},
                    "due by half life must list links whose refresh token's end is known, by age all others",
                    f"by {by.value} it listed another's",
                )

    @with_store
    async def test_due_by_half_life(self, store: LinkStore) -> None:
        """Half way from the last write to when the refresh token stops working, in order."""
        ends = {"one": timedelta(days=1), "two": timedelta(days=400), "three": timedelta(minutes=3)}
        now = (await store.put(KEY, tokens())).updated_at
        for user, span in ends.items():
            await store.put(LinkKey("github", user), tokens(refresh_token_expires_at=now + span))
        found = await store.due("github", DueBy.HALF_LIFE, FAR)
        promise = "due by half life must list links whose refresh token's end is known, the first first"
        expect([due.key.user_id for due in found], ["three", "one", "two"], promise)
        for due in found:
            at = due_at(await stored(store, due.key), DueBy.HALF_LIFE)
            expect_that(
                at is not None and abs(at - due.at) <= MICROSECOND,
                "due by half life must say when half of the time has passed",
                f"it said {due.at}, not {at}",
            )
            before = await due_users(store, DueBy.HALF_LIFE, due.at)
            expect_that(due.key.user_id not in before, "due must not list what is due at the limit", "it did")

    @with_store
    async def test_a_refresh_token_that_outlived_its_end(self, store: LinkStore) -> None:
        """An end that was over at the last write was none: the link is due by age."""
        link = await store.put(KEY, tokens())
        await store.put(KEY, tokens(refresh_token_expires_at=link.updated_at - timedelta(days=1)))
        expect(
            await due_users(store, DueBy.HALF_LIFE, FAR),
            [],
            "due by half life must leave out ends of the past",
        )
        expect(await due_users(store, DueBy.AGE, FAR), ["alice"], "due by age must list ends of the past")

    @with_store
    async def test_due_by_age(self, store: LinkStore) -> None:
        """Links of which nobody knows when the refresh token ends, by when they were last written."""
        first = await store.put(LinkKey("github", "zoe"), tokens(expires_at=None))
        link = await store.put(KEY, tokens(expires_at=FAR))
        await store.put(LinkKey("github", "bob"), tokens(refresh_token_expires_at=FAR))
        promise = (
            "due by age must list links whose credentials were written before the limit, the first first"
        )
        expect(await due_users(store, DueBy.AGE, first.updated_at), [], promise)
        due = await store.due("github", DueBy.AGE, link.updated_at + MICROSECOND)
        expect(due, sorted(Due(each.updated_at, each.key) for each in (first, link)), promise)

    @with_store
    async def test_dead_links_are_not_due(self, store: LinkStore) -> None:
        """Upkeep leaves a rejected grant alone, but not one that failed for a while."""
        for by, values in _OF_EACH.items():
            await store.put(KEY, tokens(**values))
            version = (await stored(store)).version
            await store.record_failure(KEY, version, attrs.evolve(FOR_NOW, version=version))
            found = await store.due("github", by, FAR)
            expect([due.key for due in found], [KEY], "due must list a link with a temporary mark")
            await store.record_failure(KEY, version, attrs.evolve(DEAD, version=version))
            expect(await due_users(store, by, FAR), [], "due must not list a link with a permanent mark")
            await store.lift_failure("github")
            expect(await due_users(store, by, FAR), ["alice"], "due must list a link whose mark was lifted")

    @with_store
    async def test_a_link_that_failed_is_due_when_it_may_be_tried(self, store: LinkStore) -> None:
        """It does not stand before all others until then; a mark that is over changes nothing."""
        for by, values in _OF_EACH.items():
            link = await store.put(KEY, tokens(**values))
            [due] = await store.due("github", by, FAR)
            for retry_at in (FAR - timedelta(days=1), datetime(2000, 1, 1, tzinfo=UTC)):
                failure = attrs.evolve(FOR_NOW, version=link.version, retry_at=retry_at)
                await store.record_failure(KEY, link.version, failure)
                [marked] = await store.due("github", by, FAR)
                promise = "due must say of a link with a temporary mark when to try it, if that is later"
                expect(marked.at, due.at if by is DueBy.AGE else max(retry_at, due.at), promise)

    @with_store
    async def test_marks_and_leases_are_no_use_of_a_link(self, store: LinkStore) -> None:
        """When credentials were last written is what counts: a failed attempt does not count as use."""
        link = await store.put(KEY, tokens(expires_at=FAR))
        await claimed(store)
        await store.record_failure(
            KEY, 1, attrs.evolve(FOR_NOW, retry_at=link.updated_at - timedelta(days=1))
        )
        await store.reseal(KEY, 1, tokens(2))
        promise = "record_failure, claim and reseal must leave updated_at"
        expect((await stored(store)).updated_at, link.updated_at, promise)
        promise = "due by age must go by when credentials were last written"
        expect(await store.due("github", DueBy.AGE, FAR), [Due(link.updated_at, KEY)], promise)

    @with_store
    async def test_due_comes_page_by_page(self, store: LinkStore) -> None:
        """Pages follow each other in order, and miss and repeat nobody, also where all are due at once."""
        users = ["Z", "a", "a-b", "ab", "b", "é", "\uff5e", "🗝"]
        keys = [LinkKey(provider, user) for provider in ("github", "github/work") for user in users]
        for key in reversed(keys):
            await store.put(key, tokens(expires_at=SOON))
        every = [Due(SOON, key) for key in keys]
        promise = "due must be ordered by when, provider id and user id, in code point order"
        expect(await store.due("github", DueBy.EXPIRY, LIMIT), every, promise)
        found: list[Due] = []
        for _ in range(len(every)):
            page = await store.due("github", DueBy.EXPIRY, LIMIT, limit=3, after=found[-1] if found else None)
            expect(page, every[len(found) :][:3], "due must continue after what it is given, and miss nobody")
            found.extend(page)
        await store.delete(keys[3])
        page = await store.due("github", DueBy.EXPIRY, LIMIT, after=every[3])
        expect(page, every[4:], "due must continue after a link that is no longer there")

    @with_store
    async def test_pages_go_on_through_time(self, store: LinkStore) -> None:
        """What is due later comes on a later page, whatever its key."""
        for by, values in _OF_EACH.items():
            for user in ("zoe", "bob", "alice"):
                await store.put(LinkKey("github", user), tokens(**values))
            pages: list[Due] = []
            for _ in range(3):
                after = pages[-1] if pages else None
                pages += await store.due("github", by, FAR, limit=1, after=after)
            expect(pages, sorted(pages), "due must go on with what is due later")
            promise = "due must miss and repeat nobody from page to page"
            expect(sorted(due.key.user_id for due in pages), ["alice", "bob", "zoe"], promise)
            end = await store.due("github", by, FAR, after=pages[-1])
            expect(end, [], "due must end where nothing more is due")

    @with_store
    async def test_due_is_a_hundred_at_most_by_default(self, store: LinkStore) -> None:
        """Nobody gets a table in one answer by leaving the limit out."""
        for number in range(101):
            await store.put(LinkKey("github", f"user-{number:03}"), tokens(expires_at=SOON))
        due = await beneath(store).due("github", DueBy.EXPIRY, LIMIT)
        expect(len(due), 100, "due must return at most 100 links by default")


_OF_EACH: dict[DueBy, dict[str, Any]] = {
    DueBy.EXPIRY: {"expires_at": SOON},
    DueBy.HALF_LIFE: {"refresh_token_expires_at": FAR},
    DueBy.AGE: {},
}
