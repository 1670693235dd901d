"""HTTP Basic with a secret that form encoding changes, at servers that undo it and at servers that do not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from typing import Any
from urllib.parse import unquote_plus

import aiohttp
import pytest
from aiohttp import web

from extauth import LinkingService, LinkKey, ProviderMisconfigured, TokenService, TokenSet, open_store
from extauth.adapters.oauth2 import OAuth2Provider
from tests.support.clocks import LeapingClock
from tests.support.serving import serving

SECRET = "z/tZ9+H1=$x \u00e9"
PLAIN = "Az09_.-~"
DEAD = TokenSet("at", "rt", expires_at=LeapingClock().now() - timedelta(hours=1))


class Server:
    """One that knows a client by HTTP Basic alone, and reads that in its own way."""

    def __init__(self, secret: str, *, decodes: bool) -> None:
        self.secret, self.decodes = secret, decodes
        self.presented: list[str] = []

    async def token(self, request: web.Request) -> web.Response:
        shown = aiohttp.BasicAuth.decode(request.headers["Authorization"], encoding="utf-8")
        password = unquote_plus(shown.password) if self.decodes else shown.password
        self.presented.append(password)
        if (shown.login, password) != ("client", self.secret):
            return web.json_response({"error": "invalid_client"}, status=401)
        return web.json_response({"access_token": "new", "expires_in": 60})


async def outcome(call: Awaitable[Any]) -> Any:
    """Return what a call returns, or how it says that the deployment must be mended."""
    try:
        return await call
    except ProviderMisconfigured as error:
        return error


@pytest.fixture
async def refreshed() -> AsyncIterator[Any]:
    """Refresh a link at a server, and say what came of it."""
    async with open_store("memory://") as store:

        async def refresh(server: Server, client_auth: Any) -> Any:
            async with serving([web.post("/token", server.token)]) as url:
                provider = OAuth2Provider(
                    "example",
                    client_id="client",
                    client_secret=server.secret,
                    client_auth=client_auth,
                    token_url=f"{url}/token",
                    device_url=f"{url}/token",
                )
                await store.put(LinkKey("example", "alice"), DEAD, origin=provider.origin)
                async with (
                    TokenService(store, [provider]) as tokens,
                    LinkingService(store, [provider]) as linking,
                ):
                    asked = [tokens.access_token("example", "alice") for _ in range(2)]
                    first, again = [await outcome(call) for call in asked]
                    if isinstance(first, ProviderMisconfigured):
                        connecting = await outcome(linking.begin_device("example", "alice"))
                        assert [str(again), str(connecting)] == [str(first)] * 2
                    return first

        yield refresh


@pytest.mark.parametrize(
    ("decodes", "way"), [(True, "client_secret_basic"), (False, "client_secret_basic_raw")]
)
@pytest.mark.parametrize("secret", [SECRET, PLAIN])
async def test_each_way_works_where_it_belongs(refreshed: Any, decodes: bool, way: str, secret: str) -> None:
    """What the server reads is the secret."""
    server = Server(secret, decodes=decodes)
    assert await refreshed(server, way) == "new"
    assert server.presented == [secret]


@pytest.mark.parametrize(
    ("decodes", "way", "advice"),
    [
        (
            False,
            "client_secret_basic",
            'if its documentation has that, or else "client_secret_basic_raw"',
        ),
        (True, "client_secret_basic_raw", 'then give client_auth="client_secret_basic"'),
    ],
)
async def test_the_error_names_the_cause(refreshed: Any, decodes: bool, way: str, advice: str) -> None:
    """It says what to try, and nothing is tried by itself: a wrong proof may spend the token."""
    server = Server(SECRET, decodes=decodes)
    error = await refreshed(server, way)
    assert error.reason == "invalid_client"
    assert str(error).endswith(advice)
    assert SECRET not in str(error)
    assert len(server.presented) == 2  # the refresh and the device code, once each


@pytest.mark.parametrize("way", ["client_secret_basic", "client_secret_basic_raw"])
async def test_no_word_of_it_where_it_cannot_be_the_cause(refreshed: Any, way: str) -> None:
    """A secret that is the same in both forms is simply wrong."""
    server = Server(PLAIN, decodes=False)

    async def other(request: web.Request) -> web.Response:
        return web.json_response({"error": "invalid_client"}, status=401)

    server.token = other  # type: ignore[method-assign]
    error = await refreshed(server, way)
    assert (
        str(error)
        == "example rejects this application (invalid_client): check its client id, secret and settings"
    )
