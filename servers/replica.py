"""One process of the application: ``python -m servers.replica``, told what it is by a line of JSON.

Each further line is an access token that an API has refused. All its callers report it at once, and it
answers with the tokens that they got, and how many exchanges it began.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import final

from extauth.events import Event, ExchangeStarted
from servers.running import Site
from servers.settings import PROVIDER, USER, McpClient, application

CALLERS = 25


@final
class Exchanges:
    """Counts them."""

    def __init__(self) -> None:
        self.begun = 0

    def notify(self, event: Event) -> None:
        """Take an event."""
        self.begun += isinstance(event, ExchangeStarted)


async def main() -> None:
    """Answer until standard input ends."""
    loop = asyncio.get_running_loop()
    orders = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    seen = Exchanges()
    site, client = Site(**orders["site"]), orders["client"] and McpClient(**orders["client"])
    async with application(orders["store"], site, client, seen) as (auth, _):
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            rejected = json.loads(line)
            calls = [auth.refresh(PROVIDER, USER, rejected=rejected) for _ in range(CALLERS)]
            ends = await asyncio.gather(*calls, return_exceptions=True)
            answer: dict[str, object] = {"exchanges": seen.begun}
            for end in ends:
                if isinstance(end, BaseException):
                    answer["error"] = type(end).__name__
            links = [end for end in ends if not isinstance(end, BaseException)]
            answer["tokens"] = sorted({link.tokens.access_token for link in links})
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
