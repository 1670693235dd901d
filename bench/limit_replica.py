"""One replica whose users' tokens have all expired: ``python -m bench.limit_replica``, which takes its
orders as JSON lines."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

from bench.links import PROVIDER, user
from extauth import LinkKey, TemporarilyUnavailable, TokenService, TokenSet, open_store
from extauth.adapters.oauth2 import OAuth2Provider


class Callers:
    """One for each user: asks until it has a token, and comes back when it is told to."""

    def __init__(self, tokens: TokenService, until: float) -> None:
        self._tokens = tokens
        self._until = until
        self.calls = 0
        self.untold = 0
        """Errors that did not say how long to wait."""
        self.due: Counter[int] = Counter()
        """How many were told, the first time, to come back in which second."""
        self.last = 0.0

    async def call(self, name: str) -> str:
        told = False
        while time.monotonic() < self._until:
            self.calls += 1
            try:
                await self._tokens.access_token(PROVIDER, name)
            except TemporarilyUnavailable as error:
                self.untold += error.retry_after is None
                wait = 1.0 if error.retry_after is None else error.retry_after.total_seconds()
                if not told:
                    self.due[int(time.monotonic() + wait)] += 1
                    told = True
                await asyncio.sleep(min(wait, max(self._until - time.monotonic(), 0.01)))
            except Exception as error:  # noqa: BLE001 - it is what is counted
                return type(error).__name__
            else:
                self.last = max(self.last, time.monotonic())
                return "served"
        return "waiting"


async def main() -> None:
    inbox = asyncio.StreamReader(limit=2**26)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(inbox), sys.stdin)
    orders = json.loads(await inbox.readline())
    provider = OAuth2Provider(PROVIDER, reach="loopback", **orders["provider"])
    async with open_store(orders["store"], keys="plain") as store, TokenService(store, [provider]) as tokens:
        expired = datetime.now(UTC) - timedelta(seconds=1)
        for number, (access, refresh) in enumerate(orders.get("grants", ())):
            await store.put(LinkKey(PROVIDER, user(number)), TokenSet(access, refresh, expires_at=expired))
        print("{}", flush=True)
        start = json.loads(await inbox.readline())
        callers = Callers(tokens, start["until"])
        first, last = orders["users"]
        outcomes = Counter(
            await asyncio.gather(*(callers.call(user(number)) for number in range(first, last)))
        )
        print(
            json.dumps(
                {
                    "outcomes": outcomes,
                    "calls": callers.calls,
                    "untold": callers.untold,
                    "crowd": max(callers.due.values(), default=0),
                    "last": callers.last,
                }
            ),
            flush=True,
        )
        await inbox.readline()
        if orders["abrupt"]:
            os._exit(0)  # whoever still waits would hold up the end of the measurement


if __name__ == "__main__":
    asyncio.run(main())
