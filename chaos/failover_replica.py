"""One replica of a failover: ``python -m chaos.failover_replica``, which takes orders as lines of JSON.

The first says which store and provider, the others which users' links are to be refreshed, or read. It
answers each with a line: what it was told of a store that has gone back. It ends in order when its input
does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Final, Literal, final

import attrs

from extauth import RefreshPolicy, TokenService, open_store
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.domain.errors import ReauthorizationRequired, TemporarilyUnavailable
from extauth.domain.events import Event, StoreWentBack
from extauth.domain.ports import LinkStore

PROVIDER: Final = "scripted"


@final
@attrs.frozen
class Orders:
    """What a replica is told first. Its client's secret is one of the harness's own."""

    store: str
    token_url: str
    client_id: str
    client_secret: str = attrs.field(repr=False)
    remember_most: int
    hold: float
    """In seconds."""


@final
@attrs.frozen
class Task:
    """What it is told then."""

    act: Literal["refresh", "read"]
    users: Sequence[str]


@final
class _WentBack:
    """What it has heard since the last answer."""

    def __init__(self) -> None:
        self.events: list[StoreWentBack] = []

    def notify(self, event: Event) -> None:
        if isinstance(event, StoreWentBack):
            self.events.append(event)

    def taken(self) -> str:
        events, self.events = self.events, []
        return json.dumps([attrs.asdict(event) | {"held": event.held.total_seconds()} for event in events])


async def _carried_out(tokens: TokenService, act: str, user: str) -> None:
    while True:
        try:
            await (tokens.refresh if act == "refresh" else tokens.link)(PROVIDER, user)
        except TemporarilyUnavailable:
            await asyncio.sleep(0.05)
        except ReauthorizationRequired:
            return
        else:
            return


async def _opened(url: str, stack: AsyncExitStack) -> LinkStore:
    while True:
        opening = open_store(url, keys="plain", max_size=3, command_timeout=timedelta(seconds=3))
        try:
            return await stack.enter_async_context(opening)
        except TemporarilyUnavailable:  # no server is the primary yet
            await asyncio.sleep(0.05)


async def main() -> None:
    """Take the orders and follow them."""
    inbox = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(inbox), sys.stdin)
    orders = Orders(**json.loads(await inbox.readline()))
    provider = OAuth2Provider(
        PROVIDER,
        client_id=orders.client_id,
        client_secret=orders.client_secret,
        token_url=orders.token_url,
    )
    policy = RefreshPolicy(
        remember_most=orders.remember_most, hold_after_failover=timedelta(seconds=orders.hold)
    )
    heard = _WentBack()
    async with (
        AsyncExitStack() as stack,
        TokenService(await _opened(orders.store, stack), [provider], policy=policy, observer=heard) as tokens,
    ):
        print("ready", flush=True)
        while line := await inbox.readline():
            task = Task(**json.loads(line))
            await asyncio.gather(*(_carried_out(tokens, task.act, user) for user in task.users))
            print(heard.taken(), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
