"""githubkit's client acts for one user."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from githubkit import GitHub
from githubkit.exception import RequestError, RequestFailed

from extauth import LinkNotFound, ReauthorizationRequired
from extauth.integrations.githubkit import UserAuthStrategy


def client(place, user="alice", **options):
    """Return a client for a user, with the server's API as GitHub."""
    strategy = UserAuthStrategy(place.auth, "example", user)
    return GitHub(strategy, base_url=place.server.url, http_cache=False, **options)


async def test_it_acts_for_the_user(place):
    """A call has the user's token."""
    answer = await client(place).arequest("GET", "/resource")
    assert answer.json() == {"subject": "alice"}
    assert place.server.grants.exchanges == 0


async def test_many_calls_with_a_stale_token_cause_one_exchange(place):
    """Sixteen calls by four clients of one user are refused with one token, and all are answered."""
    await place.refuse("alice")
    clients = [client(place) for _ in range(4)]
    calls = (github.arequest("GET", "/resource") for github in clients * 4)
    assert [answer.json() for answer in await asyncio.gather(*calls)] == [{"subject": "alice"}] * 16
    assert place.server.grants.exchanges == 1
    assert len(place.server.presented) == 1


async def test_what_was_sent_is_sent_again(place):
    """A refused request goes out once more with its body and the new token."""
    stale = (await place.auth.link("example", "alice")).tokens.access_token
    sent = []

    async def api(request):
        sent.append((request.headers["Authorization"], await request.aread()))
        return httpx.Response(401 if len(sent) == 1 else 200, json={})

    github = client(place, async_transport=httpx.MockTransport(api))
    await github.arequest("POST", "/user/repos", json={"name": "x"})
    (first, body), (second, again) = sent
    assert (first, body) == (f"Bearer {stale}", again)
    assert second == f"Bearer {(await place.auth.link('example', 'alice')).tokens.access_token}"
    assert second != first


async def test_a_second_401_is_the_callers(place):
    """It is not refreshed in a loop."""
    refusing = httpx.MockTransport(lambda _: httpx.Response(401, json={}))
    with pytest.raises(RequestFailed) as caught:
        await client(place, async_transport=refusing).arequest("GET", "/user")
    assert caught.value.response.status_code == 401
    assert place.server.grants.exchanges == 1


async def test_a_401_of_another_host_refuses_no_token(place):
    """A redirect has kept the token from whoever answered."""
    seen = []

    def api(request):
        seen.append((request.url.host, request.headers.get("Authorization")))
        if request.url.host == "127.0.0.1":
            return httpx.Response(302, headers={"Location": "https://elsewhere.example/x"})
        return httpx.Response(401, json={})

    with pytest.raises(RequestFailed):
        await client(place, async_transport=httpx.MockTransport(api)).arequest("GET", "/resource")
    (_, token), (host, none) = seen
    assert token is not None
    assert (host, none) == ("elsewhere.example", None)
    assert place.server.grants.exchanges == 0


async def test_who_is_not_connected_is_told(place):
    """The package's own error has extauth's as its cause."""
    with pytest.raises(RequestError) as caught:
        await client(place, "bob").arequest("GET", "/resource")
    assert isinstance(caught.value.__cause__, LinkNotFound)
    await place.refuse("alice")
    place.server.grants.revoke_subject("alice")
    with pytest.raises(RequestError) as caught:
        await client(place).arequest("GET", "/resource")
    assert isinstance(caught.value.__cause__, ReauthorizationRequired)
    assert caught.value.__cause__.reason == "invalid_grant"


async def test_a_sync_call_is_refused(place):
    """With a sentence that says what to call."""
    with pytest.raises(RequestError) as caught:
        client(place).request("GET", "/resource")
    assert "async_" in str(caught.value.__cause__)
    assert isinstance(caught.value.__cause__, RuntimeError)


async def test_nothing_shows_a_token(place, caplog):
    """Neither a repr nor the log at DEBUG."""
    caplog.set_level("DEBUG")
    token = (await place.auth.link("example", "alice")).tokens.access_token
    github = client(place)
    await github.arequest("GET", "/resource")
    shown = f"{github.auth!r} {vars(github.auth)!r} {vars(github.auth.get_auth_flow(github))!r}"
    assert token not in shown + caplog.text
