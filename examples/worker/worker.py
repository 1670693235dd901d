"""Call an API for each of many users, so many of them at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from contextvars import ContextVar

import aiohttp

from extauth import Auth, LinkNotFound, ReauthorizationRequired, TemporarilyUnavailable
from extauth.clients.aiohttp import TokenMiddleware

current_user: ContextVar[str] = ContextVar("current_user")


async def one_pass(auth: Auth, users: Iterable[str], url: str, *, concurrency: int) -> Counter[str]:
    """Call the API once for each user, and count how that went.

    ``concurrency`` bounds the calls and the connections. Refreshes need no bound of yours: one that is needed
    is part of its call.
    """
    origin = url.removesuffix("/resource")
    shows_token = TokenMiddleware(auth, "calendar", current_user, origins=[origin])
    connections = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(middlewares=[shows_token], connector=connections) as http:
        each = iter(users)  # shared: whoever has done one takes the next
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_work(each, http, url)) for _ in range(concurrency)]
    return sum((task.result() for task in tasks), Counter())


async def _work(users: Iterator[str], http: aiohttp.ClientSession, url: str) -> Counter[str]:
    went: Counter[str] = Counter()
    for user in users:
        current_user.set(user)  # of this task alone
        try:
            async with http.get(url, raise_for_status=True) as answer:
                await answer.read()
        except (LinkNotFound, ReauthorizationRequired):
            went["must connect again"] += 1  # tell the user; another try is no help
        except (TemporarilyUnavailable, aiohttp.ClientError, TimeoutError):
            went["later"] += 1  # the next pass comes anyway
        else:
            went["served"] += 1
    return went
