"""An application that is about to end while a code is exchanged: the subprocess of test_linking_end_of_run.

Arguments: how it ends, the store's URL, and the flow.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

from extauth import Link, LinkingService, open_store
from extauth.testing import ScriptedLinkingProvider


def say(word: str) -> None:
    """Tell the test how far this is."""
    print(word, flush=True)


async def until_interrupted(call: asyncio.Task[Link]) -> None:
    """Wait for the link, and tell the test so, and when Ctrl-C has come instead."""
    say("waiting")
    try:
        await call
    except asyncio.CancelledError:
        say("interrupted")
        raise


async def main(ending: str, url: str, flow: str) -> None:
    """Ask for a link and end before it is there."""
    provider = ScriptedLinkingProvider("app")
    provider.reply_gate = asyncio.Event()
    provider.interval = provider.interval / 1000
    opening: Any = open_store(url)
    linking = LinkingService(await opening.__aenter__(), [provider])
    if flow == "code":
        callback = provider.consent(await linking.begin("app", "alice", "https://app.example/callback"))
        call = asyncio.create_task(linking.complete(callback, user_id="alice"))
    else:
        device = await linking.begin_device("app", "alice")
        provider.approve_device(device.user_code)
        call = asyncio.create_task(linking.complete_device(device))
    await provider.exchanging.wait()
    # The provider answers when the test closes the pipe.
    asyncio.get_running_loop().add_reader(sys.stdin, provider.reply_gate.set)
    if ending == "cancelled":
        call.cancel()
    if ending == "sigint":
        await until_interrupted(call)
    say("leaving")
    if ending in {"cancelled", "left"}:
        await linking.aclose()
    if ending != "never-closed":
        await opening.__aexit__(None, None, None)


if __name__ == "__main__":
    # A shell starts what runs in its background with SIGINT ignored, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio.run(main(*sys.argv[1:]))
