"""A provider with a limit: ``python -m bench.limit_server``, which takes its orders as JSON lines."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import timedelta

from aiohttp import web

from extauth.testing.server.authorization_server import AuthorizationServer
from extauth.testing.server.client_limit import ClientLimit
from extauth.testing.server.quirks import ServerQuirks

NOTICE = 0.25
"""Seconds after an answer of 429 in which requests may have been on their way already."""


class Watched:
    """Sees what the limit answers."""

    def __init__(self) -> None:
        self.refused: list[float] = []
        self.served: list[float] = []
        self.into_pause = 0
        """Requests that came when an answer before had asked to be left alone for longer."""
        self._told = 0.0
        self._until = 0.0

    def watch(self) -> None:
        taken = ClientLimit.taken

        def watching(limit: ClientLimit, now: float) -> web.Response | None:
            answer = taken(limit, now)
            if now < self._until and now > self._told + NOTICE:
                self.into_pause += 1
            if answer is None:
                self.served.append(now)
            else:
                self.refused.append(now)
                if now >= self._until:
                    self._told = now
                self._until = max(self._until, now + int(answer.headers["Retry-After"]))
            return answer

        ClientLimit.taken = watching  # type: ignore[method-assign]


async def main() -> None:
    inbox = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(inbox), sys.stdin)
    orders = json.loads(await inbox.readline())
    watched = Watched()
    watched.watch()
    quirks = ServerQuirks(client_limit=(orders["per_second"], timedelta(seconds=1)))
    async with AuthorizationServer(quirks=quirks, answer_delay=timedelta(milliseconds=20)) as server:
        grants = [server.new_grant(f"user-{number}") for number in range(orders["users"])]
        provider = {
            "client_id": server.client_id,
            "client_secret": server.client_secret,
            "token_url": server.token_url,
        }
        tokens = [(grant.access_token, grant.refresh_token) for grant in grants]
        print(json.dumps({"provider": provider, "grants": tokens}), flush=True)
        while line := await inbox.readline():
            since = json.loads(line)["since"]
            now = time.monotonic()
            print(
                json.dumps(
                    {
                        "served": len(watched.served),
                        "refused": len(watched.refused),
                        "into_pause": watched.into_pause,
                        "seconds": now - since,
                    }
                ),
                flush=True,
            )


if __name__ == "__main__":
    asyncio.run(main())
