"""Simultaneous calls on one store: one wins, the others are told, and nothing is mixed."""

from __future__ import annotations

import asyncio

from extauth.domain.link import Link, LinkKey
from extauth.domain.outcomes import Absent, Claimed, Held, Saved, SaveOutcome, Stale
from extauth.domain.ports import LinkStore
from extauth.domain.token_set import TokenSet
from extauth.testing.contract.expect import expect, expect_that
from extauth.testing.contract.harness import StoreHarness, with_store
from extauth.testing.contract.steps import DEAD, KEY, TTL, stored, tokens


class RacesContract(StoreHarness):
    """Atomicity, as far as it shows from outside."""

    @with_store
    async def test_one_of_many_claims_wins(self, store: LinkStore) -> None:
        """Of simultaneous claims by different owners one gets the lease."""
        await store.put(KEY, tokens())
        claims = (store.claim(KEY, 1, f"owner-{number}", TTL) for number in range(20))
        outcomes = await asyncio.gather(*claims)
        claimed = sum(isinstance(outcome, Claimed) for outcome in outcomes)
        held = sum(isinstance(outcome, Held) for outcome in outcomes)
        promise = "claim by 20 owners at once must give one Claimed and 19 Held"
        expect_that((claimed, held) == (1, 19), promise, f"{claimed} were Claimed and {held} Held")

    @with_store
    async def test_one_of_many_saves_wins(self, store: LinkStore) -> None:
        """Of simultaneous saves of one version one is stored; the others get it."""
        await store.put(KEY, tokens(1))
        outcomes = await asyncio.gather(*(store.save(KEY, 1, tokens(n)) for n in range(2, 22)))
        won = [outcome.link for outcome in outcomes if isinstance(outcome, Saved)]
        expect_that(len(won) == 1, "save of one version 20 times at once must store one", f"{len(won)} won")
        for outcome in outcomes:
            if not isinstance(outcome, Saved):
                expect(outcome, Stale(won[0]), "save that lost must give Stale with the link that won")
        expect(await store.get(KEY), won[0], "save that won must be what is stored")

    @with_store
    async def test_a_save_among_marks_wins(self, store: LinkStore) -> None:
        """However a winner's save and the losers' marks fall together, the new tokens stay unmarked."""
        await store.put(KEY, tokens(1))
        marks = [store.record_failure(KEY, 1, DEAD) for _ in range(6)]
        outcomes = await asyncio.gather(*marks[:3], store.save(KEY, 1, tokens(2)), *marks[3:])
        expect_that(
            isinstance(outcomes[3], Saved),
            "save must give Saved however many marks of its version come at once",
            f"it gave {type(outcomes[3]).__name__}",
        )
        link = await stored(store)
        expect(link.tokens, tokens(2), "record_failure must never undo a save")
        expect(link.failure, None, "record_failure must never mark the tokens of a newer version")

    @with_store
    async def test_an_authorization_among_saves_wins(self, store: LinkStore) -> None:
        """The user's new authorization is never lost to a refresh of the old one."""
        await store.put(KEY, tokens(1))
        saves = [store.save(KEY, 1, tokens(number)) for number in range(2, 8)]
        *_, link = await asyncio.gather(*saves[:3], *saves[3:], store.put(KEY, tokens(9)))
        expect_that(isinstance(link, Link), "put must return the link", f"it gave {link!r}")
        expect((await stored(store)).tokens, tokens(9), "put must win over saves of older versions")

    @with_store
    async def test_an_unlink_among_saves_wins(self, store: LinkStore) -> None:
        """However a delete and saves fall together, the user stays unlinked."""
        await store.put(KEY, tokens(1))
        saves = [store.save(KEY, 1, tokens(number)) for number in range(2, 8)]
        await asyncio.gather(*saves[:3], store.delete(KEY), *saves[3:])
        expect(await store.get(KEY), None, "save must never bring back a link that was removed")

    @with_store
    async def test_writes_of_many_links_at_once_keep_apart(self, store: LinkStore) -> None:
        """However a store puts simultaneous writes together, each call has the outcome of its own link."""
        keys = [LinkKey(KEY.provider_id, f"user-{number}") for number in range(30)]
        await asyncio.gather(*(store.put(key, tokens(1)) for key in keys))
        claims = await asyncio.gather(*(store.claim(key, 1, key.user_id, TTL) for key in keys))
        claimed = [claim.link.key if isinstance(claim, Claimed) else claim for claim in claims]
        expect(claimed, keys, "claim of 30 links at once must give each caller his own")
        # Every third one is lost, and every fifth link is gone.
        await asyncio.gather(*(store.put(key, tokens(1)) for key in keys[::3]))
        await asyncio.gather(*(store.delete(key) for key in keys[::5]))
        saves = await asyncio.gather(
            *(store.save(key, 1, tokens(number)) for number, key in enumerate(keys, 2))
        )
        for number, (key, save) in enumerate(zip(keys, saves, strict=True)):
            link = await store.get(key)
            expect(link is None, number % 5 == 0, "delete of 6 links at once must remove these and no other")
            own: SaveOutcome = Absent()
            if link is not None:
                own = Stale(link) if number % 3 == 0 else Saved(link)
            expect(save, own, "save of 30 links at once must give each caller the outcome of his own")
            if isinstance(save, Saved):
                expect(save.link.tokens, tokens(number + 2), "save of 30 links at once must store each one's")
        released = await asyncio.gather(*(store.release(key, 1, key.user_id) for key in keys))
        expect(released, [False] * 30, "release after the lease has ended must give False")

    @with_store
    async def test_versions_grow_through_racing_puts_and_deletes(self, store: LinkStore) -> None:
        """Whatever the order of simultaneous authorizations and unlinks, no version is given twice."""

        async def put(number: int) -> int:
            return (await store.put(KEY, tokens(number))).version

        async def unlink() -> None:
            await store.delete(KEY)

        work = [work for number in range(20) for work in (put(number), unlink())]
        versions = [version for version in await asyncio.gather(*work) if version is not None]
        expect_that(
            len(versions) == len(set(versions)) == 20,
            "put must never give a version that the key has had, however puts and deletes race",
            f"20 puts gave the versions {sorted(versions)}",
        )

    @with_store
    async def test_racing_writes_are_never_mixed(self, store: LinkStore) -> None:
        """Each version is the whole of one write: no link holds one write's half and another's."""
        await store.put(KEY, tokens(0))
        seen: list[Link] = []

        async def refresh(number: int) -> None:
            version = 1
            while True:
                outcome = await store.save(KEY, version, _whole(number))
                if not isinstance(outcome, Stale):
                    break
                seen.append(outcome.link)
                version = outcome.link.version
            if isinstance(outcome, Saved):
                seen.append(outcome.link)

        async def authorize(number: int) -> None:
            seen.append(await store.put(KEY, _whole(number)))

        async def look() -> None:
            for _ in range(40):
                seen.append(await stored(store))
                await asyncio.sleep(0)

        work = [work for number in range(1, 9) for work in (authorize(number + 10), refresh(number))]
        await asyncio.gather(*work[:8], look(), *work[8:], look())
        last = await stored(store)
        seen.append(last)
        credentials: dict[int, TokenSet] = {}
        for link in seen:
            written = credentials.setdefault(link.version, link.tokens)
            expect(link.tokens, written, "save and put must never give one version to two writes")
            whole = _whole(int(link.tokens.access_token.removeprefix("at-")))
            if link.version > 1:
                expect(link.tokens, whole, "save and put must store their tokens as a whole")
        expect(last.version, 17, "save and put must each move the version by 1: after 17 writes it")


def _whole(number: int) -> TokenSet:
    return tokens(number, scopes={f"scope-{number}"}, extra={"number": number})
