"""A session of the MCP SDK acts for one user, at the SDK's own server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import attrs
import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

import extauth
from extauth import InsufficientScope, LinkKey, LinkNotFound, ReauthorizationRequired, open_store
from extauth.adapters.discovery import mcp_provider
from extauth.integrations.mcp import McpHttpClient, UserAuth
from extauth.testing import ServerQuirks
from tests.integrations.place import at_server
from tests.peer.mcp_server import CALLBACK, served
from tests.peer.mcp_site import MORE, SCOPE

KEY = LinkKey("notes", "alice")


@pytest.fixture(scope="module")
def server():
    """The server in a process of its own."""
    with served("mcp") as running:
        yield running


@pytest.fixture
async def auth(server, tmp_path):
    """An application to whose users this server is a provider."""
    async with open_store(f"sqlite:///{tmp_path}/links.db") as store:
        provider = await mcp_provider(
            server.url,
            redirect_uri=CALLBACK,
            store=store,
            client_name="Test",
            provider_id="notes",
            may_ask=[SCOPE, MORE],
        )
        async with extauth.open(store, [provider], keys="plain") as opened:
            yield opened


async def connect(auth, server, scopes=None):
    """Connect alice to the server."""
    url = await auth.begin("notes", "alice", CALLBACK, scopes=scopes)
    return await auth.complete(await server.consent(url), user_id="alice")


async def make_stale(auth, **changes):
    """Let the stored access token be one that the server does not know."""
    link = await auth.store.get(KEY)
    tokens = attrs.evolve(link.tokens, access_token="stale", **changes)
    await auth.store.put(KEY, tokens, origin=link.origin)


@asynccontextmanager
async def session(http, server):
    """Open a session over an HTTP client."""
    async with Client(streamable_http_client(server.url, http_client=http)) as client:
        yield client


async def test_a_session_acts_for_the_user(auth, server):
    """The server takes the calls, and another user's are not made with this one's token."""
    await connect(auth, server)
    async with (
        McpHttpClient(auth, "notes", "alice", server_url=server.url) as http,
        session(http, server) as client,
    ):
        assert (await client.list_tools()).tools == []
    async with McpHttpClient(auth, "notes", "bob", server_url=server.url) as http:
        with pytest.raises(LinkNotFound), http.link_errors():
            async with session(http, server):
                pass


async def test_many_sessions_with_a_stale_token_cause_one_exchange(auth, server):
    """Each of eight sessions is refused, reports the token, and goes on with the same new one."""
    await connect(auth, server)
    await make_stale(auth)
    before = await server.asked()

    async def use():
        async with (
            McpHttpClient(auth, "notes", "alice", server_url=server.url) as http,
            session(http, server) as client,
        ):
            return (await client.list_tools()).tools

    assert await asyncio.gather(*(use() for _ in range(8))) == [[]] * 8
    assert await server.asked() == before + 1


async def test_a_lost_link_ends_the_call_and_not_the_session(auth, server):
    """The caller is told to connect again, and when the user has, the same session goes on."""
    await connect(auth, server)
    async with (
        McpHttpClient(auth, "notes", "alice", server_url=server.url) as http,
        session(http, server) as client,
    ):
        await make_stale(auth, refresh_token=None)
        with pytest.raises(ReauthorizationRequired) as caught, http.link_errors():
            await client.list_tools()
        assert caught.value.reason == "no_refresh_token"
        assert isinstance(caught.value.__cause__, MCPError)
        await connect(auth, server)
        assert (await client.list_tools()).tools == []


async def test_with_the_plain_auth_it_ends_the_session(auth, server):
    """The error comes out of the session as one of a group, as such."""
    async with httpx2.AsyncClient(auth=UserAuth(auth, "notes", "bob", server_url=server.url)) as http:
        with pytest.raises(ExceptionGroup) as caught:
            async with session(http, server):
                pass
    matching, rest = caught.value.split(LinkNotFound)
    assert matching is not None
    assert rest is None


async def test_too_little_scope_is_told(auth, server):
    """It is an error of its own; the SDK's server does not say which is missing."""
    await connect(auth, server, scopes=[MORE])
    async with McpHttpClient(auth, "notes", "alice", server_url=server.url) as http:
        with pytest.raises(InsufficientScope) as caught, http.link_errors():
            async with session(http, server):
                pass
    assert caught.value.scopes == frozenset()
    assert caught.value.code == "insufficient_scope"


async def test_the_missing_scopes_are_told():
    """Where the server names them, those that were not granted can be asked for."""
    quirks = ServerQuirks(api_scopes=frozenset({"read", "write"}))
    async with at_server(quirks=quirks) as place:
        await place.connect("alice", scopes=["read"])
        user = UserAuth(place.auth, "example", "alice", server_url=place.server.resource_url)
        async with httpx2.AsyncClient(auth=user) as http:
            with pytest.raises(InsufficientScope) as caught:
                await http.get(place.server.resource_url)
    assert caught.value.scopes == {"write"}
    assert caught.value.key == LinkKey("example", "alice")


async def test_another_error_beside_ours_is_kept(auth, server):
    """A group that says more than that there is no link stays as it is."""
    both = ExceptionGroup("both", [LinkNotFound("x"), OSError("y")])
    async with McpHttpClient(auth, "notes", "bob", server_url=server.url) as http:
        with pytest.raises(ExceptionGroup) as caught, http.link_errors():
            raise both
    assert caught.value is both


async def test_an_error_of_the_servers_stays_its_own(auth, server):
    """What the MCP server itself says is no error of extauth's, even if it looks like one."""
    await connect(auth, server)
    async with (
        McpHttpClient(auth, "notes", "alice", server_url=server.url) as http,
        session(http, server) as client,
    ):
        with pytest.raises(MCPError) as caught, http.link_errors():
            await client.get_prompt("none")
    assert http.link_error(caught.value) is None
    forged = MCPError(-32001, "x", {"extauth": "0" * 32, "code": "reauthorization_required"})
    assert http.link_error(forged) is None


async def test_only_the_server_gets_the_token(auth, server):
    """A request to another origin goes without, and its 401 refuses nothing."""
    await connect(auth, server)
    before = await server.asked()
    seen = []

    def elsewhere(request):
        seen.append(request.headers.get("authorization"))
        return httpx2.Response(401)

    user = UserAuth(auth, "notes", "alice", server_url=server.url)
    async with httpx2.AsyncClient(auth=user, transport=httpx2.MockTransport(elsewhere)) as http:
        assert (await http.get("https://elsewhere.example/")).status_code == 401
    assert seen == [None]
    assert await server.asked() == before


def test_a_sync_client_is_refused(auth, server):
    """With a sentence that says what to use."""
    user = UserAuth(auth, "notes", "alice", server_url=server.url)
    with httpx2.Client(auth=user) as http, pytest.raises(RuntimeError, match="AsyncClient"):
        http.get(server.url)


@pytest.mark.parametrize(
    ("user", "url", "error"),
    [
        pytest.param("", "https://mcp.example/mcp", ValueError, id="no user"),
        pytest.param("alice", "mcp.example/mcp", ValueError, id="no URL"),
    ],
)
async def test_mistakes_are_told_at_once(auth, user, url, error):
    """Where the client is made, and not at its first request."""
    with pytest.raises(error):
        UserAuth(auth, "notes", user, server_url=url)
    with pytest.raises(TypeError, match=r"extauth\.open"):
        UserAuth(None, "notes", "alice", server_url="https://mcp.example/mcp")


async def test_nothing_shows_a_token(auth, server, caplog):
    """Neither a repr nor a log line of extauth's, at DEBUG."""
    link = await connect(auth, server)
    caplog.set_level("DEBUG")
    async with McpHttpClient(auth, "notes", "alice", server_url=server.url) as http:
        async with session(http, server) as client:
            await client.list_tools()
        shown = repr(http) + repr(http.auth) + repr(vars(http.auth))
    assert link.tokens.access_token not in shown
    assert link.tokens.access_token not in caplog.text
