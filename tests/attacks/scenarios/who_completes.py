"""The victim's browser completes what the attacker began: as the victim, as nobody, or as the attacker."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, cast, final

import pytest
from aiohttp import ClientSession, CookieJar
from aiohttp.test_utils import BaseTestServer, TestServer
from yarl import URL

import extauth
from extauth import WrongUser
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.services.linking import code_flow
from extauth.services.linking.authorizations import Authorizations
from extauth.testing import AuthorizationServer, Consent
from tests.attacks.attack import Attack
from tests.attacks.fence import Fence

CALLBACK = "https://app.example/callback/calendar"
VICTIM = Consent.approve("victim-there")
GUIDE = Path(__file__).parents[3] / "docs" / "howto" / "connect-users.md"


def provider(server: AuthorizationServer) -> OAuth2Provider:
    """Return the application's provider for that server."""
    return OAuth2Provider(
        "calendar",
        client_id=server.client_id,
        client_secret=server.client_secret,
        authorize_url=server.authorize_url,
        token_url=server.token_url,
    )


async def _mallorys_link_by(user_id: str | None) -> object:
    """Send the victim the URL that mallory began; return whether mallory's link acts as the victim."""
    async with (
        AuthorizationServer(redirect_uris=[CALLBACK]) as server,
        extauth.open("memory://", [provider(server)]) as auth,
    ):
        callback = await server.visit(await auth.begin("calendar", "mallory", CALLBACK), VICTIM)
        link = await auth.complete(callback.url, user_id=cast("str", user_id))
        return (link.key.user_id, server.grants.subject_of(link.tokens.access_token)) == (
            "mallory",
            "victim-there",
        )


async def _signed_in(_: Fence) -> object:
    return await _mallorys_link_by("victim")


async def _signed_out(_: Fence) -> object:
    return await _mallorys_link_by(None)


async def _honest_user(_: Fence) -> None:
    async with (
        AuthorizationServer(redirect_uris=[CALLBACK]) as server,
        extauth.open("memory://", [provider(server)]) as auth,
    ):
        callback = await server.visit(await auth.begin("calendar", "victim", CALLBACK), VICTIM)
        assert (await auth.complete(callback.url, user_id="victim")).key.user_id == "victim"


def _anybody(patch: pytest.MonkeyPatch) -> None:
    find, take = Authorizations.find, Authorizations.take
    patch.setattr(code_flow, "_check_signed_in", lambda _: None)
    nobody: Any = None
    patch.setattr(Authorizations, "find", lambda self, hashed, _: find(self, hashed, nobody))
    patch.setattr(Authorizations, "take", lambda self, hashed, _: take(self, hashed, nobody))


def application() -> ModuleType:
    """Return the application of the guide on connecting users."""
    [text] = re.findall(r"```python\n(# app.py\n.*?)```", GUIDE.read_text(), re.DOTALL)
    module = ModuleType("app")
    exec(compile(text, "app.py", "exec"), module.__dict__)  # noqa: S102 - the guide's own code
    return module


@final
class Site:
    """The guide's application, and browsers of it."""

    def __init__(self, site: BaseTestServer, server: AuthorizationServer, auth: extauth.Auth) -> None:
        self.site = site
        self.server = server
        self.auth = auth

    @asynccontextmanager
    async def browser(self, session: str) -> AsyncIterator[ClientSession]:
        # Browsers take loopback for secure, too.
        jar = CookieJar(unsafe=True, treat_as_secure_origin=self.site.make_url("/").origin())
        async with ClientSession(
            self.site.make_url("/"), cookie_jar=jar, cookies={"session": session}
        ) as client:
            yield client

    async def begun(self, client: ClientSession) -> str:
        async with client.post("/connect/calendar", allow_redirects=False) as reply:
            return reply.headers["Location"]

    async def called_back(self, client: ClientSession, url: str) -> int:
        """Say yes as the victim at the provider, and go where it sends the browser."""
        callback = await self.server.visit(url, VICTIM)
        async with client.get(URL(callback.url).relative()) as reply:
            return reply.status

    async def subject(self, user_id: str) -> str | None:
        """Return whom the user's link acts as."""
        for link in await self.auth.links(user_id):
            return self.server.grants.subject_of(link.tokens.access_token)
        return None


@asynccontextmanager
async def _site() -> AsyncIterator[Site]:
    app = application()
    app.SESSIONS.update({"session-1": "victim", "session-2": "mallory"})
    async with (
        AuthorizationServer(redirect_uris=[CALLBACK]) as server,
        extauth.open("memory://", [provider(server)], redirect_uris=[CALLBACK]) as auth,
        TestServer(app.make_app(auth)) as site,
    ):
        yield Site(site, server, auth)


async def _session_fixed(_: Fence) -> object:
    async with _site() as site, site.browser("session-2") as mallorys, site.browser("session-1") as victims:
        url = await site.begun(mallorys)
        # Planted from another host below the domain, or over plain http; no __Host- cookie can be.
        victims.cookie_jar.update_cookies({"session": "session-2"}, site.site.make_url("/"))
        await site.called_back(victims, url)
        return await site.subject("mallory") == "victim-there"


async def _honest_browser(_: Fence) -> None:
    async with _site() as site, site.browser("session-1") as victims, site.browser("session-1") as phone:
        url = await site.begun(victims)
        assert await site.called_back(phone, url) == 400
        assert await site.called_back(victims, url) == 200
        assert await site.subject("victim") == "victim-there"


def _any_browser(patch: pytest.MonkeyPatch) -> None:
    bound = application

    def unbound() -> ModuleType:
        module = bound()
        module.began_here = lambda *_: True  # type: ignore[attr-defined]
        return module

    patch.setattr(f"{__name__}.application", unbound)


ATTACKS = [
    Attack(
        name="the attacker begins, and the victim's browser, signed in as the victim, completes",
        source="RFC 6749 10.12, security-topics-update-03 (session fixation)",
        attempt=_signed_in,
        honest=_honest_user,
        without_guard=_anybody,
        refused=WrongUser,
    ),
    Attack(
        name="the attacker begins, and the victim's browser, signed out, completes",
        source="RFC 6749 10.12, security-topics-update-03 (session fixation)",
        attempt=_signed_out,
        honest=_honest_user,
        without_guard=_anybody,
        refused=ValueError,
    ),
    Attack(
        name="session fixation: the attacker's session is planted in the victim's browser, which completes",
        source="CWE-384, security-topics-update-03 (session fixation), RFC 6265bis 4.1.3.2",
        attempt=_session_fixed,
        honest=_honest_browser,
        without_guard=_any_browser,
    ),
]
