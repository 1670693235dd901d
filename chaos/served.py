"""Callers who read and rotate links without end, and when they were served."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, final

import attrs

from extauth import ExtAuthError, LinkKey, TokenService

PAUSE: Final = 0.02
"""Seconds, at most, between two calls of one caller."""


@final
@attrs.frozen
class Call:
    """One that has ended; times are the loop's."""

    replica: int
    what: str
    user: str
    began: float
    ended: float
    error: str | None


@final
class Callers:
    """Those of all replicas."""

    def __init__(self, keys: Sequence[LinkKey]) -> None:
        self._keys = keys
        self._calls: list[Call] = []

    @asynccontextmanager
    async def calling(self, replicas: Sequence[TokenService], *, each: int, seed: str) -> AsyncIterator[None]:
        """Let that many of each replica read meanwhile, and as many rotate."""
        tasks = [
            asyncio.create_task(
                self._call_for_ever(tokens, number, what, random.Random(f"{seed} {number} {what} {caller}"))
            )
            for number, tokens in enumerate(replicas)
            for what in ("read", "rotation")
            for caller in range(each)
        ]
        try:
            yield
            for task in tasks:
                if task.done():
                    task.result()  # raises: a caller ends by a bug only
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _call_for_ever(self, tokens: TokenService, replica: int, what: str, rng: random.Random) -> None:
        loop = asyncio.get_running_loop()
        while True:
            key = rng.choice(self._keys)
            began = loop.time()
            error = None
            try:
                link = await tokens.link(key.provider_id, key.user_id)
                if what == "rotation":
                    await tokens.refresh(key.provider_id, key.user_id, rejected=link.tokens.access_token)
            except ExtAuthError as failure:
                error = type(failure).__name__
            self._calls.append(Call(replica, what, key.user_id, began, loop.time(), error))
            await asyncio.sleep(rng.uniform(0, PAUSE))

    def _well(self, what: str, since: float) -> Iterator[Call]:
        """Find the calls that began later and ended well."""
        return (call for call in self._calls if call.what == what and call.began > since and not call.error)

    def rotated(self, replica: int) -> int:
        """Count the rotations that a replica has made."""
        return sum(call.replica == replica for call in self._well("rotation", 0))

    def by_all(self, what: str, replicas: int, since: float) -> float | None:
        """Return when the last of the replicas had served a call that began later; None if one has not."""
        served = ((call.replica, call.ended) for call in self._well(what, since))
        return _last_of_the_firsts(served, replicas)

    def of_all_links(self, since: float) -> float | None:
        """Return when the last link was rotated by a call that began later; None if one has not been."""
        rotated = ((call.user, call.ended) for call in self._well("rotation", since))
        return _last_of_the_firsts(rotated, len(self._keys))

    def last_failed(self, since: float) -> float:
        """Return when the last call ended that failed later; ``since`` if none has."""
        return max((call.ended for call in self._failed(since)), default=since)

    def failures(self, since: float) -> str:
        """Count the calls that failed later, by what they were and their error."""
        counted = Counter(f"{call.what}: {call.error}" for call in self._failed(since))
        return ", ".join(f"{number} {what}" for what, number in sorted(counted.items())) or "none"

    def _failed(self, since: float) -> Iterator[Call]:
        return (call for call in self._calls if call.error and call.ended > since)


def _last_of_the_firsts(ended: Iterable[tuple[int | str, float]], wanted: int) -> float | None:
    """Return when each of so many had its first; None if one has had none."""
    first: dict[int | str, float] = {}
    for whose, when in ended:
        first[whose] = min(when, first.get(whose, when))
    return max(first.values()) if len(first) == wanted else None
