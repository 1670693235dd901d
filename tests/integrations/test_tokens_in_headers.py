"""A token that no header can have is in no error of another package's."""

from __future__ import annotations

import httpx2
import pytest
from githubkit import GitHub
from githubkit.exception import RequestError

from extauth import LinkKey, TokenSet
from extauth.integrations.authlib import UserOAuth2Client
from extauth.integrations.githubkit import UserAuthStrategy
from extauth.integrations.mcp import UserAuth

LONG = "x" * 20


async def by_authlib(place):
    """Call the API by Authlib's client."""
    async with UserOAuth2Client(place.auth, "example", "alice") as client:
        await client.get(place.server.resource_url)


async def by_githubkit(place):
    """Call the API by githubkit's client."""
    strategy = UserAuthStrategy(place.auth, "example", "alice")
    await GitHub(strategy, base_url=place.server.url, http_cache=False).arequest("GET", "/resource")


async def by_mcp(place):
    """Call the API by what the MCP SDK uses."""
    auth = UserAuth(place.auth, "example", "alice", server_url=place.server.resource_url)
    async with httpx2.AsyncClient(auth=auth) as client:
        await client.get(place.server.resource_url)


@pytest.mark.parametrize("call", [by_authlib, by_githubkit, by_mcp])
async def test_no_error_quotes_a_token_that_no_header_can_have(place, call):
    """The HTTP client's own would: a line end is enough."""
    link = await place.auth.store.get(LinkKey("example", "alice"))
    await place.auth.store.put(link.key, TokenSet(f"{LONG}\n"), origin=link.origin)
    with pytest.raises((ValueError, RequestError)) as told:
        await call(place)
    shown = str(told.getrepr(chain=True))
    assert "no header can have" in shown
    assert LONG not in shown
