"""gidgethub's client acts for one user."""

from __future__ import annotations

import asyncio

import aiohttp
import gidgethub
import pytest
from aiohttp import web
from gidgethub.abc import GitHubAPI

from extauth import LinkNotFound, ReauthorizationRequired
from extauth.integrations.gidgethub import UserGitHubAPI
from extauth.testing import ServerQuirks
from tests.integrations.place import at_server
from tests.support.serving import serving


@pytest.fixture
async def http():
    """An aiohttp session of the application's."""
    async with aiohttp.ClientSession() as session:
        yield session


def client(http, place, user="alice", **options):
    """Return a client for a user, with the server's API as GitHub."""
    where = {"auth": place.auth, "provider_id": "example", "user_id": user}
    return UserGitHubAPI(http, "tests", base_url=place.server.url, **where, **options)


async def test_it_is_gidgethubs_client(http, place):
    """Whoever wants one gets one, and it acts for the user."""
    github = client(http, place)
    assert isinstance(github, GitHubAPI)
    assert await github.getitem("/resource") == {"subject": "alice"}
    assert place.server.grants.exchanges == 0


async def test_many_calls_with_a_stale_token_cause_one_exchange(http, place):
    """Sixteen calls by four clients of one user are refused with one token, and all are answered."""
    await place.refuse("alice")
    calls = (github.getitem("/resource") for github in [client(http, place) for _ in range(4)] * 4)
    assert await asyncio.gather(*calls) == [{"subject": "alice"}] * 16
    assert place.server.grants.exchanges == 1
    assert len(place.server.presented) == 1


async def test_graphql_is_asked_for_the_user_too(http, place):
    """A query has the token, and another one if that is refused."""
    seen = []

    async def graphql(request):
        seen.append((request.headers["Authorization"], await request.json()))
        if len(seen) == 1:
            return web.json_response({"message": "Bad credentials"}, status=401)
        return web.json_response({"data": {"viewer": {"login": "alice"}}})

    stale = (await place.auth.link("example", "alice")).tokens.access_token
    async with serving([web.post("/graphql", graphql)]) as url:
        answer = await client(http, place).graphql("query { viewer { login } }", endpoint=f"{url}/graphql")
    assert answer == {"viewer": {"login": "alice"}}
    (first, query), (second, again) = seen
    assert query == again
    assert first == f"Bearer {stale}"
    assert second == f"Bearer {(await place.auth.link('example', 'alice')).tokens.access_token}"
    assert second != first


async def test_a_second_401_is_the_callers(http, place):
    """It is not refreshed in a loop."""

    async def refuse(_):
        return web.json_response({"message": "Bad credentials"}, status=401)

    async with serving([web.get("/", refuse)]) as url:
        with pytest.raises(gidgethub.BadRequest) as caught:
            await client(http, place).getitem(url)
    assert caught.value.status_code == 401
    assert place.server.grants.exchanges == 1


async def test_a_401_of_another_host_refuses_no_token(http, place):
    """A redirect has kept the token from whoever answered."""
    seen = []

    async def elsewhere(request):
        seen.append(request.headers.get("Authorization"))
        return web.json_response({"message": "Who are you?"}, status=401)

    async with serving([web.get("/", elsewhere)]) as there:

        async def away(_):
            raise web.HTTPFound(there)

        async with serving([web.get("/", away)]) as here:
            with pytest.raises(gidgethub.BadRequest):
                await client(http, place).getitem(here)
    assert seen == [None]
    assert place.server.grants.exchanges == 0


async def test_a_call_may_have_a_token_of_its_own(http, place):
    """What is given with a call is used as it is, and not refreshed."""
    async with at_server(quirks=ServerQuirks(api_scheme="token")) as other:  # in which gidgethub sends it
        token = (await other.connect("carol")).tokens.access_token
        github = client(http, place)
        assert await github.getitem(other.server.resource_url, oauth_token=token) == {"subject": "carol"}
    with pytest.raises(gidgethub.BadRequest):
        await github.getitem("/resource", oauth_token="unknown")
    assert place.server.grants.exchanges == 0


async def test_who_is_not_connected_is_told(http, place):
    """The errors of extauth come out as they are."""
    with pytest.raises(LinkNotFound):
        await client(http, place, "bob").getitem("/resource")
    await place.refuse("alice")
    place.server.grants.revoke_subject("alice")
    with pytest.raises(ReauthorizationRequired):
        await client(http, place).getitem("/resource")


async def test_tokens_of_the_clients_own_are_refused(http, place):
    """They would be without effect, or for somebody else."""
    with pytest.raises(TypeError, match="oauth_token"):
        client(http, place, oauth_token="x")
    with pytest.raises(TypeError, match="private_key"):
        client(http, place, app_id="1", private_key="x")


async def test_nothing_shows_a_token(http, place, caplog):
    """Neither a repr, the log at DEBUG, nor the frames of a call that fails."""
    caplog.set_level("DEBUG")
    token = (await place.auth.link("example", "alice")).tokens.access_token
    github = client(http, place)
    await github.getitem("/resource")
    with pytest.raises(aiohttp.ClientError) as caught:
        await github.getitem("http://127.0.0.1:1/")
    frames, trace = [], caught.value.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals["__name__"].startswith(("extauth.", "gidgethub.")):
            frames.append(repr(trace.tb_frame.f_locals))
        trace = trace.tb_next
    assert len(frames) >= 4
    assert token not in f"{github!r} {vars(github)!r} {frames} {caplog.text}"
