"""The accounts in an application over https, a real authorization server, and a real browser."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, final

import attrs
import pytest
from aiohttp import web
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

import extauth
from extauth import Auth
from extauth.adapters.discovery import discover
from extauth.adapters.oauth2 import AuthorizationRules
from extauth.domain.linking_ports import LinkingProvider
from extauth.testing import AuthorizationServer
from extauth.web import Ask, ConnectedAccounts, Offer
from extauth.web.aiohttp import routes
from tests.support.tls import tls_contexts

CHROMIUM = os.environ.get("EXTAUTH_CHROMIUM", "/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PICTURES = Path(os.environ["EXTAUTH_PICTURES"]) if "EXTAUTH_PICTURES" in os.environ else None
"""Where to leave pictures of the pages, if anywhere: those of the guide are of ``docs/howto/images``."""
OFFERS = [
    Offer(
        "calendar",
        "Calendar",
        "To see when you are free.",
        scopes=["openid", "profile", "events.read"],
        asks=[Ask("mail", "Read your mail", ["mail.read"])],
    ),
    Offer("poster", "Poster", "To publish what you write."),
    Offer("tv", "TV", "To watch on a device without a browser.", by="device"),
]


@final
@attrs.frozen
class Site:
    """The application and what stands behind it."""

    url: str
    auth: Auth
    server: AuthorizationServer
    complaints: list[str] = attrs.field(factory=list)
    """What the browser said to developers."""

    async def opened(self, context: BrowserContext, path: str = "/accounts/", *, user: str = "alice") -> Page:
        """Sign in in this browser, and open a page."""
        page = await context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        await page.goto(f"{self.url}/login?user={user}")
        await page.goto(f"{self.url}{path}")
        return page

    async def connected(self, user: str = "alice") -> list[str]:
        """What a user has connected."""
        return [link.key.provider_id for link in await self.auth.links(user)]


async def _login(request: web.Request) -> web.Response:
    response = web.HTTPSeeOther("/accounts/")
    response.set_cookie("session", request.query["user"], secure=True, httponly=True, samesite="Lax")
    raise response


async def _signed_in(request: web.Request) -> str | None:
    return request.cookies.get("session")


async def _providers(server: AuthorizationServer) -> list[LinkingProvider]:
    found = await discover(server.issuer)
    options: Any = {"client_id": server.client_id, "client_secret": server.client_secret}
    posts = AuthorizationRules(params={"response_mode": "form_post"})
    return [
        found.provider("calendar", **options),
        found.provider("poster", authorization=posts, callback_method="POST", **options),
        found.provider("tv", **options),
    ]


@pytest.fixture
async def site(tmp_path) -> AsyncIterator[Site]:
    """Everything, on loopback."""
    async with AsyncExitStack() as closing:
        server = await closing.enter_async_context(AuthorizationServer(redirect_uris=[]))
        auth = await closing.enter_async_context(
            extauth.open(f"sqlite:///{tmp_path}/links.db", await _providers(server))
        )
        app = web.Application()
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        serves, _ = tls_contexts(tmp_path)
        port = _free_port()
        url = f"https://localhost:{port}"
        accounts = ConnectedAccounts(
            auth, _signed_in, public_url=f"{url}/accounts", offers=OFFERS, application="Example"
        )
        server.redirect_uris.update(accounts.redirect_uri(offer.provider_id) for offer in OFFERS)
        app.add_routes([*routes(accounts), web.get("/login", _login)])
        await runner.setup()
        closing.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "localhost", port, ssl_context=serves).start()
        made = Site(url, auth, server)
        yield made
        assert [each for each in made.complaints if "Content Security Policy" in each] == []


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A browser, without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()


@pytest.fixture
async def context(chromium) -> AsyncIterator[BrowserContext]:
    """A person's browser."""
    opened = await chromium.new_context(ignore_https_errors=True)
    yield opened
    await opened.close()


async def accessible(page: Page) -> None:
    """Assert that axe-core finds nothing, in light and in dark."""
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        found = await Axe().run(page)
        assert found.violations_count == 0, (scheme, found.generate_report())


def _free_port() -> int:
    with socket.create_server(("localhost", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
