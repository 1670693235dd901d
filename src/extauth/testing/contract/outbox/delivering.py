"""How events are handed to those who deliver them: each to one at a time, and each link's in order."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from extauth.domain.link import LinkKey
from extauth.testing.contract.expect import expect, expect_refusal, expect_that
from extauth.testing.contract.linking.harness import LinkingHarness
from extauth.testing.contract.outbox.harness import (
    ALICE,
    BOB,
    LONG,
    ME,
    NOW,
    YOU,
    OutboxWitness,
    broken_link,
    claimed_soon,
    kinds,
    one_claimed,
    taken,
    with_outbox,
)

BROKEN, RECOVERED = "link.broken", "link.recovered"
BRIEF = timedelta(milliseconds=1)


class OutboxDeliveringContract(LinkingHarness):
    """Claiming, acknowledging and postponing."""

    @with_outbox
    async def test_an_event_is_one_owners(self, store: OutboxWitness) -> None:
        """Until it has been dealt with, and then it is gone."""
        await broken_link(store)
        claimed = await one_claimed(store)
        expect(claimed.attempt, 1, "claim must count attempts")
        expect(await store.outbox.claim(YOU, LONG, limit=9), [], "claim must leave what another has leased")
        expect(await store.outbox.claim(ME, LONG, limit=9), [], "claim must leave what is leased already")
        promise = "acknowledge by another than who has the lease must return False and change nothing"
        expect(await store.outbox.acknowledge(claimed.number, YOU), False, promise)
        expect((await store.outbox.counts()).waiting, 1, promise)
        gone = await store.outbox.acknowledge(claimed.number, ME)
        expect(gone, True, "acknowledge must return True")
        expect((await store.outbox.counts()).waiting, 0, "acknowledge must remove the event")
        again = await store.outbox.acknowledge(claimed.number, ME)
        expect(again, False, "acknowledge of an event that is gone must return False")

    @with_outbox
    async def test_a_crashed_replicas_event_comes_again(self, store: OutboxWitness) -> None:
        """The same event, with the same id, to whoever asks when the lease is over; as another attempt."""
        await broken_link(store)
        first = await one_claimed(store, ME, BRIEF)
        claimed = await claimed_soon(store, YOU)
        promise = "claim after a lease is over must return the same event"
        expect([each.event for each in claimed], [first.event], promise)
        expect(claimed[0].attempt, 2, "claim must count attempts")
        late = await store.outbox.acknowledge(first.number, ME)
        expect(late, False, "acknowledge by who has lost the lease must return False")
        late = await store.outbox.postpone(first.number, ME, LONG, "late")
        expect(late, False, "postpone by who has lost the lease must return False")
        expect(await store.outbox.acknowledge(first.number, YOU), True, "acknowledge must return True")

    @with_outbox
    async def test_the_events_of_a_link_come_one_after_the_other(self, store: OutboxWitness) -> None:
        """The next one when the one before is gone; other links do not wait for it."""
        version = await broken_link(store)
        await store.lift_failure("github")
        bobs = await broken_link(store, BOB)
        claimed = await store.outbox.claim(ME, LONG, limit=100)
        promise = "claim must return the oldest event of each link alone"
        both = [(BROKEN, ALICE, version), (BROKEN, BOB, bobs)]
        expect(kinds([each.event for each in claimed]), both, promise)
        expect(await store.outbox.claim(YOU, LONG, limit=100), [], promise)
        await store.outbox.acknowledge(claimed[0].number, ME)
        expect(kinds(await taken(store)), [(RECOVERED, ALICE, version)], "the next event must get its turn")

    @with_outbox
    async def test_a_postponed_event_waits(self, store: OutboxWitness) -> None:
        """Until its time has come, and those after it of its link as well."""
        version = await broken_link(store)
        await store.lift_failure("github")
        claimed = await one_claimed(store)
        ended = await store.outbox.postpone(claimed.number, ME, LONG, "http_503")
        expect(ended, True, "postpone must return True")
        expect(await store.outbox.claim(YOU, LONG, limit=9), [], "a postponed event must hold its link's up")
        expect((await store.outbox.counts()).waiting, 2, "postpone must keep the event")
        await store.delete(ALICE)
        await broken_link(store)
        claimed = await one_claimed(store)
        await store.outbox.postpone(claimed.number, ME, BRIEF, "http_503")
        again = await claimed_soon(store, YOU)
        expect([each.event for each in again], [claimed.event], "claim must return it when it is due again")
        expect_that(version > 0, "put must give a version", "it gave none")

    @with_outbox
    async def test_an_event_that_cannot_be_delivered_is_set_aside(self, store: OutboxWitness) -> None:
        """It is listed, and the link's next one gets its turn."""
        version = await broken_link(store)
        await store.lift_failure("github")
        before = await store.time()
        dead = await one_claimed(store)
        await store.outbox.postpone(dead.number, ME, None, "gone")
        letters = await store.outbox.dead_letters()
        promise = "postpone without a delay must set the event aside"
        found = [(letter.number, letter.event, letter.attempts, letter.code) for letter in letters]
        expect(found, [(dead.number, dead.event, 1, "gone")], promise)
        expect_that(letters[0].at >= before - BRIEF, "dead_letters must say since when", f"{letters[0].at}")
        counts = await store.outbox.counts()
        expect((counts.waiting, counts.dead), (1, 1), f"{promise}: counts")
        promise = "the event after one that was set aside must get its turn"
        next_ones = await taken(store)
        expect(kinds(next_ones), [(RECOVERED, ALICE, version)], promise)
        expect(counts.oldest, next_ones[0].at, "counts must say when the first of those waiting happened")
        expect((await store.outbox.counts()).oldest, None, "counts must not look at what was set aside")

    @with_outbox
    async def test_what_was_set_aside_can_be_tried_again(self, store: OutboxWitness) -> None:
        """All of it or some, as if for the first time; or removed."""
        numbers: list[int] = []
        for key in (ALICE, BOB, LinkKey("github", "carol")):
            await broken_link(store, key)
            claimed = await one_claimed(store)
            await store.outbox.postpone(claimed.number, ME, None, "gone")
            numbers.append(claimed.number)
        seen = [letter.number for letter in await store.outbox.dead_letters(after=numbers[0], limit=1)]
        expect(seen, numbers[1:2], "dead_letters must return those above after, up to limit")
        expect(await store.outbox.requeue([]), 0, "requeue of none must do nothing")
        expect(await store.outbox.requeue(numbers[:1]), 1, "requeue must return how many")
        again = await one_claimed(store)
        expect((again.number, again.attempt), (numbers[0], 1), "requeue must begin anew")
        expect(await store.outbox.requeue([again.number]), 0, "requeue must leave what waits")
        expect(await store.outbox.discard([again.number, numbers[1]]), 1, "discard must leave what waits")
        expect(await store.outbox.requeue(), 1, "requeue of all must take what was set aside")
        expect(await store.outbox.discard(), 0, "discard of all must leave what waits")
        expect((await store.outbox.counts()).waiting, 2, "discard must remove what was set aside alone")

    @with_outbox
    async def test_as_many_as_asked_for_in_order(self, store: OutboxWitness) -> None:
        """The ones that have waited longest."""
        keys = [LinkKey("github", f"user-{number}") for number in range(5)]
        for key in keys:
            await broken_link(store, key)
        claimed = await store.outbox.claim(ME, LONG, limit=3)
        promise = "claim must return as many as asked for, in the order in which they became due"
        expect([each.event.key for each in claimed], keys[:3], promise)
        claimed = await store.outbox.claim(ME, LONG, limit=3)
        expect([each.event.key for each in claimed], keys[3:], promise)

    @with_outbox
    async def test_of_many_at_once_one_gets_each(self, store: OutboxWitness) -> None:
        """No event is claimed twice, and none is left."""
        for number in range(10):
            await broken_link(store, LinkKey("github", f"user-{number}"))
        found = await asyncio.gather(
            *(store.outbox.claim(f"owner-{number}", LONG, limit=2) for number in range(20))
        )
        numbers = [claimed.number for each in found for claimed in each]
        while more := await store.outbox.claim("late", LONG, limit=100):
            numbers += [claimed.number for claimed in more]
        expect(len(numbers), 10, "claim 20 times at once must return each event once")
        expect(len(set(numbers)), 10, "claim 20 times at once must return each event once")

    @with_outbox
    async def test_what_cannot_be_claimed(self, store: OutboxWitness) -> None:
        """A lease that has no length, nobody's lease, and no events."""
        for owner, ttl, limit in (("", LONG, 1), (ME, timedelta(0), 1), (ME, LONG, 0)):
            refused = store.outbox.claim(owner, ttl, limit=limit)
            await expect_refusal(refused, "claim must refuse an empty owner, and what is not positive")
        expect_that(NOW.tzinfo is not None, "times must be aware", "they are not")
