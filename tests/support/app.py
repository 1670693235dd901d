"""An application that is about to end while a refresh is under way: the subprocess of test_end_of_run.

Arguments: how it ends, the store's URL, the token endpoint.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import extauth
from extauth import TokenService, open_store
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.domain.events import Event, ExchangeStarted


class Announcer:
    def __init__(self) -> None:
        self.exchanging = asyncio.Event()

    def notify(self, event: Event) -> None:
        if isinstance(event, ExchangeStarted):
            self.exchanging.set()


def say(word: str) -> None:
    """Tell the test how far this is."""
    print(word, flush=True)


async def until_interrupted(call: asyncio.Task[str]) -> None:
    """Wait for the token, and tell the test when Ctrl-C has come instead."""
    try:
        await call
    except asyncio.CancelledError:
        say("interrupted")
        raise


async def at_the_front_door(ending: str, url: str, provider: OAuth2Provider, announcer: Announcer) -> None:
    """The same with one object."""
    opening = extauth.open(url, [provider], observer=announcer)
    auth = await opening.__aenter__()
    try:
        call = asyncio.create_task(auth.access_token("app", "alice"))
        await announcer.exchanging.wait()
        if ending == "front-door-sigint":
            await until_interrupted(call)
        say("leaving")
    finally:
        if ending != "front-door-never-closed":
            await opening.__aexit__(None, None, None)


async def main(ending: str, url: str, token_url: str) -> None:
    """Ask for a token and end before it is there."""
    announcer = Announcer()
    provider = OAuth2Provider("app", client_id="client", token_url=token_url, client_auth="none")
    if ending.startswith("front-door"):
        await at_the_front_door(ending, url, provider, announcer)
        return
    opening = open_store(url)
    store = await opening.__aenter__()
    tokens = TokenService(store, [provider], observer=announcer)
    if ending == "service-forgotten":
        call = asyncio.create_task(tokens.access_token("app", "alice"))
        await announcer.exchanging.wait()
        say("leaving")
        await opening.__aexit__(None, None, None)
        return
    if ending.startswith("never-closed"):
        call = asyncio.create_task(tokens.access_token("app", "alice"))
        await announcer.exchanging.wait()
        if ending == "never-closed-sigint":
            await until_interrupted(call)
        say("leaving")
        return
    try:
        async with tokens:
            call = asyncio.create_task(tokens.access_token("app", "alice"))
            await announcer.exchanging.wait()
            if ending == "cancelled":
                call.cancel()
            elif ending == "sigint":
                await until_interrupted(call)
            say("leaving")
    finally:
        await opening.__aexit__(None, None, None)


if __name__ == "__main__":
    # A shell starts what runs in its background with SIGINT ignored, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio.run(main(*sys.argv[1:]))
