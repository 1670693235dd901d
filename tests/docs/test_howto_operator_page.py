"""The applications of the operators' guide run as they stand, each by a real server."""

from __future__ import annotations

import re
import types
from pathlib import Path

import pytest
from aiohttp import ClientSession, DummyCookieJar
from django.test import override_settings

from extauth import Operator
from extauth.domain.access import OPERATORS
from extauth.domain.actors import Action
from tests.docs.applications import by_aiohttp, by_uvicorn, names
from tests.web import apps

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "operator-page.md").read_text()
BLOCKS = re.findall(r"^```python\n(# operator.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
ON_AIOHTTP, ON_FASTAPI, ON_DJANGO = BLOCKS
pytestmark = pytest.mark.usefixtures("in_a_folder")


async def check(url, staff=None):
    """Nobody is shown anything; an operator is shown the provider and the chart of the last hour."""
    async with ClientSession(url, cookie_jar=DummyCookieJar()) as client:
        for path in ("/operator/", "/operator/keys"):
            assert (await client.get(path)).status == 404
        if staff is None:
            return
        staff["s1"] = Operator("eve", {"admin"})
        page = await client.get("/operator/", headers={"Cookie": "session=s1"})
        text = await page.text()
        assert (page.status, "github" in text, 'class="chart"' in text) == (200, True, True)


async def test_on_aiohttp():
    """By its own server."""
    module = names(ON_AIOHTTP)
    async with by_aiohttp(module.app) as url:
        await check(url, module.STAFF)


async def test_on_fastapi():
    """By uvicorn."""
    module = names(ON_FASTAPI)
    async with by_uvicorn(module.app) as url:
        await check(url, module.STAFF)


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
            await check(url)


def test_who_sees_what():
    """The table of the guide says what the roles may."""
    rows = re.findall(r"^\| (.+?) \| ((?:`\w+`(?:, )?)+) \|$", GUIDE, re.MULTILINE)
    wanted = (Action.LIST, {Action.FIND_DUE, Action.RESEAL}, Action.READ_AUDIT, Action.DELIVER)
    for (_, roles), actions in zip(rows, wanted, strict=True):
        needed = actions if isinstance(actions, set) else {actions}
        may = {role for role, allowed in OPERATORS.items() if needed <= set(allowed)}
        assert set(re.findall(r"`(\w+)`", roles)) == may
