"""google-auth's asynchronous session acts for one user."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from aiohttp import web
from google.auth.aio.transport.sessions import AsyncAuthorizedSession

from extauth import LinkNotFound, ReauthorizationRequired
from extauth.integrations.google_auth import UserCredentials
from tests.support.serving import serving


@contextlib.asynccontextmanager
async def session(place, user="alice"):
    """Open a session of google-auth's over its own aiohttp transport."""
    opened = AsyncAuthorizedSession(UserCredentials(place.auth, "example", user))
    try:
        yield opened
    finally:
        await opened.close()


async def status_of(opened, url):
    """Call an API and return the status of its answer."""
    response = await opened.get(url)
    await response.read()
    return response.status_code


async def test_it_acts_for_the_user(place):
    """A call has the user's token."""
    async with session(place) as opened:
        response = await opened.get(place.server.resource_url)
        assert await response.read() == b'{"subject": "alice"}'
    assert place.server.grants.exchanges == 0


async def test_many_calls_with_a_stale_token_cause_one_exchange(place):
    """Sixteen calls in four sessions of one user are refused with one token, and all are answered."""
    await place.refuse("alice")
    async with contextlib.AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(session(place)) for _ in range(4)]
        calls = (status_of(opened, place.server.resource_url) for opened in sessions * 4)
        assert await asyncio.gather(*calls) == [200] * 16
    assert place.server.grants.exchanges == 1
    assert len(place.server.presented) == 1


async def test_the_token_that_was_refused_is_reported(place):
    """Not the one that another request of the same credentials was sent with meanwhile."""
    stale = (await place.auth.link("example", "alice")).tokens.access_token
    arrived, gate = asyncio.Event(), asyncio.Event()

    async def api(request):
        if request.headers["Authorization"] == f"Bearer {stale}":
            arrived.set()
            await gate.wait()
            return web.Response(status=401)
        return web.Response(text="ok")

    credentials = UserCredentials(place.auth, "example", "alice")
    one, other = AsyncAuthorizedSession(credentials), AsyncAuthorizedSession(credentials)
    try:
        async with serving([web.get("/", api)]) as url:
            slow = asyncio.create_task(status_of(one, url))
            await arrived.wait()
            await place.auth.refresh("example", "alice", rejected=stale)  # by another part of the application
            assert await status_of(other, url) == 200  # from here on the credentials show the new token
            gate.set()
            assert await slow == 200
    finally:
        await one.close()
        await other.close()
    assert place.server.grants.exchanges == 1


async def test_a_token_that_is_always_refused_is_the_callers(place):
    """The session gives up after two refreshes of its own, each with a token that was refused."""
    seen = []

    async def refuse(request):
        seen.append(request.headers["Authorization"])
        return web.Response(status=401)

    async with serving([web.get("/", refuse)]) as url, session(place) as opened:
        assert await status_of(opened, url) == 401
    assert len(set(seen)) == len(seen) == 3
    assert place.server.grants.exchanges == 2


async def test_who_is_not_connected_is_told(place):
    """The errors of extauth come out as they are, also those of a refresh."""
    async with session(place, "bob") as opened:
        with pytest.raises(LinkNotFound):
            await opened.get(place.server.resource_url)
    await place.refuse("alice")
    place.server.grants.revoke_subject("alice")
    async with session(place) as opened:
        with pytest.raises(ReauthorizationRequired):
            await opened.get(place.server.resource_url)


async def test_a_refresh_by_hand_gets_a_token(place):
    """It spends none that nobody refused."""
    credentials = UserCredentials(place.auth, "example", "alice")
    await credentials.refresh(None)
    assert credentials.token == (await place.auth.link("example", "alice")).tokens.access_token
    headers: dict[str, str] = {}
    await credentials.apply(headers)
    assert headers == {"authorization": f"Bearer {credentials.token}"}
    assert place.server.grants.exchanges == 0


async def test_nothing_shows_a_token(place, caplog):
    """Neither a repr nor the log at DEBUG."""
    caplog.set_level("DEBUG")
    token = (await place.auth.link("example", "alice")).tokens.access_token
    credentials = UserCredentials(place.auth, "example", "alice")
    opened = AsyncAuthorizedSession(credentials)
    try:
        await opened.get(place.server.resource_url)
    finally:
        await opened.close()
    assert str(credentials.token) == token
    assert token not in f"{credentials!r} {vars(credentials)!r} {caplog.text}"
