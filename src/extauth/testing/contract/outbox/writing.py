"""When a store writes events: in the step that makes them true, and for nothing else."""

from __future__ import annotations

from datetime import timedelta

import attrs

from extauth.domain.link import Account
from extauth.domain.outbox import LinkBroken, LinkEvent
from extauth.testing.contract.expect import expect, expect_kind, expect_that
from extauth.testing.contract.linking.harness import LinkingHarness
from extauth.testing.contract.outbox.harness import (
    ALICE,
    BOB,
    LONG,
    ME,
    TOKENS,
    OutboxWitness,
    broken_link,
    kinds,
    mark,
    taken,
    unheard,
    with_outbox,
    with_outbox_replicas,
)

BROKEN, RECOVERED = "link.broken", "link.recovered"


class OutboxWritingContract(LinkingHarness):
    """Broken and recovered links."""

    @with_outbox
    async def test_a_permanent_mark_breaks_a_link(self, store: OutboxWitness) -> None:
        """The event says which link, at which version, why and when by the store's clock."""
        before = await store.time()
        version = await broken_link(store, reason="token_revoked")
        after = await store.time()
        promise = "record_failure of a permanent mark must write one LinkBroken"
        events = await taken(store)
        expect(kinds(events), [(BROKEN, ALICE, version)], promise)
        event = expect_kind(events[0], LinkBroken, promise)
        expect(event.reason, "token_revoked", f"{promise} with its reason")
        told = before - timedelta(milliseconds=1) <= event.at <= after + timedelta(milliseconds=1)
        expect_that(told, f"{promise} with the time by the store's clock", f"it is {event.at}")
        expect_that(bool(event.id), f"{promise} with an id", "it has none")

    @with_outbox
    async def test_a_temporary_mark_breaks_nothing(self, store: OutboxWitness) -> None:
        """An outage of the provider is no event; a permanent mark after it is."""
        link = await store.put(ALICE, TOKENS)
        await store.record_failure(ALICE, link.version, mark(link.version, "http_503", retry=True))
        expect(await taken(store), [], "record_failure of a temporary mark must write no event")
        await store.record_failure(ALICE, link.version, mark(link.version))
        promise = "record_failure of a permanent mark over a temporary one must write one event"
        expect(kinds(await taken(store)), [(BROKEN, ALICE, link.version)], promise)

    @with_outbox
    async def test_a_link_breaks_once(self, store: OutboxWitness) -> None:
        """Marks on a link that is broken already are no event, nor are those that are not recorded."""
        version = await broken_link(store)
        await store.record_failure(ALICE, version, mark(version, "reply_lost"))
        await store.record_failure(ALICE, version, mark(version, "http_503", retry=True))
        await store.record_failure(ALICE, version + 1, mark(version + 1))
        promise = "record_failure for a broken link, or for another version, must write no further event"
        expect(kinds(await taken(store)), [(BROKEN, ALICE, version)], promise)

    @with_outbox
    async def test_what_mends_a_link(self, store: OutboxWitness) -> None:
        """A save, a new authorization and a lift each tell that it works again, at its version then."""
        version = await broken_link(store)
        await store.save(ALICE, version, TOKENS)
        expected = [(BROKEN, ALICE, version), (RECOVERED, ALICE, version + 1)]
        expect(kinds(await taken(store)), expected, "save over a permanent mark must write LinkRecovered")
        version = await broken_link(store)
        await store.put(ALICE, TOKENS)
        expected = [(BROKEN, ALICE, version), (RECOVERED, ALICE, version + 1)]
        expect(kinds(await taken(store)), expected, "put over a permanent mark must write LinkRecovered")
        version = await broken_link(store)
        await store.lift_failure("github")
        expected = [(BROKEN, ALICE, version), (RECOVERED, ALICE, version)]
        expect(kinds(await taken(store)), expected, "lift_failure must write LinkRecovered")

    @with_outbox
    async def test_what_was_not_broken_does_not_recover(self, store: OutboxWitness) -> None:
        """Neither a link without a mark nor one with a temporary one."""
        link = await store.put(ALICE, TOKENS)
        await store.save(ALICE, link.version, TOKENS)
        await store.put(ALICE, TOKENS)
        for write in ("save", "put", "lift"):
            link = await store.put(ALICE, TOKENS)
            await store.record_failure(ALICE, link.version, mark(link.version, "http_503", retry=True))
            if write == "save":
                await store.save(ALICE, link.version, TOKENS)
            elif write == "lift":
                await store.lift_failure("github")
        expect(await taken(store), [], "a write of a link that was not broken must write no event")

    @with_outbox
    async def test_what_is_no_event(self, store: OutboxWitness) -> None:
        """Leases, encryption and accounts leave a broken link broken, and tell nothing."""
        version = await broken_link(store)
        await taken(store)
        await store.claim(ALICE, version, ME, LONG)
        await store.release(ALICE, version, ME, unresolved=True)
        await store.reseal(ALICE, version, attrs.evolve(TOKENS, access_token="at-2"))
        await store.record_account(ALICE, version, Account("1"))
        expect(await taken(store), [], "claim, release, reseal and record_account must write no event")

    @with_outbox
    async def test_many_links_are_lifted_at_once(self, store: OutboxWitness) -> None:
        """Each of them is told, and none that was not broken."""
        broken = {ALICE: await broken_link(store), BOB: await broken_link(store, BOB)}
        await store.put(attrs.evolve(BOB, user_id="carol"), TOKENS)
        await taken(store)
        await store.lift_failure("github")
        promise = "lift_failure must write LinkRecovered for each link that was broken"
        expected = sorted((RECOVERED, key, version) for key, version in broken.items())
        expect(sorted(kinds(await taken(store))), expected, promise)

    @with_outbox
    async def test_each_event_has_an_id_of_its_own(self, store: OutboxWitness) -> None:
        """Events come in the order in which they happened to a link."""
        expected: list[str] = []
        for _ in range(3):
            await broken_link(store)
            await store.lift_failure("github")
            expected += [BROKEN, RECOVERED]
        events = await taken(store)
        expect([event.type for event in events], expected, "the events of a link must come in order")
        expect(len({event.id for event in events}), len(expected), "each event must have another id")

    @with_outbox
    async def test_a_link_that_is_removed_has_no_events(self, store: OutboxWitness) -> None:
        """Nobody is asked to mend what a user has removed; other links' events stay."""
        await broken_link(store)
        version = await broken_link(store, BOB)
        await store.delete(ALICE)
        promise = "delete must remove the link's events, and no others"
        expect(kinds(await taken(store)), [(BROKEN, BOB, version)], promise)

    @unheard
    async def test_nothing_is_written_for_nobody(self, store: OutboxWitness) -> None:
        """Before anybody has listened, and after that is over: what nobody reads must not grow."""
        await broken_link(store)
        await store.lift_failure("github")
        counts = await store.outbox.counts()
        expect((counts.waiting, counts.listening_until), (0, None), "nothing must be written before keep_on")
        await store.outbox.keep_on(timedelta(microseconds=1))
        until = (await store.outbox.counts()).listening_until
        while until is None or await store.time() <= until:
            pass
        await broken_link(store)
        await store.lift_failure("github")
        expect(await taken(store), [], "nothing must be written after what keep_on has said is over")
        await store.outbox.keep_on()
        version = await broken_link(store)
        expect(kinds(await taken(store)), [(BROKEN, ALICE, version)], "keep_on must switch it on again")

    @with_outbox
    async def test_listening_is_never_shortened(self, store: OutboxWitness) -> None:
        """Of two replicas the one that asks for longer decides."""
        await store.outbox.keep_on(timedelta(days=60))
        until = (await store.outbox.counts()).listening_until
        await store.outbox.keep_on(timedelta(days=1))
        expect((await store.outbox.counts()).listening_until, until, "keep_on must never shorten")

    @with_outbox_replicas
    async def test_what_another_replica_writes_is_told(
        self, one: OutboxWitness, other: OutboxWitness
    ) -> None:
        """Whoever writes, and whoever reads."""
        version = await broken_link(other)
        events: list[LinkEvent] = await taken(one)
        expect(kinds(events), [(BROKEN, ALICE, version)], "an event of another replica must be had")
