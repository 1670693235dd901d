"""``/v1/proxy/``: requests go to the API with the token put in, and nothing else comes or goes along."""

from __future__ import annotations

import asyncio
import gzip
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web

from extauth import Backoff, LinkKey, RefreshPolicy
from tests.broker.site import SECRETS, opened_site

PROXY = "/v1/proxy/example/alice"


async def token(site):
    """Return the token that is stored."""
    return (await site.auth.store.get(LinkKey("example", "alice"))).tokens.access_token


async def test_a_request_is_sent_with_the_token(site):
    """Its method, target and body are the caller's, byte for byte."""
    target = "/repos/a%2Fb/x;y=1?q=%2F..%2f&filter[a]=b+c&empty="
    answer = await site.ask("sender", "POST", f"{PROXY}{target}", data=b"hello")
    assert (answer.status, answer.headers["Proxy-Status"]) == (200, "extauth; received-status=200")
    assert answer.json == {"method": "POST", "target": f"/api/v1{target}", "body": "hello"}
    [request] = site.api.seen
    assert request.headers["Authorization"] == f"Bearer {await token(site)}"
    for path in ("", "/"):
        assert (await site.ask("sender", "GET", f"{PROXY}{path}")).json["target"] == "/api/v1/"


async def test_what_is_between_caller_and_broker_stays_there(site):
    """The secret, cookies, hop-by-hop fields and those that Connection names; nothing is added."""
    headers = {
        "Connection": "keep-alive, X-Private",
        "X-Private": "x",
        "Cookie": "a=b",
        "Proxy-Authorization": "x",
        "TE": "trailers",
        "Upgrade": "h2c",
        "X-Forwarded-For": "10.0.0.1",
        "Forwarded": "for=10.0.0.1",
        "X-Kept": "kept",
        "Accept": "text/x",
        "User-Agent": "caller/1",
        "Accept-Encoding": "br",
    }
    assert (await site.ask("sender", "GET", PROXY, headers=headers)).status == 200
    [request] = site.api.seen
    sent = {name.lower(): value for name, value in request.headers.items()}
    assert sent.pop("authorization") == f"Bearer {await token(site)}"
    assert sent == {
        "host": site.api.base.removeprefix("http://").partition("/")[0],
        "x-kept": "kept",
        "accept": "text/x",
        "user-agent": "caller/1",
        "accept-encoding": "br",
    }


async def test_a_body_is_passed_on_as_it_is(site):
    """A compressed one, too, in both directions; its length stays told."""
    packed = gzip.compress(b"hello" * 1000)

    async def answer(request: web.BaseRequest) -> web.Response:
        assert (request.headers["Content-Encoding"], await request.read()) == ("gzip", packed)
        assert request.headers["Content-Length"] == str(len(packed))
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    site.api.handler = answer
    told = await site.ask("sender", "PUT", PROXY, data=packed, headers={"Content-Encoding": "gzip"})
    assert (told.status, told.body, told.headers["Content-Encoding"]) == (200, packed, "gzip")
    assert told.headers["Content-Length"] == str(len(packed))


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("status", [200, 204, 304])
async def test_an_answer_without_a_body(site, method, status):
    """It has none here either, and the connection goes on."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(status=status, headers={"ETag": '"x"'})

    site.api.handler = answer
    for _ in range(2):
        told = await site.ask("sender", method, PROXY)
        assert (told.status, told.headers["ETag"], told.body) == (status, '"x"', b"")


async def test_both_ways_at_once(site):
    """The API answers while the body is still being sent, and each part comes through before the next."""

    async def echo(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        async for part in request.content.iter_any():
            await response.write(part.upper())
        return response

    site.api.handler = echo
    parts: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def body():
        while (part := await parts.get()) is not None:
            yield part

    headers = {"Authorization": f"Bearer {SECRETS['sender']}"}
    async with aiohttp.ClientSession() as session:
        await parts.put(b"one")
        async with session.post(f"{site.url}{PROXY}", data=body(), headers=headers) as answer:
            assert await answer.content.readany() == b"ONE"
            await parts.put(b"two")
            assert await answer.content.readany() == b"TWO"
            await parts.put(None)
            assert await answer.content.read() == b""


async def test_a_refused_token_is_refreshed_inside(site):
    """The caller sees the answer to another token. A short body is sent again, a long one is not."""
    old = await token(site)
    site.server.grants.revoke(old)
    answer = await site.ask("sender", "POST", PROXY, data=b"short")
    assert (answer.status, answer.json["body"]) == (200, "short")
    assert (site.server.grants.exchanges, await token(site) != old, len(site.api.seen)) == (1, True, 2)
    site.server.grants.revoke(await token(site))

    async def refuse(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(status=401)

    site.api.before = refuse
    long = await site.ask("sender", "POST", PROXY, data=b"x" * 70_000)
    assert (long.status, len(site.api.seen), site.server.grants.exchanges) == (401, 3, 2)
    assert long.headers["Proxy-Status"] == "extauth; received-status=401"
    site.api.before = None
    assert (await site.ask("sender", "POST", PROXY, data=b"x" * 70_000)).status == 200


async def test_an_api_that_refuses_every_token(site):
    """Is asked twice, not for ever, and its refusal is the answer."""

    async def refuse(_: web.BaseRequest) -> web.Response:
        return web.Response(status=401, text="no")

    site.api.before = refuse
    answer = await site.ask("sender", "GET", PROXY)
    assert (answer.status, answer.body, len(site.api.seen)) == (401, b"no", 2)
    assert site.server.grants.exchanges == 1


async def test_an_api_that_refuses_every_token_costs_no_refresh_token_a_request(tmp_path):
    """Its first refusal is the answer from then on, until a pause is over."""

    async def refuse(_: web.BaseRequest) -> web.Response:
        return web.Response(status=401, text="no")

    patient = RefreshPolicy(cooldown=Backoff(initial=timedelta(minutes=5)))
    async with opened_site(tmp_path, path="/api/v1", policy=patient) as site:
        site.api.before = refuse
        for _ in range(3):
            assert (await site.ask("sender", "GET", PROXY)).status == 401
        assert (len(site.api.seen), site.server.grants.exchanges) == (4, 1)


async def test_a_grant_that_was_ended(site):
    """The API's own refusal is the answer; the next request is told why."""
    site.server.grants.revoke_subject("alice")
    assert (await site.ask("sender", "GET", PROXY)).status == 401


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_for_the_caller(site, status):
    """None is followed. One below the base leads through the broker, another as it is."""
    elsewhere = "https://elsewhere.example/x?y"
    locations = {
        f"{site.api.base}a?b": "/v1/proxy/example/alice/a?b",
        "/api/v1/a": "/v1/proxy/example/alice/a",
        "../v1/a": "/v1/proxy/example/alice/a",
        "/other": site.api.base.replace("/api/v1/", "/other"),
        "//elsewhere.example/x": "http://elsewhere.example/x",
        elsewhere: elsewhere,
    }
    for location, seen in locations.items():

        async def redirect(_: web.BaseRequest, location: str = location) -> web.Response:
            return web.Response(status=status, headers={"Location": location})

        site.api.handler = redirect
        site.api.seen.clear()
        answer = await site.ask("sender", "POST", f"{PROXY}/x", data=b"x")
        assert (answer.status, answer.headers["Location"], len(site.api.seen)) == (status, seen, 1)


async def test_what_an_answer_must_not_bring(site):
    """Cookies, and a field that repeats the token."""

    async def answer(request: web.BaseRequest) -> web.Response:
        headers = {
            "Set-Cookie": "session=x",
            "X-Echo": request.headers["Authorization"],
            "Location": f"https://x.example/?t={request.headers['Authorization'].split()[1]}",
            "Connection": "X-Hop",
            "X-Hop": "1",
            "X-Kept": "1",
        }
        return web.Response(headers=headers)

    site.api.handler = answer
    told = await site.ask("sender", "GET", PROXY)
    assert told.headers["X-Kept"] == "1"
    assert not {"Set-Cookie", "X-Echo", "Location", "X-Hop"} & {*told.headers}
    assert await token(site) not in str(told.headers)


async def test_an_api_that_cannot_be_reached(tmp_path):
    """It is told as a problem, without what was sent."""
    async with opened_site(tmp_path) as site:

        async def cut(request: web.BaseRequest) -> web.Response:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()

        site.api.handler = cut
        answer = await site.ask("sender", "POST", PROXY, data=b"x")
        assert (answer.status, answer.code) == (502, "api_unreachable")
        assert await token(site) not in answer.body.decode()


async def test_an_answer_that_breaks_off(site):
    """It breaks off for the caller, too: half of it is not taken for the whole."""

    async def half(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    site.api.handler = half
    with pytest.raises(aiohttp.ClientPayloadError):
        await site.ask("sender", "GET", PROXY)


async def test_a_caller_that_goes_away(site):
    """Ends the request to the API."""
    begun, gone = asyncio.Event(), asyncio.Event()

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        begun.set()
        while request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(0.01)
        gone.set()
        return response

    site.api.handler = endless
    asking = asyncio.create_task(site.ask("sender", "GET", PROXY))
    await begun.wait()
    asking.cancel()
    async with asyncio.timeout(30):
        await gone.wait()


async def test_what_no_rule_forwards(tmp_path):
    """A method that is not allowed, a provider without an API, another user."""
    reading = {"provider": "example", "users": ["*"], "rights": ["proxy"], "methods": ["get"]}
    others = {"provider": "no-api", "users": ["*"], "rights": ["proxy"]}
    from extauth.broker.callers import PREFIX, digest_of
    from extauth.domain.hidden import Hidden

    hashed = f"{PREFIX}{digest_of(Hidden(SECRETS['sender'])).hex()}"
    changed = {"sender": {"secret_hash": hashed, "allow": [reading, others]}}
    async with opened_site(tmp_path, changed=changed) as site:
        assert (await site.ask("sender", "GET", PROXY)).status == 200
        assert (await site.ask("sender", "DELETE", PROXY)).code == "forbidden"
        assert (await site.ask("sender", "GET", "/v1/proxy/no-api/alice/")).code == "no_api"
        assert (await site.ask("sender", "GET", "/v1/proxy/example/bob/")).code == "link_not_found"
        assert len(site.api.seen) == 1


async def test_closing_lets_requests_end(site):
    """Who is under way gets the answer, and nobody else is let in."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: web.BaseRequest) -> web.Response:
        begun.set()
        await go_on.wait()
        return web.Response(text="done")

    site.api.handler = slow
    asking = asyncio.create_task(site.ask("sender", "GET", PROXY))
    await begun.wait()
    closing = asyncio.create_task(site.stop())
    while site.listening.fileno() >= 0:
        await asyncio.sleep(0)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", site.port)
    assert not asking.done()
    go_on.set()
    assert (await asking).body == b"done"
    await closing
