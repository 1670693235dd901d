"""One side of a move: ``python -m bench.moving_side``, which takes its orders as JSON lines."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from typing import Any, final

from bench.links import PROVIDER
from extauth import ExtAuthError, TokenService, open_store
from extauth.adapters.encryption import EncryptionKey
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.domain.linking_ports import Store
from extauth.transfer import export_links, import_links, read_export

PACE = 0.002
"""Seconds that a caller rests between two calls, so that the server has its turn on a small machine."""


@final
class Side:
    """A token service on a store of its own, with callers that never stop asking."""

    def __init__(self, store: Store, tokens: TokenService, users: list[str]) -> None:
        self._store = store
        self._tokens = tokens
        self._users = users
        self._answers: Counter[str] = Counter()
        self._callers: list[asyncio.Task[None]] = []

    async def hammer(self, callers: int) -> dict[str, Any]:
        self._callers = [asyncio.create_task(self._caller(number)) for number in range(callers)]
        return {}

    async def stop(self) -> dict[str, Any]:
        for caller in self._callers:
            caller.cancel()
        await asyncio.wait(self._callers)
        return dict(self._answers)

    async def answers(self) -> dict[str, Any]:
        return dict(self._answers)

    async def give(self, file: str, key: str, *, freeze: bool) -> dict[str, Any]:
        report = await export_links(self._store, file, key=EncryptionKey.parse(key), freeze=freeze)
        return {
            "exported": report.exported,
            "frozen": report.frozen,
            "left_out": [left.reason for left in report.left_out],
        }

    async def take(self, file: str, key: str, *, frozen: bool) -> dict[str, Any]:
        rows = read_export(file, key=EncryptionKey.parse(key))
        report = await import_links(self._store, rows, frozen=frozen)
        return {
            "added": report.added,
            "fenced": report.fenced,
            "renewed": report.renewed,
            "already_there": len(report.already_there),
            "refused": [row.reason for row in report.refused],
        }

    async def refresh_all(self) -> dict[str, Any]:
        """Refresh every link once more; says how that ended."""
        ends: Counter[str] = Counter()
        waiting = iter(self._users)

        async def some() -> None:
            for user in waiting:
                ends[await self._end(self._tokens.refresh(PROVIDER, user))] += 1

        await asyncio.gather(*(some() for _ in range(16)))
        return dict(ends)

    async def _caller(self, number: int) -> None:
        drawn = random.Random(number)
        while True:
            user = drawn.choice(self._users)
            self._answers[await self._end(self._tokens.access_token(PROVIDER, user))] += 1
            await asyncio.sleep(PACE)

    async def _end(self, call: Any) -> str:
        try:
            await call
        except ExtAuthError as error:
            return error.code
        return "served"


async def main() -> None:
    inbox = asyncio.StreamReader(limit=2**24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(inbox), sys.stdin)
    orders = json.loads(await inbox.readline())
    provider = OAuth2Provider(PROVIDER, **orders["provider"])
    async with open_store(orders["store"], keys="plain") as store, TokenService(store, [provider]) as tokens:
        side = Side(store, tokens, orders["users"])
        print("{}", flush=True)
        while line := await inbox.readline():
            order = json.loads(line)
            print(json.dumps(await getattr(side, order.pop("do"))(**order)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
