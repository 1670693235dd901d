"""Whose token a client shows, and how."""

from __future__ import annotations

import asyncio
import contextvars
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

import extauth
from extauth import RefreshPolicy
from extauth.adapters.oauth2 import ApiRules
from tests.clients.world import opened_world

USER: contextvars.ContextVar[str] = contextvars.ContextVar("user")


async def test_a_context_variable_says_who_it_is(world, client):
    """Each task's own, at each call."""
    tokens = {user: await world.connect(user) for user in ("alice", "bob")}

    async def serve(user: str) -> None:
        USER.set(user)
        await send("GET", f"{world.api.url}/me?{user}", headers={"X-User": user})

    async with client(world.auth, USER, origins=[world.api.url]) as send:
        await asyncio.gather(*map(serve, tokens))
    shown = {each.headers.get("X-User") or each.headers["x-user"]: each.shown for each in world.api.seen}
    assert shown == {user: f"Bearer {token}" for user, token in tokens.items()}


async def test_nobody_is_nobody(world, client):
    """Nothing is sent in a name that was not given."""
    async with client(world.auth, USER, origins=[world.api.url]) as send:
        with pytest.raises(RuntimeError, match="'user' names no user here; set it"):
            await contextvars.Context().run(asyncio.ensure_future, send("GET", f"{world.api.url}/me"))
    assert world.api.seen == []


@pytest.mark.parametrize("user", [None, 7], ids=str)
async def test_a_user_is_text_or_a_variable(world, client, user):
    """A slip is told when the client is made."""
    with pytest.raises(TypeError, match="user_id must be a str"):
        async with client(world.auth, user, origins=[world.api.url]):
            pass


async def test_an_unknown_provider_is_told(world, client):
    """When the client is made."""
    other = extauth.open("memory://", [])
    async with other as auth:
        with pytest.raises(extauth.UnknownProvider):
            async with client(auth, "alice", origins=[world.api.url]):
                pass


async def test_the_headers_are_the_providers(client):
    """Its scheme, and what it wants beside the token."""
    rules = ApiRules(scheme="Zoho-oauthtoken", headers={"Client-Id": "{client_id}"})
    async with opened_world(api=rules) as world:
        token, world.api.scheme = await world.revoke(), "Zoho-oauthtoken"
        async with client(world.auth, "alice", origins=[world.api.url]) as send:
            answer = await send("GET", f"{world.api.url}/me")
        new = await world.token()
        assert (answer.status, world.api.shown()) == (
            200,
            [f"Zoho-oauthtoken {token}", f"Zoho-oauthtoken {new}"],
        )
        assert {each.headers["Client-Id"] for each in world.api.seen} == {world.server.client_id}


async def test_the_application_may_make_the_headers(world, client):
    """Of the link's tokens."""
    token = await world.token()

    def headers(tokens: extauth.TokenSet) -> dict[str, str]:
        return {"Authorization": f"Bearer {tokens.access_token}", "X-Version": "7"}

    async with client(world.auth, "alice", origins=[world.api.url], headers=headers) as send:
        answer = await send("GET", f"{world.api.url}/me")
    [seen] = world.api.seen
    assert (answer.status, seen.shown, seen.headers["X-Version"]) == (200, f"Bearer {token}", "7")


async def test_the_token_may_be_a_resources(world, client):
    """The grant's own is not shown."""
    resource = f"{world.api.url}/me"
    async with client(world.auth, "alice", origins=[world.api.url], resource=resource) as send:
        await send("GET", resource)
        link = await world.auth.link("example", "alice", resource=resource)
        world.server.grants.revoke(link.tokens.access_token)
        answer = await send("GET", resource)
    link = await world.auth.link("example", "alice", resource=resource)
    assert answer.status == 200
    assert world.api.shown()[-1] == f"Bearer {link.tokens.access_token}" != f"Bearer {await world.token()}"


async def test_the_second_try_shows_nothing_of_the_first(world, client):
    """A header that the new token does not need is not sent with it."""
    old = await world.revoke()

    def headers(tokens: extauth.TokenSet) -> dict[str, str]:
        made = {"Authorization": f"Bearer {tokens.access_token}"}
        return made | {"X-Old": "yes"} if tokens.access_token == old else made

    async with client(world.auth, "alice", origins=[world.api.url], headers=headers) as send:
        answer = await send("GET", f"{world.api.url}/me")
    assert (answer.status, ["X-Old" in each.headers for each in world.api.seen]) == (200, [True, False])


async def test_headers_of_the_applications_own_are_made_each_time(client):
    """Also where the link is remembered: they may say more than the token."""
    made = []

    def headers(tokens):
        made.append(tokens.access_token)
        return {"Authorization": f"Bearer {tokens.access_token}"}

    policy = RefreshPolicy(remember_for=timedelta(minutes=10))
    async with (
        opened_world(policy=policy) as world,
        client(world.auth, "alice", origins=[world.api.url], headers=headers) as send,
    ):
        for _ in range(3):
            await send("GET", f"{world.api.url}/me")
    assert len(made) == 3


async def test_what_is_remembered_is_shown_to_whom_it_is_for(client):
    """Two clients with other headers, and two users, in turn."""
    policy = RefreshPolicy(remember_for=timedelta(minutes=10))
    async with opened_world(policy=policy) as world:
        tokens = {"alice": await world.token(), "bob": await world.connect("bob")}
        async with AsyncExitStack() as opened:
            origins = [world.api.url]
            sends = {
                user: await opened.enter_async_context(client(world.auth, user, origins=origins))
                for user in tokens
            }
            again = await opened.enter_async_context(client(world.auth, "alice", origins=origins))
            for _ in range(2):
                for user, send in sends.items():
                    await send("GET", f"{world.api.url}/me")
                    assert world.api.shown()[-1] == f"Bearer {tokens[user]}"
                await again("GET", f"{world.api.url}/me")
                assert world.api.shown()[-1] == f"Bearer {tokens['alice']}"
            new = await world.connect("alice")
            await sends["alice"]("GET", f"{world.api.url}/me")
            assert world.api.shown()[-1] == f"Bearer {new}"
