"""``due``: the links that upkeep should refresh, page by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from extauth.domain.link import LinkKey
from extauth.domain.ports import LinkStore
from extauth.testing.contract.expect import expect
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import DEAD, FOR_NOW, KEY, claimed, stored, tokens
from extauth.testing.contract.witness import beneath

LIMIT = datetime(2030, 6, 1, tzinfo=UTC)
SOON = LIMIT - timedelta(microseconds=1)
EARLY = datetime(2000, 1, 1, tzinfo=UTC)
FAR = datetime(2999, 1, 1, tzinfo=UTC)


async def due_users(store: LinkStore, expiring_before: datetime = LIMIT, **narrow: Any) -> list[str]:
    """Return the user ids of what is due."""
    links = await store.due("github", expiring_before=expiring_before, **narrow)
    return [link.key.user_id for link in links]


class UpkeepContract(StoreHarness):
    """Sweeps over many links."""

    @with_store
    async def test_due_finds_what_expires_before_the_limit(self, store: LinkStore) -> None:
        """Due are a provider's links with a refresh token whose access token expires before the limit."""
        users: dict[str, dict[str, Any]] = {
            "soon-2": {"expires_at": SOON},
            "soon-1": {"expires_at": SOON},
            "long ago": {"expires_at": datetime(1, 1, 2, tzinfo=UTC)},
            "at the limit": {"expires_at": LIMIT},
            "unknown": {"expires_at": None},
            "no refresh token": {"expires_at": SOON, "refresh_token": None},
        }
        for user, values in users.items():
            await store.put(LinkKey("github", user), tokens(**values))
        for provider in ("gitlab", "github/work", "githu", "github2"):
            await store.put(LinkKey(provider, "soon-1"), tokens(expires_at=SOON))
        promise = "due must list links with a refresh token that expire before the limit, by user id"
        expect(await due_users(store), ["long ago", "soon-1", "soon-2"], promise)
        for link in await store.due("github", expiring_before=LIMIT):
            expect(link, await store.get(link.key), "due must return links as get does")

    @with_store
    async def test_due_finds_links_unused_for_long(self, store: LinkStore) -> None:
        """With ``unused_since``, links whose credentials are older are due too, known expiry or not."""
        link = await store.put(KEY, tokens(expires_at=None))
        late = await store.put(LinkKey("github", "bob"), tokens(expires_at=FAR))
        due = await store.due("github", expiring_before=EARLY, unused_since=link.updated_at)
        expect(due, [], "due must not list links written at unused_since or later")
        after = late.updated_at + timedelta(microseconds=1)
        due = await store.due("github", expiring_before=EARLY, unused_since=after)
        expect(due, [link, late], "due must list links written before unused_since, whatever their expiry")

    @with_store
    async def test_due_of_either_reason_is_listed_once(self, store: LinkStore) -> None:
        """A link that is both expiring and unused is one link, and both conditions need a refresh token."""
        await store.put(KEY, tokens(expires_at=SOON))
        await store.put(LinkKey("github", "bob"), tokens(expires_at=SOON, refresh_token=None))
        await store.put(LinkKey("gitlab", "alice"), tokens(expires_at=SOON))
        promise = "due with unused_since must list the provider's links with a refresh token, each once"
        expect(await due_users(store, unused_since=FAR), ["alice"], promise)

    @with_store
    async def test_dead_links_are_not_due(self, store: LinkStore) -> None:
        """Upkeep leaves a rejected grant alone, but not one that failed for a while."""
        await store.put(KEY, tokens(expires_at=SOON))
        await store.record_failure(KEY, 1, FOR_NOW)
        expect(await due_users(store), ["alice"], "due must list a link with a temporary mark")
        await store.record_failure(KEY, 1, DEAD)
        promise = "due must not list a link with a permanent mark"
        expect(await due_users(store), [], promise)
        expect(await due_users(store, unused_since=FAR), [], promise)
        await store.lift_failure("github")
        expect(await due_users(store), ["alice"], "due must list a link whose mark was lifted")

    @with_store
    async def test_marks_and_leases_are_no_use_of_a_link(self, store: LinkStore) -> None:
        """When credentials were last written is what counts: a failed attempt does not count as use."""
        link = await store.put(KEY, tokens(expires_at=FAR))
        after = link.updated_at + timedelta(microseconds=1)
        await claimed(store)
        await store.record_failure(KEY, 1, FOR_NOW)
        await store.reseal(KEY, 1, tokens(2))
        promise = "record_failure, claim and reseal must leave updated_at"
        expect((await stored(store)).updated_at, link.updated_at, promise)
        found = await due_users(store, expiring_before=EARLY, unused_since=after)
        expect(found, ["alice"], "due must go by when credentials were last written")

    @with_store
    async def test_due_comes_page_by_page(self, store: LinkStore) -> None:
        """Pages follow each other by user id in code point order, and miss and repeat nobody."""
        users = ["Z", "a", "a-b", "ab", "b", "é", "\uff5e", "🗝"]
        for user in reversed(users):
            await store.put(LinkKey("github", user), tokens(expires_at=SOON))
        expect(await due_users(store), users, "due must be ordered by user id in code point order")
        expect(await due_users(store, limit=3), users[:3], "due must return at most limit links, the first")
        found: list[str] = []
        while page := await due_users(store, limit=3, after=found[-1] if found else None):
            found.extend(page)
            if len(found) > len(users):
                break
        expect(found, users, "due must continue after the user id given and miss and repeat nobody")
        await store.delete(LinkKey("github", "ab"))
        found = await due_users(store, after="ab")
        expect(found, users[4:], "due must continue after a user id that is no longer there")

    @with_store
    async def test_due_is_a_hundred_at_most_by_default(self, store: LinkStore) -> None:
        """Nobody gets a table in one answer by leaving the limit out."""
        for number in range(101):
            await store.put(LinkKey("github", f"user-{number:03}"), tokens(expires_at=SOON))
        links = await beneath(store).due("github", expiring_before=LIMIT)
        expect(len(links), 100, "due must return at most 100 links by default")
