"""The whole life of a link at the MCP servers that the others are made of."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from extauth import LinkingService, LinkKey, ReauthorizationRequired, TokenService, open_store
from extauth.adapters.discovery import discover, discover_resource, mcp_provider, register_client
from tests.peer.mcp_server import CALLBACK, McpServer, served

KEY = LinkKey("notes", "alice")


@pytest.fixture(scope="module", params=["mcp", "fastmcp"])
def server(request):
    """The server in a process of its own."""
    with served(request.param) as running:
        yield running


@pytest.fixture
async def store(tmp_path):
    """A file of its own, as an application on one machine has."""
    async with open_store(f"sqlite:///{tmp_path}/links.db") as opened:
        yield opened


async def provider(server: McpServer, store: Any, way: str | None) -> Any:
    """Return a provider whose client authenticates in this way, or as the server would like best."""
    options: dict[str, Any] = {}
    if way is not None:
        metadata = await discover((await discover_resource(server.url)).authorization_servers[0])
        wanting = attrs.evolve(metadata, client_auth_methods=(way,))
        client = await register_client(wanting, redirect_uris=[CALLBACK], client_name="Test")
        assert client.client_auth == way
        options = {
            "client_id": client.client_id,
            "client_secret": client.client_secret,
            "client_auth": way,
        }
    return await mcp_provider(
        server.url, redirect_uri=CALLBACK, store=store, client_name="Test", provider_id="notes", **options
    )


async def expire(store: Any) -> None:
    """Let the stored access token be over, as it will be in an hour."""
    link = await store.get(KEY)
    past = datetime.now(UTC) - timedelta(seconds=1)
    await store.put(KEY, attrs.evolve(link.tokens, expires_at=past), origin=link.origin)


WAYS = [None, "client_secret_post", "client_secret_basic", "none"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_link_lives(server, store, way):
    """From the URL alone to the third refresh, by twelve callers at once, and each token works."""
    client = await provider(server, store, way)
    async with LinkingService(store, [client]) as linking:
        url = await linking.begin("notes", "alice", CALLBACK)
        link = await linking.complete(await server.consent(url), user_id="alice")
    assert await server.accepts(link.tokens.access_token)
    seen = {link.tokens.access_token}

    async with TokenService(store, [client]) as tokens:
        for _ in range(3):
            await expire(store)
            before = await server.asked()
            served = await asyncio.gather(*(tokens.access_token("notes", "alice") for _ in range(12)))
            assert await server.asked() == before + 1
            (fresh,) = set(served)
            assert await server.accepts(fresh)
            seen.add(fresh)

    assert len(seen) == 4
    assert not await server.accepts("made up")


async def test_the_way_that_the_server_likes_best(server, store):
    """It is what the registration asks for, and a restart finds the same client."""
    client = await provider(server, store, None)
    again = await provider(server, store, None)

    assert again.client_id == client.client_id
    kept = await store.registration(f"{client.linking.issuer} {CALLBACK} {client.origin.resource}")
    assert kept.client_auth == "client_secret_post"


@pytest.mark.parametrize("way", WAYS)
async def test_an_unlink_revokes(server, store, way):
    """However the client authenticates: the server says so, and the access token is refused from then on."""
    client = await provider(server, store, way)
    async with LinkingService(store, [client]) as linking:
        url = await linking.begin("notes", "alice", CALLBACK)
        link = await linking.complete(await server.consent(url), user_id="alice")

        unlinked = await linking.unlink("notes", "alice")

    assert (unlinked.revoked, unlinked.reason) == (True, None)
    assert not await server.accepts(link.tokens.access_token)


async def test_a_spent_refresh_token_is_told(server, store):
    """Whatever status each of them gives invalid_grant."""
    client = await provider(server, store, None)
    async with LinkingService(store, [client]) as linking:
        url = await linking.begin("notes", "alice", CALLBACK)
        link = await linking.complete(await server.consent(url), user_id="alice")
    await client.refresh(link.tokens)
    await expire(store)

    async with TokenService(store, [client]) as tokens:
        with pytest.raises(ReauthorizationRequired) as caught:
            await tokens.access_token("notes", "alice")

    assert caught.value.reason == "invalid_grant"
