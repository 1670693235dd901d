"""One replica of the storm: ``python -m bench.replica``, which takes its orders as JSON lines."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from bench.links import PROVIDER
from extauth import TokenService, open_store
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.domain.link import GrantOrigin
from extauth.domain.outcomes import ExchangeOutcome
from extauth.domain.policy import ProviderTraits
from extauth.domain.token_set import TokenSet


class TimedProvider:
    """An OAuthProvider that notes how long each exchange takes."""

    def __init__(self, provider: OAuth2Provider) -> None:
        self._provider = provider
        self.provider_id: str = provider.provider_id
        self.traits: ProviderTraits = provider.traits
        self.origin: GrantOrigin | None = provider.origin
        self.exchanges: list[float] = []

    async def refresh(self, tokens: TokenSet, *, resource: str | None = None) -> ExchangeOutcome:
        began = time.monotonic()
        try:
            return await self._provider.refresh(tokens, resource=resource)
        finally:
            self.exchanges.append(time.monotonic() - began)

    async def revoke(self, tokens: TokenSet) -> bool:
        return await self._provider.revoke(tokens)


async def rotation(tokens: TokenService, user: str, callers: int, start: float) -> dict[str, Any]:
    """Let all callers ask at ``start``, a time of the clock that all processes of the machine share."""
    go = asyncio.Event()
    errors: list[str] = []
    served: list[str] = []

    async def caller() -> float:
        await go.wait()
        try:
            served.append(await tokens.access_token(PROVIDER, user))
        except Exception as error:  # noqa: BLE001 - it is what is counted
            errors.append(type(error).__name__)
        return time.monotonic()

    tasks = [asyncio.create_task(caller()) for _ in range(callers)]
    await asyncio.sleep(start - time.monotonic())
    go.set()
    ended = [await task for task in tasks]
    return {"last": max(ended), "errors": errors, "tokens": sorted(set(served))}


async def main() -> None:
    inbox = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(inbox), sys.stdin)
    orders = json.loads(await inbox.readline())
    provider = TimedProvider(OAuth2Provider(PROVIDER, **orders["provider"]))
    async with open_store(orders["store"], keys="plain") as store, TokenService(store, [provider]) as tokens:
        print("{}", flush=True)
        while line := await inbox.readline():
            provider.exchanges.clear()
            told = await rotation(tokens, callers=orders["callers"], **json.loads(line))
            print(json.dumps({**told, "exchanges": provider.exchanges}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
