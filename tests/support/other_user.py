"""A process of another user that opens a SQLite store: a subprocess of the store tests, begun as root.

Arguments: user id, group id, further group ids with commas, and the file. Prints "open" or what was refused;
then puts a link at each line that it reads and prints what came of it, until there is no more.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401 - while this process may still look where modules are
import os
import sys

from extauth import ExtAuthError, LinkKey, TokenSet
from extauth.adapters.sqlite import SqliteLinkStore


async def main(path: str) -> None:
    """Open the store and write."""
    try:
        async with SqliteLinkStore.open(path) as store:
            await store.get(LinkKey("p", "alice"))
            print("open", flush=True)
            for _ in sys.stdin:
                try:
                    await store.put(LinkKey("p", "alice"), TokenSet("at"))
                    print("put", flush=True)
                except ExtAuthError as error:
                    print(error.code, error, flush=True)
    except ExtAuthError as error:
        print(error.code, error, flush=True)


if __name__ == "__main__":
    user, group, groups, path = sys.argv[1:]
    os.setgroups([int(each) for each in groups.split(",") if each])
    os.setgid(int(group))
    os.setuid(int(user))
    asyncio.run(main(path))
