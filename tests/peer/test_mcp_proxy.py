"""FastMCP's proxy, which has tokens of its own for those of another authorization server."""

from __future__ import annotations

import asyncio

import pytest

import extauth
from extauth import ReauthorizationRequired
from extauth.adapters.discovery import mcp_provider
from tests.peer.mcp_server import CALLBACK, served


@pytest.fixture(scope="module")
def server():
    """The proxy and what it stands before, in a process of their own."""
    with served("fastmcp-proxy") as running:
        yield running


@pytest.fixture
async def store(tmp_path):
    """A file of its own, as an application on one machine has."""
    async with extauth.open_store(f"sqlite:///{tmp_path}/links.db") as opened:
        yield opened


@pytest.fixture
async def provider(server, store):
    """What the server's URL alone makes."""
    return await mcp_provider(
        server.url, redirect_uri=CALLBACK, store=store, client_name="Test", provider_id="notes"
    )


@pytest.fixture
async def auth(server, store, provider):
    """An application with a link to the server."""
    async with extauth.open(store, [provider]) as opened:
        url = await opened.begin("notes", "alice", CALLBACK)
        await opened.complete(await server.consent(url), user_id="alice", provider_id="notes")
        yield opened


async def test_a_link_lives(server, auth):
    """Each refresh is one request for twelve callers, and each token works."""
    seen = {await auth.access_token("notes", "alice")}
    for _ in range(3):
        rejected = await auth.access_token("notes", "alice")
        before = await server.asked()
        links = await asyncio.gather(*(auth.refresh("notes", "alice", rejected=rejected) for _ in range(12)))
        assert await server.asked() == before + 1
        (fresh,) = {link.tokens.access_token for link in links}
        assert await server.accepts(fresh)
        seen.add(fresh)
    assert len(seen) == 4


async def test_a_spent_refresh_token_is_told(auth, provider):
    """Its invalid_grant comes with the status of a client that is not known."""
    link = await auth.link("notes", "alice")
    await provider.refresh(link.tokens)
    with pytest.raises(ReauthorizationRequired) as caught:
        await auth.refresh("notes", "alice", rejected=link.tokens.access_token)
    assert caught.value.reason == "invalid_grant"
