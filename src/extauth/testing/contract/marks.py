"""``record_failure`` and ``lift_failure``: marks beside the tokens, which erase nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs

from extauth.domain.doubt import doubt
from extauth.domain.fence import DOUBTFUL, FENCED, fence
from extauth.domain.link import LinkKey
from extauth.domain.outcomes import Recorded, Saved, Stale
from extauth.domain.ports import LinkStore
from extauth.testing.contract.expect import expect, expect_kind, expect_refusal
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import (
    AT,
    DEAD,
    FOR_NOW,
    KEY,
    MOMENT,
    burdened,
    claimed,
    saved,
    stored,
    tokens,
)
from extauth.testing.contract.witness import beneath


class MarkContract(StoreHarness):
    """Failure marks."""

    @with_store
    async def test_a_mark_touches_neither_tokens_nor_version(self, store: LinkStore) -> None:
        """The link is as before, with the mark."""
        before = await store.put(KEY, tokens())
        for failure in (FOR_NOW, DEAD):
            outcome = await store.record_failure(KEY, 1, failure)
            link = await stored(store)
            expected = attrs.evolve(before, failure=failure)
            expect(link, expected, "record_failure must add the mark and touch neither tokens nor version")
            expect(outcome, Recorded(link), "record_failure of the stored version must give Recorded")

    @with_store
    async def test_a_mark_leaves_the_lease(self, store: LinkStore) -> None:
        """Marking is not releasing."""
        await store.put(KEY, tokens())
        pending = (await claimed(store)).link.pending
        await store.record_failure(KEY, 1, DEAD)
        expect((await stored(store)).pending, pending, "record_failure must leave the lease")

    @with_store
    async def test_a_mark_tells_writes_of_one_version_apart(self, store: LinkStore) -> None:
        """A store that lost its last writes gives a version again, to what this failure says nothing of."""
        link = await store.put(KEY, tokens())
        for other in (link.updated_at - MOMENT, link.updated_at + MOMENT):
            for failure in (FOR_NOW, DEAD):
                outcome = await store.record_failure(KEY, 1, failure, written_at=other)
                promise = "record_failure with another written_at must give Stale with the stored link"
                expect(outcome, Stale(link), promise)
        expect(await store.get(KEY), link, "record_failure with another written_at must change nothing")
        outcome = await store.record_failure(KEY, 1, DEAD, written_at=link.updated_at)
        promise = "record_failure with the stored link's updated_at as written_at must give Recorded"
        expect_kind(outcome, Recorded, promise)

    @with_store
    async def test_a_losers_mark_never_stops_the_winners_save(self, store: LinkStore) -> None:
        """A save at the marked version still works, and lifts the mark."""
        promise = "save of a version that a loser has marked must give Saved"
        await store.put(KEY, tokens(1))
        await store.record_failure(KEY, 1, DEAD)
        link = expect_kind(await store.save(KEY, 1, tokens(2)), Saved, promise).link
        expect(link.failure, None, "save must lift the mark of the version before")
        expect(await store.get(KEY), link, "save must return the link as get does")

    @with_store
    async def test_a_late_mark_never_lands_on_newer_tokens(self, store: LinkStore) -> None:
        """A loser that comes after the winner's save marks nothing and gets the newer link."""
        await store.put(KEY, tokens(1))
        newer = await saved(store, 1, tokens(2))
        for version in (1, 3):
            outcome = await store.record_failure(KEY, version, attrs.evolve(DEAD, version=version))
            promise = f"record_failure of version {version} must give Stale with the link at 2"
            expect(outcome, Stale(newer), promise)
        expect(await store.get(KEY), newer, "record_failure of another version must change nothing")

    @with_store
    async def test_a_mark_is_about_the_version_it_names(self, store: LinkStore) -> None:
        """A failure of one version recorded at another is a mistake in the caller."""
        before = await store.put(KEY, tokens())
        for version, failure in ((2, DEAD), (1, attrs.evolve(DEAD, version=2))):
            call = beneath(store).record_failure(KEY, version, failure)
            promise = f"record_failure at version {version} of a failure of version {failure.version}"
            await expect_refusal(call, f"{promise} must raise ValueError")
            expect(await store.get(KEY), before, f"{promise} must write nothing")

    @with_store
    async def test_a_permanent_mark_stays(self, store: LinkStore) -> None:
        """A temporary failure does not hide that the grant was rejected."""
        promise = "record_failure must not replace a permanent mark by a temporary one"
        await store.put(KEY, tokens())
        await store.record_failure(KEY, 1, DEAD)
        outcome = await store.record_failure(KEY, 1, FOR_NOW)
        recorded = "record_failure of the stored version must give Recorded, whatever mark it has"
        expect(expect_kind(outcome, Recorded, recorded).link.failure, DEAD, promise)
        expect((await stored(store)).failure, DEAD, promise)

    @with_store
    async def test_other_marks_are_replaced(self, store: LinkStore) -> None:
        """The latest temporary mark counts, and a permanent one more."""
        await store.put(KEY, tokens())
        later = attrs.evolve(FOR_NOW, attempts=4, retry_at=AT + timedelta(minutes=1))
        for failure in (FOR_NOW, later, DEAD, attrs.evolve(DEAD, reason="reply_lost")):
            await store.record_failure(KEY, 1, failure)
            promise = "record_failure must replace a temporary mark, and a permanent one by a permanent one"
            expect((await stored(store)).failure, failure, promise)

    @with_store
    async def test_lifting_undoes_an_outage(self, store: LinkStore) -> None:
        """The operator's undo removes the marks of a provider and nothing else, and counts them."""
        keys = [LinkKey("github", "alice"), LinkKey("github", "bob"), LinkKey("gitlab", "alice")]
        before = [await store.put(key, tokens()) for key in keys]
        await store.put(LinkKey("github", "carol"), tokens())
        for key in keys:
            await store.record_failure(key, 1, DEAD)
        expect(await store.lift_failure("github"), 2, "lift_failure must return how many marks it removed")
        expect(await store.lift_failure("github"), 0, "lift_failure repeated must find no mark")
        for key, link in zip(keys[:2], before[:2], strict=True):
            expect(await store.get(key), link, "lift_failure must remove the mark and nothing else")
        other = attrs.evolve(before[2], failure=DEAD)
        expect(await store.get(keys[2]), other, "lift_failure must leave the marks of other providers")

    @with_store
    async def test_lifting_covers_named_links(self, store: LinkStore) -> None:
        """A provider's outage marks all its links, those of further accounts too, and no other provider's."""
        covered = ("github", "github/", "github/work", "github/\U0010ffff")
        others = (
            "github-app",
            "github.",
            "github0",
            "github2",
            "githu",
            "GitHub/work",
            "gitlab/github/",
            "x",
        )
        for provider in (*covered, *others):
            for user in ("alice", "bob"):
                await store.put(LinkKey(provider, user), tokens())
                await store.record_failure(LinkKey(provider, user), 1, DEAD)

        async def marked(user: str) -> list[str]:
            links = [await stored(store, LinkKey(provider, user)) for provider in (*covered, *others)]
            return [link.key.provider_id for link in links if link.failure is not None]

        promise = "lift_failure must lift the marks of links named below the provider, and of no other's"
        expect(await store.lift_failure("github", user_id="bob"), len(covered), promise)
        expect(await marked("alice"), [*covered, *others], "lift_failure for one user must be for no other")
        expect(await marked("bob"), list(others), promise)
        expect(
            await store.lift_failure("github/work"), 1, "lift_failure of a named link must be for that alone"
        )
        expect(await store.lift_failure("github"), len(covered) - 1, promise)
        expect(await marked("alice"), list(others), promise)

    @with_store
    async def test_a_fence_gives_way_to_no_failure(self, store: LinkStore) -> None:
        """An exchange that was under way when the fence was put up fails after that: the fence stands."""
        await store.put(KEY, tokens())
        await store.record_failure(KEY, 1, FOR_NOW)
        await store.record_failure(KEY, 1, fence(AT))
        promise = "record_failure must put a fence in the place of a temporary mark"
        expect((await stored(store)).failure, fence(AT), promise)
        for failure in (FOR_NOW, DEAD, fence(AT + timedelta(hours=1))):
            outcome = await store.record_failure(KEY, 1, failure)
            promise = "record_failure must leave a fence as it is, and give Recorded with it"
            expect(outcome, Recorded(await stored(store)), promise)
            expect((await stored(store)).failure, fence(AT), promise)
        link = await saved(store, 1, tokens(2))
        expect(link.failure, None, "save must clear a fence")

    @with_store
    async def test_a_fence_is_lifted_by_its_own_reason_alone(self, store: LinkStore) -> None:
        """Lifting the marks of an outage does not let links be refreshed that another place may refresh."""
        await store.put(KEY, tokens())
        await store.record_failure(KEY, 1, fence(AT))
        narrowed: tuple[dict[str, Any], ...] = (
            {},
            {"user_id": "alice"},
            {"since": AT},
            {"reason": "http_503"},
        )
        for narrow in narrowed:
            expect(await store.lift_failure("github", **narrow), 0, "lift_failure must not count a fence")
            promise = f"lift_failure with {narrow} must leave a fence"
            expect((await stored(store)).failure, fence(AT), promise)
        lifted = await store.lift_failure("github", reason=FENCED)
        expect(lifted, 1, "lift_failure with the reason of a fence must lift it")
        expect((await stored(store)).failure, None, "lift_failure with the reason of a fence must lift it")

    @with_store
    async def test_a_doubt_gives_way_to_what_is_worse(self, store: LinkStore) -> None:
        """A refresh token that may be spent is presented by no accident, and a grant that is over is over."""
        await store.put(KEY, tokens())
        for failure in (FOR_NOW, doubt(AT), FOR_NOW):
            await store.record_failure(KEY, 1, failure)
        promise = (
            "record_failure must replace a mark by a doubt, and leave that where a refresh failed for now"
        )
        expect((await stored(store)).failure, doubt(AT), promise)
        for reason in (None, "http_503", FENCED):
            lifted = await store.lift_failure("github", reason=reason)
            expect(lifted, 0, "lift_failure must leave a doubt unless its reason is given")
        for failure in (fence(AT), DEAD):
            await store.lift_failure("github", reason=FENCED)
            await store.record_failure(KEY, 1, doubt(AT))
            await store.record_failure(KEY, 1, failure)
            expect(
                (await stored(store)).failure, failure, "record_failure must replace a doubt by what is worse"
            )
        await store.lift_failure("github")
        await store.record_failure(KEY, 1, doubt(AT))
        lifted = await store.lift_failure("github", reason=DOUBTFUL)
        expect(lifted, 1, "lift_failure with the reason of a doubt must lift it")
        expect((await stored(store)).failure, None, "lift_failure with the reason of a doubt must lift it")

    @with_store
    async def test_lifting_leaves_leases(self, store: LinkStore) -> None:
        """An exchange under way, or left unresolved, stays so."""
        before = await burdened(store)
        await store.lift_failure("github")
        expected = attrs.evolve(before, failure=None)
        expect(await store.get(KEY), expected, "lift_failure must remove the mark and nothing else")

    @with_store
    async def test_lifting_can_be_narrowed(self, store: LinkStore) -> None:
        """To one user, to one reason, and to marks made at an instant or later."""
        marks = {"a": DEAD, "b": attrs.evolve(DEAD, at=AT + timedelta(hours=1)), "c": FOR_NOW}
        for user, failure in marks.items():
            await store.put(LinkKey("github", user), tokens())
            await store.record_failure(LinkKey("github", user), 1, failure)

        async def lifted(expected: set[str], **narrow: Any) -> None:
            count = await store.lift_failure("github", **narrow)
            found = {user for user in marks if (await stored(store, LinkKey("github", user))).failure is None}
            gone = found - seen
            seen.update(found)
            promise = f"lift_failure with {narrow} must lift the marks of {sorted(expected)}"
            expect(sorted(gone), sorted(expected), promise)
            expect(count, len(expected), "lift_failure must return how many marks it removed")

        seen: set[str] = set()
        await lifted(set(), reason="other")
        await lifted(set(), user_id="nobody")
        await lifted(set(), since=AT + timedelta(hours=2))
        await lifted({"b"}, since=AT + timedelta(microseconds=1))
        await lifted({"c"}, reason="http_503")
        await lifted(set(), user_id="a", reason="http_503")
        await lifted({"a"}, user_id="a", reason="invalid_grant", since=AT)
