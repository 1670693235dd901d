"""An API that refuses new tokens as well costs no refresh token a call, by whichever package it is called."""

from __future__ import annotations

from datetime import timedelta

import aiohttp
import gidgethub
import httpx2
import pytest
from aiohttp import web
from githubkit import GitHub
from githubkit.exception import RequestFailed

from extauth import Backoff, RefreshPolicy
from extauth.integrations.authlib import UserOAuth2Client
from extauth.integrations.gidgethub import UserGitHubAPI
from extauth.integrations.githubkit import UserAuthStrategy
from extauth.integrations.mcp import UserAuth
from tests.integrations.place import at_server
from tests.support.serving import serving

CALLS = 3
PATIENT = RefreshPolicy(cooldown=Backoff(initial=timedelta(minutes=5)))


async def by_authlib(auth, url):
    """Call the API by Authlib's client."""
    async with UserOAuth2Client(auth, "example", "alice") as client:
        return (await client.get(url)).status_code


async def by_githubkit(auth, url):
    """Call the API by githubkit's client."""
    github = GitHub(UserAuthStrategy(auth, "example", "alice"), base_url=url, http_cache=False)
    with pytest.raises(RequestFailed) as caught:
        await github.arequest("GET", "/")
    return caught.value.response.status_code


async def by_gidgethub(auth, url):
    """Call the API by gidgethub's client."""
    async with aiohttp.ClientSession() as http:
        github = UserGitHubAPI(http, "tests", auth=auth, provider_id="example", user_id="alice", base_url=url)
        with pytest.raises(gidgethub.BadRequest) as caught:
            await github.getitem("/")
    return caught.value.status_code


async def by_mcp(auth, url):
    """Call the API by what the MCP SDK uses."""
    async with httpx2.AsyncClient(auth=UserAuth(auth, "example", "alice", server_url=url)) as client:
        return (await client.get(url)).status_code


@pytest.mark.parametrize("call", [by_authlib, by_githubkit, by_gidgethub, by_mcp])
async def test_its_first_refusal_is_the_answer(call):
    """Once it has refused a token and the one that took its place, until a pause is over."""
    shown = []

    async def refuse(request: web.Request) -> web.Response:
        shown.append(request.headers["Authorization"])
        return web.json_response({}, status=401)

    async with at_server(PATIENT) as place, serving([web.get("/", refuse)]) as url:
        await place.connect("alice")
        answers = [await call(place.auth, f"{url}/") for _ in range(CALLS)]
        assert (answers, place.server.grants.exchanges) == ([401] * CALLS, 1)
    assert (len(shown), len(set(shown))) == (1 + CALLS, 2)
