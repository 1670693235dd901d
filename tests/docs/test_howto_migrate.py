"""The guide to migrating: its code before does what it says goes wrong, and its code after does not."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiosqlite
import attrs
import pytest
from aiohttp import ClientSession, web

from extauth import LinkKey, ProviderMisconfigured, ReauthorizationRequired
from extauth.testing import AuthorizationServer

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "migrate.md").read_text()
BLOCKS = dict(re.findall(r"^```python\n# ([^\n]+)\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE))
CALLERS = 8


@attrs.define
class Together:
    """Lets requests for tokens be answered when so many are there."""

    expected: int = 1
    arrived: int = 0
    gate: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def pause(self, _: float) -> None:
        self.arrived += 1
        if self.arrived >= self.expected:
            self.gate.set()
        await self.gate.wait()

    def expect(self, more: int) -> None:
        self.gate.clear()
        self.expected = self.arrived + more


@attrs.define
class Place:
    """A provider, and a table in which alice's token has expired."""

    server: AuthorizationServer
    together: Together
    database: aiosqlite.Connection
    http: ClientSession
    url: str
    row: tuple[str, str, float]

    def code(self, *names: str) -> dict[str, Any]:
        """Return what some blocks define."""
        defined: dict[str, Any] = {
            "ACCOUNT": {
                "client_id": self.server.client_id,
                "client_secret": self.server.client_secret,
                "authorize_url": self.server.authorize_url,
                "token_url": self.server.token_url,
            }
        }
        for name in names:
            exec(BLOCKS[name], defined)  # noqa: S102 - our own page
        return defined

    async def stored(self) -> str | None:
        """Return the refresh token in the table."""
        [row] = await self.database.execute_fetchall("SELECT refresh FROM tokens")
        refresh: str | None = row[0]
        return refresh


@pytest.fixture
async def place(tmp_path) -> AsyncIterator[Place]:
    """One of them."""
    async with AsyncExitStack() as stack:
        together = Together()
        server = await stack.enter_async_context(
            AuthorizationServer(answer_delay=timedelta(seconds=1), delayed="before", pause=together.pause)
        )
        database = await stack.enter_async_context(aiosqlite.connect(tmp_path / "before.db"))
        http = await stack.enter_async_context(ClientSession())
        tokens = server.new_grant("alice")
        row = (tokens.access_token, str(tokens.refresh_token), time.time() - 1)
        await database.execute("CREATE TABLE tokens (user, access, refresh, expires)")
        await database.execute("INSERT INTO tokens VALUES ('alice', ?, ?, ?)", row)
        await database.commit()
        yield Place(server, together, database, http, f"sqlite:///{tmp_path}/after.db", row)


def test_every_block_is_known():
    """Each has a name, and a test below runs it."""
    assert len(BLOCKS) == GUIDE.count("```python") == 7


async def test_the_table_before(place):
    """One caller is served; of several at once all but one spoil the grant."""
    access_token = place.code("before: a table")["access_token"]
    new = await access_token(place.database, place.http, "alice")
    assert place.server.accepts(new)
    assert place.server.grants.replays == 0
    await place.database.execute("UPDATE tokens SET expires = 0")
    place.together.expect(CALLERS)
    calls = (access_token(place.database, place.http, "alice") for _ in range(CALLERS))
    await asyncio.gather(*calls, return_exceptions=True)
    assert place.server.grants.replays == CALLERS - 1
    assert place.server.grants.live_refresh_tokens("alice") == frozenset()


async def test_the_table_before_with_a_wrong_secret(place):
    """A mistake of the deployment's disconnects the user, whose grant lives."""
    access_token = place.code("before: a table")["access_token"]
    place.server.client_secret = "another by now"
    with pytest.raises(PermissionError):
        await access_token(place.database, place.http, "alice")
    assert await place.stored() is None
    assert place.server.grants.refreshable(place.row[1])


@asynccontextmanager
async def moved(place: Place) -> AsyncIterator[tuple[dict[str, Any], Any]]:
    """Yield the code after, and what it opens, with alice moved in."""
    code = place.code("after: a table", "rows of a table", "after: Authlib")
    rows = [{"user": "alice", **dict(zip(("access", "refresh", "expires"), place.row, strict=True))}]
    async with code["opened"](place.url) as auth:
        assert (await code["move_in"](auth, rows, stopped=False)).added == 1
        await code["move_in"](auth, rows, stopped=True)
        yield code, auth


async def test_the_table_after(place):
    """However many come at once, one exchanges."""
    async with moved(place) as (code, auth):
        calls = (code["access_token"](auth, "alice") for _ in range(CALLERS))
        [new] = set(await asyncio.gather(*calls))
        assert place.server.accepts(new)
        assert (place.server.grants.exchanges, place.server.grants.replays) == (1, 0)


async def test_the_table_after_with_a_wrong_secret(place):
    """Nobody is disconnected: when the application is started with the right one, the token is there."""
    async with moved(place) as (code, auth):
        right, place.server.client_secret = place.server.client_secret, "another by now"
        with pytest.raises(ProviderMisconfigured):
            await code["access_token"](auth, "alice")
    place.server.client_secret = right
    async with code["opened"](place.url) as auth:
        assert place.server.accepts(await code["access_token"](auth, "alice"))


async def test_a_row_whose_refresh_token_was_cleared(place):
    """Its user is told to connect again."""
    place.row = (place.row[0], None, place.row[2])
    async with moved(place) as (code, auth):
        with pytest.raises(ReauthorizationRequired) as caught:
            await code["access_token"](auth, "alice")
        assert caught.value.reason == "no_refresh_token"


async def test_authlib_before_and_after(place):
    """Two clients with a row each spoil the grant; of eight without one none does."""
    client = place.code("before: Authlib")["client"]

    async def call_before() -> None:
        async with client(place.database, place.row) as one:
            await one.get(place.server.resource_url)

    place.together.expect(2)
    await asyncio.gather(call_before(), call_before(), return_exceptions=True)
    assert place.server.grants.replays == 1
    tokens = place.server.new_grant("alice")
    place.row = (tokens.access_token, str(tokens.refresh_token), time.time() - 1)
    before = place.server.grants.exchanges
    async with moved(place) as (code, auth):

        async def call_after() -> object:
            async with code["client"](auth, "alice") as one:
                return (await one.get(place.server.resource_url)).json()

        answers = await asyncio.gather(*(call_after() for _ in range(CALLERS)))
    assert answers == [{"subject": "alice"}] * CALLERS
    assert (place.server.grants.exchanges - before, place.server.grants.replays) == (1, 1)


async def test_nango_before_and_after(place):
    """Before, a token is asked for by the documented request; after, a refusal is reported once for all."""
    asked: list[tuple[str, str, str | None]] = []

    async def connection(request: web.Request) -> web.Response:
        asked.append((request.path, request.query_string, request.headers.get("Authorization")))
        return web.json_response({"credentials": {"type": "OAUTH2", "access_token": "theirs"}})

    app = web.Application()
    app.router.add_get("/connections/{id}", connection)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        nango = f"http://127.0.0.1:{runner.addresses[0][1]}"
        access_token = place.code("before: Nango")["access_token"]
        assert await access_token(place.http, nango, "made-up", "alice", refused=True) == "theirs"
    finally:
        await runner.cleanup()
    query = "provider_config_key=calendar&force_refresh=true"
    assert asked == [("/connections/alice", query, "Bearer made-up")]

    async with moved(place) as (code, auth):
        exec(BLOCKS["after: Nango"], code)  # noqa: S102 - our own page
        old = await code["access_token"](auth, "alice")
        calls = (code["access_token"](auth, "alice", refused=old) for _ in range(CALLERS))
        [new] = set(await asyncio.gather(*calls))
        assert (new != old, place.server.accepts(new)) == (True, True)
        assert (await auth.store.get(LinkKey("calendar", "alice"))).tokens.access_token == new
    assert place.server.grants.exchanges == 2
