"""Each page as it looks: in light and in dark, wide and narrow; axe-core finds nothing, and the pictures of
the guide are made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from aiohttp import web

import extauth
from extauth import Account, LinkKey, RefreshFailure, named_provider_id, open_store
from extauth.domain.link import Link
from extauth.domain.token_set import TokenSet
from extauth.testing import ScriptedLinkingProvider
from extauth.web import ENGLISH, GERMAN, Ask, ConnectedAccounts, Offer
from extauth.web.aiohttp import routes
from tests.web.browser.conftest import PICTURES, Site, accessible

pytestmark = pytest.mark.browser

NOW = datetime.now(UTC)
MAIL = Ask("mail", "Send mail for you", ["mail.send"])
FILES = Ask("files", "Read your files", ["files.read"])
OFFERS = [
    Offer("github", description="To open pull requests for you."),
    Offer("google", asks=[MAIL, FILES], description="To plan with your calendar."),
    Offer("slack", description="To post where your team reads."),
    Offer("atlassian", "Atlassian", "To see the issues that are yours."),
    Offer("microsoft", "Microsoft", "To read documents that you share."),
    Offer("zoom", "Zoom", "To add a meeting to an invitation."),
    Offer("tv", "Living room", "To show dashboards on a screen.", by="device"),
]


async def _put(store, provider_id: str, account: Account | None, **tokens) -> Link:
    key = LinkKey(provider_id, "alice")
    link: Link = await store.put(key, TokenSet("access", **{"refresh_token": "refresh", **tokens}))
    if account is not None:
        await store.record_account(key, link.version, account)
    return link


async def _fill(store) -> None:
    """Give alice a link in each condition."""
    await _put(store, "github", Account("1", "alice-dev", "Alice Larsen"))
    await _put(store, named_provider_id("github", "work"), Account("2", "alarsen-acme"))
    await _put(store, "google", Account("3", "alice@mail.example"), scopes=["mail.send"])
    broken = await _put(store, "slack", Account("4", "alice", "Alice (Acme)"))
    await store.record_failure(
        broken.key, broken.version, RefreshFailure("invalid_grant", NOW, broken.version)
    )
    ends = {"expires_at": NOW + timedelta(hours=5), "issued_at": NOW - timedelta(days=30)}
    await _put(store, "atlassian", None, refresh_token=None, **ends)


@pytest.fixture(params=["en", "de"])
async def gallery(request, tmp_path) -> AsyncIterator[Site]:
    """An application where each condition is to be seen."""
    async with AsyncExitStack() as closing:
        store = await closing.enter_async_context(open_store(f"sqlite:///{tmp_path}/links.db"))
        await _fill(store)
        given = [ScriptedLinkingProvider(offer.provider_id) for offer in OFFERS]
        auth = await closing.enter_async_context(extauth.open(store, given))
        app = web.Application()
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

        async def user(_: web.Request) -> str:
            return "alice"

        words = {"en": ENGLISH, "de": GERMAN}[request.param]
        # The port is not known yet, and nothing on these pages depends on it.
        accounts = ConnectedAccounts(
            auth,
            user,
            public_url="http://localhost:8000/accounts",
            offers=OFFERS,
            application="Example",
            languages=[words],
        )
        app.add_routes(routes(accounts))
        await runner.setup()
        closing.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield attrs.evolve(Site("", auth, None), url=f"http://127.0.0.1:{runner.addresses[0][1]}")  # type: ignore[arg-type]


PAGES = {
    "list": "",
    "connect": "connect/zoom",
    "disconnect": "disconnect/github",
    "problem": "callback/github?state=unknown&code=1",
    "not-found": "connect/nobody",
}


@pytest.mark.parametrize("width", [1000, 380], ids=["wide", "narrow"])
async def test_each_page(gallery, chromium, request, width):
    """axe-core finds nothing, and no page is wider than its window."""
    context = await chromium.new_context(viewport={"width": width, "height": 560}, device_scale_factor=1)
    page = await context.new_page()
    language = request.node.callspec.params["gallery"]
    for name, path in PAGES.items():
        await page.goto(f"{gallery.url}/accounts/{path}")
        await accessible(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        if PICTURES is not None:
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)
                await page.screenshot(
                    path=PICTURES / f"{name}-{language}-{width}-{scheme}.png", full_page=True
                )
    await context.close()
