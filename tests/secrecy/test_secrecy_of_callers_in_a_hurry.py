"""A caller who gives up shows nothing: the error has passed through the HTTP client's frames."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

import extauth
from extauth import Auth, LinkKey, TokenSet
from extauth.adapters.oauth2 import ClientAuth, OAuth2Provider
from tests.secrecy.canaries import Canaries
from tests.secrecy.watch import Watch
from tests.support.serving import serving

Call = Callable[[Auth, OAuth2Provider], Awaitable[object]]

KEY = LinkKey("example", "alice")


async def stored(auth: Auth) -> TokenSet:
    """Return alice's tokens."""
    link = await auth.store.get(KEY)
    assert link is not None
    return link.tokens


async def by_provider(auth: Auth, provider: OAuth2Provider) -> object:
    """Refresh by the provider alone, as an application may that has no service."""
    return await provider.refresh(await stored(auth))


async def identifying(auth: Auth, provider: OAuth2Provider) -> object:
    """Ask whose the tokens are."""
    return await provider.identify(await stored(auth))


CALLS: dict[str, Call] = {
    "validate": lambda auth, _: auth.validate("example", "alice"),
    "begin_device": lambda auth, _: auth.begin_device("example", "alice"),
    "unlink": lambda auth, _: auth.unlink("example", "alice"),
    "identify": identifying,
    "refresh": by_provider,
}


@pytest.mark.parametrize("client_auth", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
def test_a_caller_who_gives_up(call: Call, client_auth: ClientAuth):
    """Be it by a time limit of the application's, whose error is reported with all that led to it."""
    watch, canaries = Watch(), Canaries()
    secret = canaries.new("client secret")
    canaries.add("client secret", b64encode(f"client:{secret}".encode()).decode())
    tokens = TokenSet(canaries.new("access token"), refresh_token=canaries.new("refresh token"))

    async def main() -> None:
        asked, let_go = asyncio.Event(), asyncio.Event()

        async def never(_: web.Request) -> web.Response:
            asked.set()
            await let_go.wait()
            return web.json_response({"error": "invalid_grant"}, status=400)

        async with serving([web.route("*", "/{any}", never)]) as url:
            provider = OAuth2Provider(
                "example",
                client_id="client",
                client_secret=secret,
                client_auth=client_auth,
                token_url=f"{url}/token",
                device_url=f"{url}/device",
                revoke_url=f"{url}/revoke",
                userinfo_url=f"{url}/userinfo",
            )
            async with extauth.open("memory://", [provider], keys="plain") as auth:
                await auth.store.put(KEY, tokens, origin=provider.origin)
                calling: asyncio.Future[Any] = asyncio.ensure_future(call(auth, provider))
                await asked.wait()
                calling.cancel()
                try:
                    await calling
                except asyncio.CancelledError as error:
                    watch.take("error", error)
                let_go.set()

    watch.run(main)
    assert any(where.startswith("error") for where, _ in watch.seen)
    assert watch.leaks(canaries.found_in) == {}
