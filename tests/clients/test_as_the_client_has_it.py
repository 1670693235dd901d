"""What a client does by itself stays as it is: streams, timeouts, cancellation, HTTP/2."""

from __future__ import annotations

import asyncio
import gc
import logging

import aiohttp
import httpx
import httpx2
import pytest

import extauth.clients.httpx
import extauth.clients.httpx2
from extauth.clients.aiohttp import TokenMiddleware
from tests.clients.http2_api import serving_http2
from tests.clients.world import TRUSTED, by_aiohttp, by_httpx

LONG = "x" * 20
ALICE = extauth.LinkKey("example", "alice")
AUTHS = {
    "httpx": (httpx, extauth.clients.httpx.TokenAuth),
    "httpx2": (httpx2, extauth.clients.httpx2.TokenAuth),
}


@pytest.fixture(params=list(AUTHS))
def either(request):
    """A package and its auth."""
    return AUTHS[request.param]


async def test_aiohttp_streams_answers(world):
    """The first part is there before the last is sent."""
    middleware = TokenMiddleware(world.auth, "example", "alice", origins=[world.api.url])
    await world.revoke()
    async with (
        aiohttp.ClientSession(middlewares=[middleware]) as session,
        session.get(f"{world.api.url}/parts") as answer,
    ):
        first = await answer.content.readany()
        world.api.gate.set()
        assert (first, await answer.read()) == (b"one", b"two")


async def test_httpx_streams_answers(world, either):
    """The first part is there before the last is sent."""
    package, token_auth = either
    auth = token_auth(world.auth, "example", "alice", origins=[world.api.url])
    await world.revoke()
    async with (
        package.AsyncClient(auth=auth, verify=TRUSTED) as http,
        http.stream("GET", f"{world.api.url}/parts") as answer,
    ):
        received = []
        async for part in answer.aiter_raw():
            received.append(part)
            world.api.gate.set()
    assert received == [b"one", b"two"]


async def test_a_call_can_be_cancelled(world, client):
    """While the API takes its time; the client goes on to work."""
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        call = asyncio.ensure_future(send("GET", f"{world.api.url}/gate"))
        await world.api.arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        answer = await send("GET", f"{world.api.url}/me")
    assert answer.status == 200


async def test_a_refresh_outlives_its_caller(world, client, monkeypatch):
    """Who is cancelled during it changes nothing; the next call has the new token."""
    old = await world.revoke()
    held, asked = asyncio.Event(), asyncio.Event()
    refresh = world.provider.refresh

    async def slow(tokens, **more):
        asked.set()
        await held.wait()
        return await refresh(tokens, **more)

    monkeypatch.setattr(world.provider, "refresh", slow)
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        call = asyncio.ensure_future(send("GET", f"{world.api.url}/me"))
        await asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        held.set()
        answer = await send("GET", f"{world.api.url}/me")
    assert (answer.status, world.server.grants.exchanges) == (200, 1)
    assert world.api.shown()[0] == f"Bearer {old}" != world.api.shown()[-1]


async def test_aiohttps_timeout_counts(world):
    """It ends the whole call, with the error that it always has."""
    async with by_aiohttp(world.auth, "alice", origins=[world.api.url]) as send:
        with pytest.raises(asyncio.TimeoutError):
            await send("GET", f"{world.api.url}/gate", timeout=aiohttp.ClientTimeout(total=0.05))


async def test_httpxs_timeout_counts(world):
    """With the error that it always has."""
    async with by_httpx(world.auth, "alice", origins=[world.api.url]) as send:
        with pytest.raises(httpx.ReadTimeout):
            await send("GET", f"{world.api.url}/gate", timeout=0.05)


async def test_httpx_speaks_http2(world, either, tmp_path):
    """Over one connection, refused requests included."""
    package, token_auth = either
    await world.revoke()
    async with serving_http2(world.server, tmp_path) as api:
        auth = token_auth(world.auth, "example", "alice", origins=[api.url])
        async with package.AsyncClient(auth=auth, http2=True, verify=api.trusted) as http:
            answers = await asyncio.gather(*(http.post(f"{api.url}/me", content=b"body") for _ in range(5)))
    assert [(answer.status_code, answer.http_version) for answer in answers] == [(200, "HTTP/2")] * 5
    assert (world.server.grants.exchanges, api.connections) == (1, 1)


def test_httpx_is_used_on_an_event_loop(world, either):
    """A client without one is refused, before anything is sent."""
    package, token_auth = either
    auth = token_auth(world.auth, "example", "alice", origins=[world.api.url])
    told = pytest.raises(RuntimeError, match=f"use {package.__name__}.AsyncClient")
    with package.Client(auth=auth, verify=TRUSTED) as http, told:
        http.get(f"{world.api.url}/me")
    assert world.api.seen == []


async def test_httpx_takes_no_token_in_another_header(world, either):
    """It would keep that on a redirect to anywhere."""
    package, token_auth = either

    def headers(tokens):
        return {"X-Shop-Token": tokens.access_token}

    auth = token_auth(world.auth, "example", "alice", origins=[world.api.url], headers=headers)
    async with package.AsyncClient(auth=auth, verify=TRUSTED) as http:
        with pytest.raises(ValueError, match=r"X-Shop-Token, .* extauth.clients.aiohttp"):
            await http.get(f"{world.api.url}/me")
    assert world.api.seen == []


@pytest.mark.parametrize("end", ["\n", " "])
async def test_httpx_says_nothing_of_a_token_that_no_header_can_have(world, either, end):
    """Its own error would quote the token."""
    package, token_auth = either
    await world.auth.store.put(ALICE, extauth.TokenSet(LONG + end), origin=world.provider.origin)
    auth = token_auth(world.auth, "example", "alice", origins=[world.api.url])
    async with package.AsyncClient(auth=auth, verify=TRUSTED) as http:
        with pytest.raises(ValueError, match="the token cannot be shown in Authorization") as told:
            await http.get(f"{world.api.url}/me")
    assert LONG not in str(told.getrepr(showlocals=True, chain=True))
    assert world.api.seen == []


async def test_aiohttp_takes_a_token_in_any_header(world):
    """It gives none of them to the next hop."""

    def headers(tokens):
        return {"X-Shop-Token": tokens.access_token}

    token = await world.token()
    async with by_aiohttp(world.auth, "alice", origins=[world.api.url], headers=headers) as send:
        await send("GET", f"{world.api.url}/to?url={world.other.url}/me")
    [seen], [elsewhere] = world.api.seen, world.other.seen
    assert seen.headers["X-Shop-Token"] == token
    assert "X-Shop-Token" not in elsewhere.headers


async def test_httpx_takes_no_http_on_port_80(world, either):
    """From there it takes Authorization along to https on the same host, which is another origin."""
    package, token_auth = either
    request = package.Request("GET", "http://localhost/", headers={"Authorization": "Bearer x"})
    leads = package.Response(302, headers={"Location": "https://localhost/"}, request=request)
    following = package.AsyncClient(verify=TRUSTED)._build_redirect_request(request, leads)
    assert following.headers["Authorization"] == "Bearer x"
    with pytest.raises(ValueError, match="no origin may be http on port 80"):
        token_auth(world.auth, "example", "alice", origins=["http://localhost"])


@pytest.mark.parametrize(
    ("path", "error"),
    [("scoped", extauth.InsufficientScope), ("me", extauth.ReauthorizationRequired)],
    ids=["scopes", "refresh"],
)
async def test_no_token_is_in_an_error(world, client, caplog, path, error):
    """Neither in its repr nor in a log line or what a tool shows of frames."""
    token = await world.token()
    if path == "me":
        world.server.grants.revoke_subject("alice")
    caplog.set_level(logging.DEBUG)
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        with pytest.raises(error) as told:
            await send("GET", f"{world.api.url}/{path}")
    shown = [repr(told.value), caplog.text]
    frames = [each for each in told.traceback if "extauth/clients/" in each.path.as_posix()]
    shown += [repr(value) for each in frames for value in each.frame.f_locals.values()]
    assert (len(frames) > 1, world.api.shown()) == (True, [f"Bearer {token}"])
    assert [text for text in shown if token in text] == []


async def test_aiohttps_own_errors_show_no_token(world):
    """They hold the request's headers."""
    middleware = TokenMiddleware(world.auth, "example", "alice", origins=[world.api.url])
    token = await world.token()
    async with aiohttp.ClientSession(middlewares=[middleware], raise_for_status=True) as session:
        with pytest.raises(aiohttp.ClientResponseError) as told:
            await session.get(f"{world.api.url}/forbidden")
    assert world.api.shown() == [f"Bearer {token}"]
    assert token not in repr(told.value)


async def test_calls_within_a_call_are_calls_of_their_own(world):
    """A middleware outside of ours that calls in between makes no difference."""
    middleware = TokenMiddleware(world.auth, "example", "alice", origins=[world.api.url])
    token = await world.token()

    async def nosy(request, handler):
        answer = await asyncio.wait_for(handler(request), 30)
        async with request.session.get(f"{world.api.url}/me", middlewares=[middleware]) as own:
            assert own.status == 200
        return answer

    async with (
        aiohttp.ClientSession(middlewares=[nosy, middleware]) as session,
        session.get(f"{world.other.url}/to?url={world.api.url}/forbidden") as answer,
    ):
        assert answer.status == 403
    assert [each.shown for each in world.api.seen if each.path == "/forbidden"] == [None]
    assert [each.shown for each in world.api.seen if each.path == "/me"] == [f"Bearer {token}"] * 2


async def test_what_was_redirected_is_forgotten(world):
    """With the answers; what nobody follows, too."""
    middleware = TokenMiddleware(world.auth, "example", "alice", origins=[world.api.url])
    async with aiohttp.ClientSession(middlewares=[middleware]) as session:
        for follow in (True, False):
            url = f"{world.api.url}/to?url={world.api.url}/me"
            async with session.get(url, allow_redirects=follow) as answer:
                assert len(middleware._calls._redirected) == 1
            del answer
            gc.collect()
            assert middleware._calls._redirected == {}
