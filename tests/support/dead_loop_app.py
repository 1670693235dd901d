"""An application that closes its event loop under a service, and the service on the next one.

Called with what is under way. Prints the error.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from datetime import timedelta
from typing import Any

from extauth import LinkingService, LinkKey, TokenService
from extauth.adapters.memory import MemoryLinkStore
from extauth.testing import ScriptedLinkingProvider, ScriptedProvider
from tests.support.faulty_store import FaultyStore, down

KEY = LinkKey("scripted", "alice")


async def begin(under_way: str) -> TokenService | LinkingService:
    """Return a service with something under way that does not end by itself."""
    store: Any = FaultyStore(MemoryLinkStore())
    provider = ScriptedProvider("scripted", lifetime=timedelta(0))
    await store.put(KEY, provider.grant("alice"))
    tokens, linking = (
        TokenService(store, [provider]),
        LinkingService(store, [ScriptedLinkingProvider("scripted")]),
    )
    if under_way == "a save":
        store.before["save"] = down(1_000_000)
        await tokens.access_token("scripted", "alice")
        return tokens
    never = asyncio.Event()
    store.before["claim"] = store.before["delete"] = [never.wait]
    work: Any = linking.unlink if under_way == "an unlink" else tokens.access_token
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(work("scripted", "alice"), 0.1)
    return linking if under_way == "an unlink" else tokens


async def close(service: TokenService | LinkingService) -> None:
    """Close it, and say what it says."""
    try:
        async with asyncio.timeout(10):
            await service.aclose()
    except Exception as error:  # noqa: BLE001 - whatever it is
        print(f"{type(error).__name__}: {error}", flush=True)


loop = asyncio.new_event_loop()
left = loop.run_until_complete(begin(sys.argv[1]))
loop.close()
asyncio.run(close(left))
os._exit(0)  # the tasks of a loop that is closed complain of it
