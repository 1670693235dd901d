"""What a client does when an API refuses a token."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from urllib.parse import urlencode

import pytest

import extauth
from extauth import Backoff, InsufficientScope, LinkKey, RefreshPolicy
from tests.clients.world import by_aiohttp, by_httpx, by_httpx2, opened_world


async def test_a_401_is_refreshed_and_sent_again(world, client):
    """Once, and the caller sees nothing of it."""
    old = await world.revoke()
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        answer = await send("GET", f"{world.api.url}/me")
    new = await world.token()
    assert (answer.status, world.server.grants.exchanges) == (200, 1)
    assert world.api.shown() == [f"Bearer {old}", f"Bearer {new}"]


async def test_a_second_401_is_the_answer(world, client):
    """What the API refuses again has another reason."""
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        answer = await send("GET", f"{world.api.url}/never")
    assert (answer.status, answer.body) == (401, b"never")
    assert (len(world.api.seen), world.server.grants.exchanges) == (2, 1)


async def test_an_api_that_refuses_every_token_costs_no_refresh_token_a_call(client):
    """Until a pause is over, its first 401 is the answer; another API's refusal is another matter."""
    patient = RefreshPolicy(cooldown=Backoff(initial=timedelta(minutes=5)))
    async with opened_world(policy=patient) as world:
        async with client(world.auth, "alice", origins=[world.api.url]) as send:
            answers = [await send("GET", f"{world.api.url}/never") for _ in range(5)]
        assert [(answer.status, answer.body) for answer in answers] == [(401, b"never")] * 5
        assert (len(world.api.seen), world.server.grants.exchanges) == (6, 1)
        await world.auth.refresh("example", "alice")
        await world.revoke()
        # Another instance for each call, as where it is given with the request.
        async with client(world.auth, "alice", origins=[world.api.url]) as send:
            assert (await send("GET", f"{world.api.url}/me")).status == 200
        assert world.server.grants.exchanges == 3


async def test_a_403_is_no_reason_to_refresh(world, client):
    """The answer is handed back."""
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        answer = await send("GET", f"{world.api.url}/forbidden")
    assert (answer.status, answer.body) == (403, b"not yours")
    assert (len(world.api.seen), world.server.grants.exchanges) == (1, 0)


async def test_who_was_refused_late_takes_what_others_got(world, client):
    """The token that was refused is not the link's any more, and nothing is refreshed."""
    old = await world.revoke()
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        call = asyncio.ensure_future(send("GET", f"{world.api.url}/gate"))
        await world.api.arrived.wait()
        link = await world.auth.refresh("example", "alice", rejected=old)
        world.api.gate.set()
        answer = await call
    assert (answer.status, world.server.grants.exchanges) == (200, 1)
    assert world.api.shown() == [f"Bearer {old}", f"Bearer {link.tokens.access_token}"]


async def test_a_thousand_refusals_are_one_exchange(world):
    """However many callers show the same stale token at once, by whichever clients."""
    old = await world.revoke()
    # The time that a pool of httpx takes grows with the square of the requests that wait in it.
    pools = [by_aiohttp] * 12 + [by_httpx] * 4 + [by_httpx2] * 4
    each = 50
    async with AsyncExitStack() as opened:
        sends = [
            await opened.enter_async_context(client(world.auth, "alice", origins=[world.api.url]))
            for client in pools
        ]
        calls = [send("GET", f"{world.api.url}/me") for send in sends for _ in range(each)]
        answers = await asyncio.gather(*calls)
    assert [answer.status for answer in answers] == [200] * 1_000
    assert world.server.grants.exchanges == 1
    shown = world.api.shown()
    assert (shown.count(f"Bearer {old}"), shown.count(f"Bearer {await world.token()}")) == (1_000, 1_000)


async def test_connections_serve_again_after_a_refusal(world, client):
    """The refused request, the one after it and the next call go over one connection."""
    await world.revoke()
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        for _ in range(2):
            await send("GET", f"{world.api.url}/me")
    assert [each.connection for each in world.api.seen] == [0, 0, 0]


async def test_who_must_connect_again_is_told(world, client):
    """By the same error as without a client, out of the call."""
    world.server.grants.revoke_subject("alice")
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        with pytest.raises(extauth.ReauthorizationRequired) as required:
            await send("GET", f"{world.api.url}/me")
    assert (required.value.reason, len(world.api.seen)) == ("invalid_grant", 1)


async def test_who_never_connected_is_told(world, client):
    """Before anything is sent."""
    async with client(world.auth, "bob", origins=[world.api.url]) as send:
        with pytest.raises(extauth.LinkNotFound):
            await send("GET", f"{world.api.url}/me")
    assert world.api.seen == []


async def test_a_provider_that_is_away_is_told(client):
    """It is for later; the link is untouched."""
    async with opened_world() as world, client(world.auth, "alice", origins=[world.api.url]) as send:
        await world.revoke()
        await world.server.__aexit__(None, None, None)
        with pytest.raises(extauth.ProviderUnavailable):
            await send("GET", f"{world.api.url}/me")
        assert (await world.auth.store.get(LinkKey("example", "alice"))).failure.permanent is False


def scoped(api, **query: str) -> str:
    """Return the URL of something that wants more scopes."""
    return f"{api.url}/scoped?{urlencode(query)}"


@pytest.mark.parametrize("status", ["403", "401"])
async def test_missing_scopes_are_told(world, client, status):
    """Beside what is granted, whatever the status, and without a refresh, which would not help."""
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        with pytest.raises(
            InsufficientScope, match="scopes=\\['read', 'write'\\], include_granted=True"
        ) as told:
            await send("GET", scoped(world.api, status=status))
        answer = await send("GET", f"{world.api.url}/me")
    assert (told.value.key, told.value.scopes) == (LinkKey("example", "alice"), {"read", "write"})
    assert (world.server.grants.exchanges, answer.status) == (0, 200)


async def test_missing_scopes_are_told_after_a_refresh(world, client):
    """A token that is refused first may lack something, too."""
    await world.revoke()
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        with pytest.raises(InsufficientScope):
            await send("GET", scoped(world.api, live="yes"))
    assert world.server.grants.exchanges == 1


@pytest.mark.parametrize(
    ("challenge", "scopes"),
    [
        ('Bearer error="insufficient_scope"', set()),
        ('Bearer error="insufficient_scope", scope="a SHOWN bSHOWNc"', {"a"}),
        ('Bearer error="insufficient_scope", scope="a b\\"c \\\\d"', {"a"}),
        ('Bearer error="insufficient_scope", scope="' + " ".join(f"s{n}" for n in range(90)) + '"', None),
    ],
    ids=["none", "the token", "no scopes", "many"],
)
async def test_only_scopes_are_told(world, client, challenge, scopes):
    """What an API writes goes no further if it is none, or the very token that it was shown."""
    token = await world.token()
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        with pytest.raises(InsufficientScope) as told:
            await send("GET", scoped(world.api, challenge=challenge))
    assert token not in str(told.value)
    assert len(told.value.scopes) == 50 if scopes is None else told.value.scopes == scopes


async def test_another_origins_word_on_scopes_counts_for_nothing(world, client):
    """It was shown no token."""
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        url = urlencode({"url": scoped(world.other)})
        answer = await send("GET", f"{world.api.url}/to?{url}")
    assert answer.status == 403
