"""An application that opens everything, forks, and uses it in the child.

Called with the URL of the store, and on which loop the child is to do it. The child prints what it is told,
the parent the token that it still gets afterwards.
"""

from __future__ import annotations

import asyncio
import os
import sys

import extauth
from extauth import LinkKey, TokenSet
from extauth.testing import ScriptedLinkingProvider

KEY = LinkKey("scripted", "alice")


async def told(auth: extauth.Auth) -> None:
    """Use each part, and print what that says."""
    for call in (
        lambda: auth.store.get(KEY),
        lambda: auth.tokens.access_token("scripted", "alice"),
        lambda: auth.linking.links("alice"),
        lambda: auth.access_token("scripted", "alice"),
    ):
        try:
            await call()
        except RuntimeError as error:
            print(error, flush=True)


async def main(url: str, loop: str) -> bool:
    """Return whether this is the child."""
    async with extauth.open(url, [ScriptedLinkingProvider("scripted")], keys="plain") as auth:
        await auth.store.put(KEY, TokenSet("at", "rt"))
        # A fork that is meant: Python warns of one in a process with threads, as every SQLite store has.
        child = os.fork()
        if not child and loop == "the same":
            await told(auth)
        elif not child:
            asyncio._set_running_loop(None)
            asyncio.new_event_loop().run_until_complete(told(auth))
            print("child left", flush=True)
            os._exit(0)
        else:
            _, status = await asyncio.to_thread(os.waitpid, child, 0)
            print("parent:", await auth.access_token("scripted", "alice"), flush=True)
            return bool(status)
    print("child left", flush=True)
    os._exit(0)


sys.exit(asyncio.run(main(sys.argv[1], sys.argv[2])))
