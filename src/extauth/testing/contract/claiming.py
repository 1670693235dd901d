"""``claim``: one exchange at a time, and none forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from extauth.domain.link import Link, LinkKey
from extauth.domain.outcomes import Held, Stale
from extauth.domain.ports import LinkStore
from extauth.testing.contract.expect import expect, expect_kind, expect_refusal, expect_that
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import (
    BRIEF,
    KEY,
    TTL,
    claimed,
    claimed_after_lapse,
    lapsed,
    released,
    saved,
    stored,
    tokens,
)
from extauth.testing.contract.witness import beneath


class ClaimingContract(StoreHarness):
    """The lease as write-ahead intent."""

    @with_store
    async def test_a_claim_returns_the_link(self, store: LinkStore) -> None:
        """The claimed link is the one stored, its version and times untouched."""
        put = await store.put(KEY, tokens())
        claim = await claimed(store)
        expect(claim.unresolved_for, None, "claim must know of no earlier exchange where there was none")
        expect(claim.link, await store.get(KEY), "claim must return the link as get does")
        expect(_unclaimed(claim.link), _unclaimed(put), "claim must change nothing but the lease")
        pending = claim.link.pending
        expect_that(
            pending is not None and pending.live,
            "claim must return the link with a pending exchange whose lease is live",
            f"pending was {pending!r}",
        )

    @with_store
    async def test_a_claim_returns_what_was_written_last(self, store: LinkStore) -> None:
        """Whoever claims a version learns of its tokens as they are now, whatever was read before."""
        await store.put(KEY, tokens(1))
        await stored(store)
        await saved(store, 1, tokens(2))
        claim = await claimed(store, 2)
        expect(claim.link.tokens, tokens(2), "claim must return the tokens that were written last")

    @with_store
    async def test_a_live_lease_keeps_others_out(self, store: LinkStore) -> None:
        """Another owner is told how long the lease lasts, and changes nothing."""
        await store.put(KEY, tokens())
        await claimed(store)
        before = await stored(store)
        promise = "claim while another owner's lease is live must give Held"
        held = expect_kind(await store.claim(KEY, 1, "owner-2", TTL), Held, promise)
        expect_that(
            timedelta(0) < held.remaining <= TTL,
            f"claim must say how long the lease of {TTL} still lasts",
            f"it said {held.remaining}",
        )
        expect(await store.get(KEY), before, "claim that gives Held must change nothing")
        gave = await store.release(KEY, 1, "owner-2")
        expect(gave, False, "release by an owner whose claim gave Held must return False")
        await released(store)

    @with_store
    async def test_a_lease_runs_from_its_own_claim(self, store: LinkStore) -> None:
        """The lease lasts as long as its claim asked for: minutes are minutes and days are days."""
        for number, ttl in enumerate((timedelta(hours=1), timedelta(days=40, microseconds=1))):
            link = await store.put(KEY, tokens(number))
            await claimed(store, link.version, ttl=ttl)
            promise = "claim while another owner's lease is live must give Held"
            outcome = await store.claim(KEY, link.version, "owner-2", TTL)
            remaining = expect_kind(outcome, Held, promise).remaining
            expect_that(
                ttl - timedelta(minutes=5) < remaining <= ttl,
                f"claim must say how long the lease of {ttl} still lasts",
                f"it said {remaining}",
            )

    @with_store
    async def test_owners_are_told_apart_exactly(self, store: LinkStore) -> None:
        """Owner names are compared character for character."""
        await store.put(KEY, tokens())
        await claimed(store, owner="é-Replica")
        for owner in ("é-replica", "é-Replica ", "e\u0301-Replica", "é-Replic", "%"):
            outcome = await store.claim(KEY, 1, owner, TTL)
            expect_kind(outcome, Held, "claim by an owner of a similar name must give Held")
            gave = await store.release(KEY, 1, owner)
            expect(gave, False, "release by an owner of a similar name must return False")
        await claimed(store, owner="é-Replica")

    @with_store
    async def test_a_lease_is_on_one_link(self, store: LinkStore) -> None:
        """A lease keeps nobody from another user's link, or the same user's elsewhere."""
        keys = [KEY, LinkKey("github", "bob"), LinkKey("gitlab", "alice")]
        for key in keys:
            await store.put(key, tokens())
        for number, key in enumerate(keys):
            await claimed(store, owner=f"owner-{number}", key=key)

    @with_store
    async def test_claims_of_another_version_are_stale(self, store: LinkStore) -> None:
        """Who has read an old version gets the link as it is now, and no lease."""
        await store.put(KEY, tokens(1))
        newer = await store.put(KEY, tokens(2))
        for version in (1, 3):
            outcome = await store.claim(KEY, version, "owner-1", TTL)
            expect(outcome, Stale(newer), f"claim of version {version} must give Stale with the link at 2")
        expect(await store.get(KEY), newer, "claim of another version must take no lease")

    @with_store
    async def test_stale_wins_over_held(self, store: LinkStore) -> None:
        """A newer version is worth more than news of its lease."""
        await store.put(KEY, tokens(1))
        await store.put(KEY, tokens(2))
        await claimed(store, 2)
        outcome = await store.claim(KEY, 1, "owner-2", TTL)
        expect_kind(outcome, Stale, "claim of an old version must give Stale even while a lease is live")

    @with_store
    async def test_an_owner_renews_its_lease(self, store: LinkStore) -> None:
        """The same owner may claim again; its own claim is no unresolved exchange."""
        await store.put(KEY, tokens())
        first = await claimed(store, ttl=timedelta(hours=5))
        again = await claimed(store, ttl=TTL)
        expect(
            again.unresolved_for, None, "claim repeated must not count its own earlier claim as unresolved"
        )
        expect(again.link.pending, first.link.pending, "claim repeated must leave when the exchange began")
        outcome = await store.claim(KEY, 1, "owner-2", TTL)
        held = expect_kind(outcome, Held, "claim while another owner's renewed lease is live must give Held")
        expect_that(
            held.remaining <= TTL,
            f"claim repeated must make the lease last {TTL} from now",
            f"{held.remaining} were left",
        )

    @with_store
    async def test_an_owner_renews_a_lapsed_lease(self, store: LinkStore) -> None:
        """Nor is it one when the lease lapsed in between and nobody else has claimed."""
        await store.put(KEY, tokens())
        await claimed(store, ttl=BRIEF)
        await lapsed(store)
        again = await claimed(store)
        expect(again.unresolved_for, None, "claim repeated must not count its own lapsed claim as unresolved")
        outcome = await store.claim(KEY, 1, "owner-2", TTL)
        expect_kind(outcome, Held, "claim while another owner's renewed lease is live must give Held")

    @with_store
    async def test_a_renewal_still_tells_of_others_exchanges(self, store: LinkStore) -> None:
        """Claiming again does not make another owner's unresolved exchange forgotten."""
        await store.put(KEY, tokens())
        await claimed(store)
        await released(store, unresolved=True)
        for _ in range(2):
            claim = await claimed(store, owner="owner-2")
            expect_that(
                claim.unresolved_for is not None,
                "claim, and claim repeated, must report another owner's unresolved exchange",
                "unresolved_for was None",
            )

    @with_store
    async def test_a_lapsed_lease_is_an_unresolved_exchange(self, store: LinkStore) -> None:
        """The next owner learns that an earlier exchange began, how long ago, and gets the lease."""
        await store.put(KEY, tokens())
        await claimed(store, ttl=BRIEF)
        claim = await claimed_after_lapse(store, "owner-2")
        expect_that(
            claim.unresolved_for is not None and claim.unresolved_for >= BRIEF,
            f"claim after a lapse must report the earlier exchange, begun at least {BRIEF} ago",
            f"unresolved_for was {claim.unresolved_for}",
        )
        outcome = await store.claim(KEY, 1, "owner-3", TTL)
        expect_kind(outcome, Held, "claim of a lapsed lease must take it: the next claim by another")

    @with_store
    async def test_the_oldest_unresolved_exchange_counts(self, store: LinkStore) -> None:
        """When several owners crashed, the age is that of the first."""
        await store.put(KEY, tokens())
        first = _since((await claimed(store, ttl=BRIEF)).link)
        ages: list[timedelta] = []
        for owner in ("owner-2", "owner-3"):
            claim = await claimed_after_lapse(store, owner, BRIEF)
            expect(_since(claim.link), first, "claim must show the pending exchange that began first")
            ages.append(claim.unresolved_for or timedelta(0))
        expect_that(
            ages[1] > ages[0],
            "claim must report the age of the oldest unresolved exchange",
            f"it gave {ages[0]} and later {ages[1]}",
        )

    @with_store
    async def test_a_lapse_changes_no_credentials(self, store: LinkStore) -> None:
        """A crashed holder leaves tokens, version and times as they were."""
        before = await store.put(KEY, tokens())
        await claimed(store, ttl=BRIEF)
        link = await lapsed(store)
        expect(_unclaimed(link), _unclaimed(before), "claim must change nothing but the lease")
        expect_that(
            link.pending is not None,
            "get after a lease lapsed must still show the pending exchange",
            "pending was None",
        )

    @with_store
    async def test_a_lease_is_for_some_time_and_for_somebody(self, store: LinkStore) -> None:
        """A lease that lapses at once or that nobody owns guards nothing and is refused."""
        before = await store.put(KEY, tokens())
        for owner, ttl in (("owner-1", timedelta(0)), ("owner-1", timedelta(seconds=-1)), ("", TTL)):
            what = f"claim with a ttl of {ttl}" if owner else "claim with an empty owner"
            await expect_refusal(beneath(store).claim(KEY, 1, owner, ttl), f"{what} must raise ValueError")
            expect(await store.get(KEY), before, f"{what} must write nothing")


def _since(link: Link) -> datetime | None:
    # Whether a lease this brief is still live when the link is read is another matter.
    return link.pending and link.pending.since


def _unclaimed(link: Link) -> Link:
    return attrs.evolve(link, pending=None)
