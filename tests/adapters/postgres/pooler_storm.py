"""Replicas that share links, and a few server connections, behind a pooler.

``python -m tests.adapters.postgres.pooler_storm ADDRESS NUMBER CALLERS ROUNDS DENIED`` is one of them.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from datetime import timedelta

import attrs

from extauth.adapters.postgres import PostgresLinkStore
from extauth.domain.errors import StoreUnavailable
from extauth.domain.link import LinkKey
from extauth.domain.outcomes import Claimed, Saved
from extauth.domain.token_set import TokenSet

KEYS = [LinkKey("github", f"user-{number}") for number in range(30)]
_LEASE = timedelta(minutes=5)


def tokens_of(key: LinkKey) -> TokenSet:
    """Return tokens that say whose they are."""
    return TokenSet(f"at-of-{key.user_id}", f"rt-of-{key.user_id}")


@attrs.frozen
class Ravages:
    """What a storm has left."""

    missing: int
    """Links that are gone, though nobody deleted them."""
    wrong: int
    """Links with another's tokens, or not with as many versions as were saved."""
    errors: Counter[str]
    """What callers were told went wrong, over all replicas."""


async def storm(
    pooled: str, direct: str, *, replicas: int, callers: int, rounds: int, denied: bool = False
) -> Ravages:
    """Make the links, and let processes read, claim, save and release them, and delete others.

    They come by the address ``pooled`` and have forgotten that there is a pooler, or with ``denied`` say
    that there is none.
    """
    async with PostgresLinkStore.open(direct) as store:
        for key in KEYS:
            await store.put(key, tokens_of(key))
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, pooled, *map(str, (number, callers, rounds, int(denied)))),
            stdout=asyncio.subprocess.PIPE,
        )
        for number in range(replicas)
    ]
    saved: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    try:
        for process in processes:
            printed, _ = await process.communicate()
            report = json.loads(printed)
            saved.update(report["saved"])
            errors.update(report["errors"])
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
                await process.wait()
    async with PostgresLinkStore.open(direct) as store:
        links = [link for key in KEYS if (link := await store.get(key)) is not None]
    right = [
        (tokens_of(link.key), 1 + saved[link.key.user_id]) == (link.tokens, link.version) for link in links
    ]
    return Ravages(len(KEYS) - len(links), right.count(False), errors)


class _Replica:
    def __init__(self, number: int) -> None:
        self._number = number
        self.saved: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()

    async def call(self, store: PostgresLinkStore, caller: int, rounds: int) -> None:
        """Do one thing after the other. What goes wrong is counted, and the next thing done."""
        dice = random.Random(1000 * self._number + caller)
        for turn in range(rounds):
            owner = f"{self._number}-{caller}-{turn}"
            try:
                await self._do(store, dice.choice(KEYS), dice.randrange(4), owner)
            except StoreUnavailable as error:
                self.errors[type(error.__cause__).__name__] += 1

    async def _do(self, store: PostgresLinkStore, key: LinkKey, what: int, owner: str) -> None:
        if what == 0:
            other = LinkKey("github", f"other-{owner}")
            await store.put(other, tokens_of(other))
            await store.delete(other)
            return
        link = await store.get(key)
        if what == 1 or link is None:
            return
        if isinstance(await store.claim(key, link.version, owner, _LEASE), Claimed):
            if what == 2:
                await store.release(key, link.version, owner)
            elif isinstance(await store.save(key, link.version, tokens_of(key)), Saved):
                self.saved[key.user_id] += 1


async def _main(dsn: str, number: int, callers: int, rounds: int, denied: int) -> None:
    replica = _Replica(number)
    while True:
        try:
            said = False if denied else None
            async with PostgresLinkStore.open(dsn, transaction_pooling=said) as store:
                await asyncio.gather(*(replica.call(store, caller, rounds) for caller in range(callers)))
            break
        except StoreUnavailable as error:
            replica.errors[f"{type(error.__cause__).__name__} when opening"] += 1  # and is started again
    sys.stdout.write(json.dumps({"saved": replica.saved, "errors": replica.errors}))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], *map(int, sys.argv[2:])))
