"""One replica: ``python -m chaos.replica``, which takes its orders as one line of JSON on standard input.

Its callers ask for access tokens until SIGTERM, or until standard input ends because whoever started it is
gone. Then it closes its token service as an application would, with callers still waiting.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import final

import attrs

from chaos.broken import broken
from chaos.journal import Journal
from chaos.plan import POLICY, PROVIDER, TIMEOUTS
from chaos.watched import WatchedProvider, watched
from chaos.wire import CLIENT_ID, EXCHANGE
from extauth import ExtAuthError, ProviderTraits, StoreUnavailable, TokenService, open_store
from extauth.adapters.oauth2 import OAuth2Provider, TokenRequests
from extauth.domain.ports import LinkStore

IMPATIENT = 0.2
"""Part of the calls that are given up after a random short time."""


@final
@attrs.frozen
class Orders:
    """What a replica is told."""

    name: str
    """Of this incarnation; never used again after a kill."""
    store: str
    token_url: str
    client_secret: str = attrs.field(repr=False)
    users: list[str]
    callers: int
    seed: str
    journal: str
    broken: str | None


def providers(token_url: str, client_secret: str) -> Callable[[str], OAuth2Provider]:
    """Return what makes the provider for one exchange, given its name."""

    def provider_for(exchange: str) -> OAuth2Provider:
        return OAuth2Provider(
            PROVIDER,
            client_id=CLIENT_ID,
            client_secret=client_secret,
            client_auth="client_secret_basic",
            token_url=token_url,
            # The toolkit's rotation deletes the access token that was issued before.
            traits=ProviderTraits(refresh_revokes_access_token=True),
            timeouts=TIMEOUTS,
            requests=TokenRequests(refresh_params={EXCHANGE: exchange}),
        )

    return provider_for


async def _opened(url: str, stack: AsyncExitStack, stop: asyncio.Event) -> LinkStore | None:
    while not stop.is_set():
        try:
            return await stack.enter_async_context(open_store(url, keys="plain"))
        except StoreUnavailable:  # it restarts
            await asyncio.sleep(0.05)
    return None


async def _call_for_ever(tokens: TokenService, users: list[str], rng: random.Random) -> None:
    while True:
        patience = rng.uniform(0.001, 0.2) if rng.random() < IMPATIENT else None
        with suppress(TimeoutError, ExtAuthError):
            async with asyncio.timeout(patience):
                await tokens.access_token(PROVIDER, rng.choice(users))
        await asyncio.sleep(rng.uniform(0.02, 0.2))


async def _run(orders: Orders, journal: Journal, stop: asyncio.Event) -> None:
    rng = random.Random(orders.seed)
    provider = WatchedProvider(orders.name, providers(orders.token_url, orders.client_secret), journal)
    async with AsyncExitStack() as stack:
        opened = await _opened(orders.store, stack, stop)
        if opened is None:
            return
        store = watched(broken(orders.broken, opened), journal)
        tokens = await stack.enter_async_context(
            TokenService(store, [provider], policy=POLICY, observer=journal)
        )
        callers = [
            asyncio.create_task(_call_for_ever(tokens, orders.users, random.Random(rng.random())))
            for _ in range(orders.callers)
        ]
        print("ready", flush=True)
        stopping = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([stopping, *callers], return_when=asyncio.FIRST_COMPLETED)
        for caller in done - {stopping}:
            caller.result()  # raises: a caller ends by a bug only
        for caller in callers:
            caller.cancel()


async def main() -> None:
    """Take the orders and follow them."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    inbox = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(inbox), sys.stdin)
    orders = Orders(**json.loads(await inbox.readline()))

    async def end_with_starter() -> None:
        await inbox.read()
        stop.set()

    watching = asyncio.create_task(end_with_starter())
    journal = Journal(Path(orders.journal))
    try:
        await _run(orders, journal, stop)
    finally:
        watching.cancel()
        journal.close()


if __name__ == "__main__":
    asyncio.run(main())
