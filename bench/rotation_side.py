"""One version's rotations: ``python -m bench.rotation_side``, which takes its orders as JSON lines.

It uses nothing of ours but what every version has: the comparison may run it on an older one.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any, final

from extauth import TokenService, open_store
from extauth.domain.link import LinkKey
from extauth.domain.outcomes import Exchanged
from extauth.domain.policy import ProviderTraits
from extauth.domain.token_set import TokenSet

PROVIDER = "github"
ISSUED = datetime.now(UTC)
EXPIRY = ISSUED + timedelta(hours=8)
SCOPES = frozenset({"repo", "user"})
LINKS = 512


def token_set(number: int) -> TokenSet:
    """As long as the tokens of common providers; made at little cost, which is none of what is measured."""
    return TokenSet(f"at-{number:037d}", f"rt-{number:073d}", EXPIRY, SCOPES, issued_at=ISSUED)


@final
class InMemory:
    """A provider that answers at once and rotates."""

    def __init__(self) -> None:
        self.provider_id = PROVIDER
        self.traits = ProviderTraits()
        self.origin = None
        self._numbers = itertools.count(LINKS)

    async def refresh(self, tokens: TokenSet, *, resource: str | None = None) -> Exchanged:  # noqa: ARG002
        return Exchanged(token_set(next(self._numbers)))

    async def revoke(self, tokens: TokenSet) -> bool:  # noqa: ARG002
        return True


async def rotate(tokens: TokenService, users: Any, callers: int, seconds: float) -> dict[str, float]:
    """Have that many callers refresh one link after another; says seconds for each rotation."""
    done = 0
    began, cpu = time.perf_counter(), time.process_time()
    end = began + seconds

    async def caller() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await tokens.refresh(PROVIDER, next(users))
            done += 1

    await asyncio.gather(*(caller() for _ in range(callers)))
    return {
        "each": (time.perf_counter() - began) / done,
        "cpu": (time.process_time() - cpu) / done,
        "done": done,
    }


def unencrypted(url: str) -> Any:
    """Open a store that encrypts nothing; the oldest versions cannot, and so do not want to be told."""
    try:
        return open_store(url, keys="plain")
    except TypeError:
        return open_store(url)


async def main() -> None:
    inbox = asyncio.StreamReader(limit=2**20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(inbox), sys.stdin)
    orders = json.loads(await inbox.readline())
    async with (
        unencrypted(orders["store"]) as store,
        TokenService(store, [InMemory()]) as tokens,
    ):
        names = [f"user-{number}" for number in range(LINKS)]
        await asyncio.gather(
            *(store.put(LinkKey(PROVIDER, name), token_set(number)) for number, name in enumerate(names))
        )
        print("{}", flush=True)
        users = itertools.cycle(names)
        while line := await inbox.readline():
            print(json.dumps(await rotate(tokens, users, **json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
