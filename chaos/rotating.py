"""One process of a storm of key rotation: ``python -m chaos.rotating``, with a line of orders on its input.

As ``refresh`` it exchanges refresh tokens of links drawn at random, as fast as it can, until SIGTERM; then it
says how many. As ``rotate`` it brings everything under the first key, saying how far it is, and ends.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from datetime import timedelta
from typing import Literal, final

import attrs

from extauth import ExtAuthError, RefreshPolicy, StoreUnavailable, TokenService, open_store
from extauth.adapters.encryption import EncryptionKey
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.keys import RotationProgress, RotationReport, rotate

PROVIDER = "chaos"
POLICY = RefreshPolicy(
    exchange_timeout=timedelta(seconds=10),
    lease_ttl=timedelta(seconds=15),
    save_margin=timedelta(seconds=3),
    wait_timeout=timedelta(seconds=20),
)
"""A lease that the killed process leaves behind is over soon."""
CALLERS = 4
"""In each process."""


@final
@attrs.frozen
class Orders:
    """What a process is told."""

    role: Literal["refresh", "rotate"]
    store: str
    keys: list[str] = attrs.field(repr=False)
    token_url: str
    client_id: str
    client_secret: str = attrs.field(repr=False)
    links: int
    seed: str


def user(number: int) -> str:
    """Return the user of that number."""
    return f"user-{number:06}"


def provider(orders: Orders) -> OAuth2Provider:
    """Return the storm's provider."""
    return OAuth2Provider(
        PROVIDER,
        client_id=orders.client_id,
        client_secret=orders.client_secret,
        token_url=orders.token_url,
    )


async def refresh(orders: Orders, stop: asyncio.Event) -> None:
    """Refresh until told to stop."""
    rng = random.Random(orders.seed)
    refreshed, refused = 0, dict[str, int]()

    async def call_for_ever(tokens: TokenService) -> None:
        nonlocal refreshed
        while not stop.is_set():
            name = user(rng.randrange(orders.links))
            try:
                link = await tokens.link(PROVIDER, name)
                await tokens.refresh(PROVIDER, name, rejected=link.tokens.access_token)
            except ExtAuthError as error:
                refused[error.code] = refused.get(error.code, 0) + 1
                await asyncio.sleep(0.05)
            else:
                refreshed += 1

    keys = [EncryptionKey.parse(key) for key in orders.keys]
    async with (
        open_store(orders.store, keys=keys) as store,
        TokenService(store, [provider(orders)], policy=POLICY) as tokens,
    ):
        print("ready", flush=True)
        callers = [asyncio.create_task(call_for_ever(tokens)) for _ in range(CALLERS)]
        await stop.wait()
        for caller in callers:
            caller.cancel()  # it may wait for the lease of the one that was killed
        await asyncio.wait(callers)
    print(json.dumps({"refreshed": refreshed, "refused": refused}), flush=True)


async def rotate_all(orders: Orders) -> None:
    """Rotate to the end, and begin again when the store was too busy."""
    keys = [EncryptionKey.parse(key) for key in orders.keys]

    def tell(progress: RotationProgress) -> None:
        print(json.dumps(attrs.asdict(progress)), flush=True)

    async with open_store(orders.store, keys=keys) as store:
        report: RotationReport | None = None
        while report is None:
            try:
                report = await rotate(store, progress=tell)
            except StoreUnavailable:
                await asyncio.sleep(0.1)
    remaining = report.status.remaining.rows
    print(json.dumps({"failed": len(report.failed), "left": remaining, "written": report.done}), flush=True)


async def main() -> None:
    """Take the orders and follow them."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    inbox = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(inbox), sys.stdin)
    orders = Orders(**json.loads(await inbox.readline()))
    await (refresh(orders, stop) if orders.role == "refresh" else rotate_all(orders))


if __name__ == "__main__":
    asyncio.run(main())
