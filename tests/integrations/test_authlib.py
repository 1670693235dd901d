"""Authlib's client with tokens that extauth keeps."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from authlib.integrations.httpx_client import AsyncOAuth2Client

from extauth import LinkNotFound, ReauthorizationRequired
from extauth.integrations.authlib import UserOAuth2Client
from tests.support.serving import serving


async def test_it_is_authlibs_client(place):
    """Whoever wants one gets one, and it acts for the user."""
    async with UserOAuth2Client(place.auth, "example", "alice") as client:
        assert isinstance(client, AsyncOAuth2Client)
        answer = await client.get(place.server.resource_url)
        async with client.stream("GET", place.server.resource_url) as streamed:
            assert await streamed.aread() == answer.content
    assert answer.json() == {"subject": "alice"}
    assert place.server.grants.exchanges == 0


async def test_many_clients_with_a_stale_token_cause_one_exchange(place):
    """Sixteen calls by four clients of one user are refused with one token, and all are answered."""
    await place.refuse("alice")
    clients = [UserOAuth2Client(place.auth, "example", "alice") for _ in range(4)]
    try:
        calls = (client.get(place.server.resource_url) for client in clients for _ in range(4))
        answers = await asyncio.gather(*calls)
    finally:
        for client in clients:
            await client.aclose()
    assert [answer.status_code for answer in answers] == [200] * 16
    assert place.server.grants.exchanges == 1
    assert len(place.server.presented) == 1


async def test_what_was_sent_is_sent_again(place):
    """A refused request goes out once more with its body."""
    refused = await place.refuse("alice")
    sent = []

    async def note(request):
        sent.append((request.headers["Authorization"], await request.aread()))

    async with UserOAuth2Client(
        place.auth, "example", "alice", event_hooks={"request": [note], "response": []}
    ) as client:
        await client.get(place.server.resource_url)
        await client.request("POST", place.server.resource_url, json={"a": 1})
    (first, _), (second, _), (third, body) = sent
    assert first == f"Bearer {refused}"
    assert second == third
    assert second != first
    assert body == b'{"a":1}'


async def test_the_streamed_body_of_a_refused_request_is_sent_again(place):
    """A body that can be read once only is kept for the second attempt."""
    bodies = []

    async def api(request):
        bodies.append(await request.read())
        return web.Response(status=401 if len(bodies) == 1 else 200)

    async def content():
        yield b"some "
        yield b"bytes"

    async with (
        serving([web.post("/", api)]) as url,
        UserOAuth2Client(place.auth, "example", "alice") as client,
    ):
        answer = await client.post(url, content=content())
    assert answer.status_code == 200
    assert bodies == [b"some bytes"] * 2


async def test_a_second_401_is_the_callers(place):
    """It is not refreshed in a loop."""
    async with UserOAuth2Client(
        place.auth, "example", "alice", api_headers=lambda _: {"Authorization": "Bearer other"}
    ) as client:
        answer = await client.get(place.server.resource_url)
    assert answer.status_code == 401
    assert place.server.grants.exchanges == 1


async def test_who_is_not_connected_is_told(place):
    """The errors of extauth come out as they are."""
    async with UserOAuth2Client(place.auth, "example", "bob") as client:
        with pytest.raises(LinkNotFound):
            await client.get(place.server.resource_url)
    await place.refuse("alice")
    place.server.grants.revoke_subject("alice")
    async with UserOAuth2Client(place.auth, "example", "alice") as client:
        with pytest.raises(ReauthorizationRequired):
            await client.get(place.server.resource_url)


async def test_a_request_may_go_without(place):
    """``withhold_token`` and ``auth`` mean what they mean in Authlib."""
    async with UserOAuth2Client(place.auth, "example", "alice") as client:
        withheld = await client.request("GET", place.server.resource_url, withhold_token=True)
        other = await client.get(place.server.resource_url, auth=("a", "b"))
    assert [withheld.status_code, other.status_code] == [401, 401]
    assert place.server.grants.exchanges == 0


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda client, url: client.fetch_token(url), id="fetch"),
        pytest.param(lambda client, url: client.refresh_token(url), id="refresh"),
        pytest.param(lambda client, url: client.revoke_token(url), id="revoke"),
        pytest.param(lambda client, _: setattr(client, "token", {"access_token": "x"}), id="set"),
    ],
)
async def test_it_has_no_tokens_of_its_own(place, use):
    """What would bring some in, or spend one, is refused before anything is sent."""
    async with UserOAuth2Client(place.auth, "example", "alice") as client:
        assert client.token is None
        with pytest.raises(RuntimeError, match=r"auth\.begin"):
            use(client, place.server.token_url)
    assert place.server.presented == []


@pytest.mark.parametrize("option", ["update_token", "token", "client_secret", "leeway"])
def test_options_about_tokens_are_refused(place, option):
    """They would be without effect."""
    with pytest.raises(TypeError, match=option):
        UserOAuth2Client(place.auth, "example", "alice", **{option: None})


async def test_nothing_shows_a_token(place, caplog):
    """Neither a repr nor the log at DEBUG."""
    caplog.set_level("DEBUG")
    link = await place.auth.link("example", "alice")
    async with UserOAuth2Client(place.auth, "example", "alice") as client:
        await client.get(place.server.resource_url)
        shown = f"{client!r} {vars(client)!r} {vars(client._user_auth)!r}"
    assert link.tokens.access_token not in shown + caplog.text
