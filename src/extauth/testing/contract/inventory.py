"""``inventory``: listing links for an operator, with no token among what is listed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, get_args

import attrs

from extauth.domain.inventory import (
    SOON,
    CountedLinks,
    FoundLinks,
    LinkFilter,
    LinkInventory,
    LinkState,
    LinkSummary,
    inventory_of,
    matches,
)
from extauth.domain.link import Account, Link, LinkKey
from extauth.domain.linking import PendingAuthorization
from extauth.domain.linking_ports import Store
from extauth.testing.contract.expect import expect, expect_kind, expect_refusal, expect_that
from extauth.testing.contract.linking.harness import LinkingHarness, with_linking_store
from extauth.testing.contract.steps import (
    AT,
    BRIEF,
    DEAD,
    FOR_NOW,
    ORIGIN,
    TTL,
    full_tokens,
    released,
    stored,
    tokens,
)
from extauth.testing.contract.witness import beneath

_PROVIDERS = ("github", "github/work", "github-app", "github2", "gitlab")
_HOUR = timedelta(hours=1)


class InventoryContract(LinkingHarness):
    """Every sentence of the :class:`~extauth.domain.inventory.LinkInventory` contract as a test.

    For a store that the commands of ``extauth`` are to list; the hooks are those of
    :class:`~extauth.testing.LinkStoreContract`, and one class may have all of them as bases.
    """

    @with_linking_store
    async def test_a_summary_is_the_link_without_its_tokens(self, store: Store) -> None:
        """All that there is to know, and no text of a token in it."""
        links = await _stocked(store)
        found = await _inventory(store).find(LinkFilter(), limit=1000)
        expect_kind(found, FoundLinks, "find must return FoundLinks")
        expected = [LinkSummary.of(link, await store.time()) for link in links]
        said = [attrs.evolve(each, encrypted_with=None) for each in found.links]
        plain = [attrs.evolve(each, encrypted_with=None) for each in expected]
        expect(said, plain, "find must return what get does of each link, in the order of the keys")
        expect(found.next, None, "find that has found all must say that none follows")
        text = repr(found)
        expect_that("at-" not in text and "rt-" not in text, "find must return no token", f"it was {text}")

    @with_linking_store
    async def test_each_state_is_told(self, store: Store) -> None:
        """What a link is like is one word, and all but the damaged ones have been seen here."""
        await _stocked(store)
        found = await _inventory(store).find(LinkFilter(provider_id="gitlab"), limit=1000)
        states = {each.key.user_id: each.state for each in found.links}
        expected = {state: state for state in get_args(LinkState) if state != "unreadable"}
        expect(
            states,
            {**expected, "lapsed": "ok", "abandoned": "unresolved"},
            "find must say what each link is like",
        )

    @with_linking_store
    async def test_what_is_asked_for_is_found(self, store: Store) -> None:
        """Every condition, alone and with others; a provider covers what is named below it, and no other."""
        links = await _stocked(store)
        now = await store.time()
        for wanted in _wanted(now):
            found = await _inventory(store).find(wanted, limit=1000)
            expected = [link.key for link in links if matches(link, wanted, now)]
            expect([each.key for each in found.links], expected, f"find must find what matches {wanted!r}")

    @with_linking_store
    async def test_pages_leave_nothing_out(self, store: Store) -> None:
        """Whatever the size of the pages, each link comes once and in order."""
        links = await _stocked(store)
        for limit in (1, 2, 3, len(links) - 1, len(links)):
            seen: list[LinkKey] = []
            after: LinkKey | None = None
            while True:
                found = await _inventory(store).find(LinkFilter(), after=after, limit=limit)
                expect_that(len(found.links) <= limit, "find must return at most limit", str(found))
                seen += [each.key for each in found.links]
                if found.next is None:
                    break
                after = found.next
            expect(seen, [link.key for link in links], f"find in pages of {limit} must find each once")

    @with_linking_store
    async def test_going_on_after_a_key_that_is_gone(self, store: Store) -> None:
        """A page goes on where the last one ended, also if that link was removed meanwhile."""
        links = await _stocked(store)
        await store.delete(links[2].key)
        found = await _inventory(store).find(LinkFilter(), after=links[2].key, limit=1000)
        keys = [each.key for each in found.links]
        expect(keys, [link.key for link in links[3:]], "find must return what comes after the key")
        wanted = LinkFilter(provider_id="github")
        found = await _inventory(store).find(wanted, after=LinkKey("github/work", "alice"), limit=1000)
        expect([each.key.user_id for each in found.links], ["bob"], "find must keep to the provider, after")

    @with_linking_store
    async def test_a_page_must_have_room(self, store: Store) -> None:
        """Pages of nothing would never end."""
        for limit in (0, -1):
            call = inventory_of(beneath(store)).find(LinkFilter(), limit=limit)
            await expect_refusal(call, f"find with the limit {limit} must raise ValueError")

    @with_linking_store
    async def test_links_are_counted(self, store: Store) -> None:
        """By provider and state, of those that match."""
        links = await _stocked(store)
        now = await store.time()
        for wanted in _wanted(now):
            counts: dict[tuple[str, LinkState], int] = {}
            after: LinkKey | None = None
            while True:
                counted = await _inventory(store).count(wanted, after=after)
                expect_kind(counted, CountedLinks, "count must return CountedLinks")
                for each, number in counted.counts.items():
                    counts[each] = counts.get(each, 0) + number
                if counted.next is None:
                    break
                after = counted.next
            expected: dict[tuple[str, LinkState], int] = {}
            for link in links:
                if matches(link, wanted, now):
                    summary = LinkSummary.of(link, now)
                    name = summary.key.provider_id, summary.state
                    expected[name] = expected.get(name, 0) + 1
            expect(counts, expected, f"count must count what matches {wanted!r}")

    @with_linking_store
    async def test_what_a_lift_would_lift_is_known_before(self, store: Store) -> None:
        """A mark is found by what ``lift_failure`` finds it by."""
        await _stocked(store)
        for provider, reason, since in (
            ("github", None, None),
            ("gitlab", "invalid_grant", None),
            ("gitlab", None, AT + _HOUR),
        ):
            wanted = LinkFilter(provider_id=provider, marked=True, reason=reason, marked_since=since)
            counted = await _inventory(store).count(wanted)
            lifted = await store.lift_failure(provider, reason=reason, since=since)
            promise = "count of marks must be what lift_failure then lifts"
            expect(sum(counted.counts.values()), lifted, promise)

    @with_linking_store
    async def test_a_damaged_link_hides_no_other(self, store: Store) -> None:
        """Upkeep of all does not end at one."""
        keys = [LinkKey("github", user) for user in ("alice", "bob", "carol")]
        for key in keys:
            await store.put(key, tokens())
        await self.spoil(keys[1])
        found = await _inventory(store).find(LinkFilter())
        expect([each.key for each in found.links], keys, "find must list the links beside a damaged one")

    @with_linking_store
    async def test_a_users_authorizations_are_listed(self, store: Store) -> None:
        """Those begun and those taken, without what is secret."""
        for number, (provider, user) in enumerate(
            [("gitlab", "alice"), ("github", "alice"), ("github", "bob"), ("atlassian", "alice")]
        ):
            pending = PendingAuthorization(
                state_hash=f"hash-{number}", key=LinkKey(provider, user), redirect_uri="https://a/", salt="s"
            )
            await store.begin_authorization(pending, TTL)
        await store.take_authorization("hash-1", user_id="alice")
        begun = await _inventory(store).authorizations_of("alice")
        said = [(each.provider_id, each.taken) for each in begun]
        expected = [("atlassian", False), ("github", True), ("gitlab", False)]
        expect(said, expected, "authorizations_of must list the user's, and which were taken")
        now = await store.time()
        expect_that(
            all(now < each.expires_at <= now + TTL for each in begun),
            "authorizations_of must say until when they are remembered",
            repr(begun),
        )
        await store.forget_authorizations(LinkKey("gitlab", "alice"))
        providers = [each.provider_id for each in await _inventory(store).authorizations_of("alice")]
        expect(providers, ["atlassian", "github"], "authorizations_of must not list what was forgotten")


def _inventory(store: Store) -> LinkInventory:
    return inventory_of(beneath(store))


def _wanted(now: Any) -> list[LinkFilter]:
    """Return what operators ask for."""
    return [
        LinkFilter(),
        *(LinkFilter(provider_id=provider) for provider in (*_PROVIDERS, "git", "x")),
        *(LinkFilter(state=state) for state in get_args(LinkState)),
        *(LinkFilter(user_id=user) for user in ("alice", "bob", "nobody")),
        LinkFilter(provider_id="github", user_id="bob"),
        *(LinkFilter(due_before=now + span) for span in (-_HOUR, timedelta(0), SOON, 10000 * _HOUR)),
        LinkFilter(provider_id="gitlab", due_before=now + SOON, state="expiring"),
        LinkFilter(marked=True),
        LinkFilter(reason="invalid_grant"),
        LinkFilter(reason="http_503", marked_since=AT),
        LinkFilter(marked_since=AT + _HOUR),
        LinkFilter(provider_id="github", marked=True),
    ]


async def _stocked(store: Store) -> list[Link]:
    """Keep a link of every kind, and return them by key."""
    now = await store.time()
    for provider in _PROVIDERS[:-1]:
        for user in ("bob", "alice"):
            await store.put(LinkKey(provider, user), full_tokens(), origin=ORIGIN)
    await store.record_account(LinkKey("github", "bob"), 1, Account("1", "bob", "Bob", "https://a/b.png"))
    await store.record_failure(LinkKey("github/work", "bob"), 1, DEAD)
    lives = {"expiring": SOON / 2, "expired": -_HOUR, "broken": _HOUR, "leased": _HOUR, "cooling": _HOUR}
    for user in ("ok", "lapsed", "unresolved", "abandoned", *lives):
        life = lives.get(user)
        given = tokens(expires_at=None if life is None else now + life)
        await store.put(LinkKey("gitlab", user), given)
    await store.record_failure(LinkKey("gitlab", "broken"), 1, DEAD)
    later = attrs.evolve(FOR_NOW, at=now, retry_at=now + _HOUR)
    await store.record_failure(LinkKey("gitlab", "cooling"), 1, later)
    # Its pause is over, so that it may be tried again.
    await store.record_failure(LinkKey("gitlab", "lapsed"), 1, FOR_NOW)
    await store.claim(LinkKey("gitlab", "leased"), 1, "owner-1", TTL)
    await store.claim(LinkKey("gitlab", "unresolved"), 1, "owner-1", TTL)
    await released(store, unresolved=True, key=LinkKey("gitlab", "unresolved"))
    # Whoever refreshed it has died.
    await store.claim(LinkKey("gitlab", "abandoned"), 1, "owner-1", BRIEF)
    while (pending := (await stored(store, LinkKey("gitlab", "abandoned"))).pending) is None or pending.live:
        await asyncio.sleep(BRIEF.total_seconds())
    keys = [LinkKey(provider, user) for provider in _PROVIDERS[:-1] for user in ("alice", "bob")]
    keys += [LinkKey("gitlab", user) for user in ("ok", "lapsed", "unresolved", "abandoned", *lives)]
    return [link for key in sorted(keys) if (link := await store.get(key)) is not None]
