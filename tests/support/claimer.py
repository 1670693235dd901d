"""A process that opens a store and claims a link as soon as it is told: a subprocess of the store tests.

Arguments: the store's URL. Prints "ready", waits for a line, claims, and prints the outcome's name.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta

from extauth import LinkKey, TokenSet, open_store


async def main(url: str) -> None:
    """Race for the lease."""
    async with open_store(url, keys="plain") as store:
        await store.put(LinkKey("github", str(os.getpid())), TokenSet("at"))
        print("ready", flush=True)
        sys.stdin.readline()
        outcome = await store.claim(LinkKey("github", "alice"), 1, str(os.getpid()), timedelta(minutes=1))
        print(type(outcome).__name__, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
