"""The applications of the guide that have extauth's routes run as they stand, each by a real server."""

from __future__ import annotations

import re
import types
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import ClientSession, DummyCookieJar
from django.test import override_settings

from extauth import Auth
from extauth.web import ConnectedAccounts
from extauth.web.handling.call import _AGAIN
from extauth.web.problems import _OWN, _STATUS
from extauth.web.words import ENGLISH
from tests.docs.applications import by_aiohttp, by_uvicorn, names
from tests.web import apps

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "connect-users.md").read_text()
BLOCKS = re.findall(r"^```python\n(# (?:accounts|options).*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
ON_AIOHTTP, ON_FASTAPI, ON_LITESTAR, ON_DJANGO, OPTIONS = BLOCKS
FROM_OURSELVES = {"Sec-Fetch-Site": "same-origin"}
pytestmark = pytest.mark.usefixtures("in_a_folder")


async def check(url, sessions=None):
    """Nobody is shown the page; who is signed in begins at GitHub, with the redirect URI of the setting."""
    async with ClientSession(url, cookie_jar=DummyCookieJar()) as client:
        assert (await client.get("/accounts/")).status == 401
        if sessions is None:
            return
        sessions["s1"] = "alice"
        signed_in = {**FROM_OURSELVES, "Cookie": "session=s1"}
        page = await client.get("/accounts/", headers=signed_in)
        assert (page.status, "Connect GitHub" in await page.text()) == (200, True)
        begun = await client.post("/accounts/connect/github", headers=signed_in, allow_redirects=False)
        to = urlsplit(begun.headers["Location"])
        [redirect_uri] = parse_qs(to.query)["redirect_uri"]
        assert (to.hostname, redirect_uri) == ("github.com", "https://app.example/accounts/callback/github")


async def test_on_aiohttp():
    """By its own server."""
    module = names(ON_AIOHTTP)
    async with by_aiohttp(module.app) as url:
        await check(url, module.SESSIONS)


@pytest.mark.parametrize("block", [ON_FASTAPI, ON_LITESTAR], ids=["fastapi", "litestar"])
async def test_on_uvicorn(block):
    """What is an ASGI application."""
    module = names(block)
    async with by_uvicorn(module.app) as url:
        await check(url, module.SESSIONS)


async def test_on_django():
    """By uvicorn, with the middleware that a project has."""
    middleware = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        apps.CSRF,
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
    engine = "django.contrib.sessions.backends.signed_cookies"
    urlconf = types.ModuleType("urlconf")
    with override_settings(MIDDLEWARE=middleware, SESSION_ENGINE=engine, ROOT_URLCONF=urlconf):
        module = names(ON_DJANGO)
        urlconf.urlpatterns = module.urlpatterns
        async with by_uvicorn(module.application) as url:
            assert isinstance(module.application._auth, Auth)
            await check(url)
        assert module.application._auth is None


async def test_django_without_a_lifespan():
    """The error says what to do."""
    module = names(ON_DJANGO)
    with pytest.raises(RuntimeError, match="uvicorn"):
        module.auth_of(types.SimpleNamespace(scope={}))


async def test_the_options():
    """They are taken."""
    assert ConnectedAccounts(
        lambda _: None, check, public_url="https://app.example", **names(OPTIONS).OPTIONS
    )


def test_each_problem_has_words():
    """Whatever can go wrong has a title and a sentence."""
    codes = {kind.code for kind in _STATUS} | set(_OWN) | _AGAIN
    missing = [
        code for code in codes if not {f"problem.{code}", f"problem.{code}.text"} <= set(ENGLISH.messages)
    ]
    assert missing == []
