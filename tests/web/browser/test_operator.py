"""The operator's pages in a browser: axe-core finds nothing, and the picture of the guide is made."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

import extauth
from extauth import LinkKey, Operator, RefreshFailure, named_provider_id, open_store
from extauth.adapters.audit import AuditTrail
from extauth.adapters.encryption import EncryptionKey
from extauth.domain.events import LinkReauthorizationRequired, LinkRefreshed, RefreshFailed
from extauth.domain.fence import fence
from extauth.domain.outbox import Undeliverable
from extauth.domain.outcomes import Deferred
from extauth.domain.probably_dead import PROBABLY_DEAD
from extauth.domain.token_set import TokenSet
from extauth.services.outbox.delivery import LinkEventDelivery
from extauth.testing import ScriptedLinkingProvider
from extauth.web import OPERATOR_ENGLISH, OPERATOR_GERMAN, OperatorPage, RecentExchanges
from extauth.web.aiohttp import routes
from tests.web.browser.conftest import PICTURES, accessible

pytestmark = pytest.mark.browser

NOW = datetime.now(UTC)
PROVIDERS = {"github": 48, "google": 61, "slack": 22, "atlassian": 9, "zoom": 14}
EVE = Operator("eve", {"admin"})


async def _put(store: Any, provider_id: str, user: str, **tokens: Any) -> Any:
    given = {"refresh_token": "refresh", "expires_at": NOW + timedelta(hours=2), **tokens}
    return await store.put(LinkKey(provider_id, user), TokenSet("access", **given))


async def _mark(store: Any, link: Any, reason: str, retry_at: datetime | None, ago: int) -> None:
    failure = RefreshFailure(reason, NOW - timedelta(minutes=ago), link.version, retry_at=retry_at)
    await store.record_failure(link.key, link.version, failure)


async def _fill(store: Any, plain: Any) -> None:
    later = NOW + timedelta(hours=1)
    await store.outbox.keep_on()
    for provider, links in PROVIDERS.items():
        for number in range(links):
            where = plain if number % 9 == 8 else store
            ended = timedelta(minutes=-7) if number % 13 == 5 else timedelta(hours=2)
            await _put(where, provider, f"user-{number:03}", expires_at=NOW + ended)
    await _put(store, named_provider_id("github", "work"), "alice")
    for user, ago in (("bob", 200), ("carol", 90), ("dave", 31)):
        await _mark(store, await _put(store, "github", user), "invalid_grant", None, ago)
    for user in ("erin", "frank"):
        await _mark(store, await _put(store, "zoom", user), "http_503", later, 3)
    await _mark(store, await _put(store, "slack", "grace"), PROBABLY_DEAD, later, 50)
    fenced = await _put(store, "atlassian", "heidi")
    await store.record_failure(fenced.key, fenced.version, fence(NOW, fenced.version))
    for user, hours in (("ivan", 5), ("judy", 30), ("mallory", 70)):
        ends = {"expires_at": NOW + timedelta(hours=hours), "issued_at": NOW - timedelta(days=30)}
        await _put(store, "slack", user, refresh_token=None, **ends)


def _watched() -> RecentExchanges:
    """Return what an hour was like in which a provider was down for a while."""
    at = [NOW - timedelta(minutes=59)]
    recent = RecentExchanges(now=lambda: at[0])
    for minute in range(60):
        at[0] = NOW - timedelta(minutes=59 - minute)
        for _ in range(round(9 + 5 * math.sin(minute / 5))):
            recent.notify(LinkRefreshed(LinkKey("google", "alice"), 2, timedelta(seconds=1)))
        for _ in range(6 if 38 <= minute <= 46 else 0):
            recent.notify(RefreshFailed(LinkKey("zoom", "erin"), 1, "http_503", None))
        if minute in {8, 29, 51}:
            recent.notify(LinkReauthorizationRequired(LinkKey("github", "bob"), 1, "invalid_grant"))
    return recent


async def _refuses(_: object) -> None:
    code = "no_such_user"
    raise Undeliverable(code)


@pytest.fixture(params=["en", "de"])
async def desk(request, tmp_path) -> AsyncIterator[str]:
    """An application where everything is to be seen; returns where its pages are."""
    async with AsyncExitStack() as closing:
        plain: Any = await closing.enter_async_context(
            open_store(f"sqlite:///{tmp_path}/links.db", keys="plain")
        )
        given = [ScriptedLinkingProvider(name) for name in PROVIDERS]
        keys, trail = (
            [EncryptionKey.generate("2026-11"), EncryptionKey.generate("2026-05")],
            AuditTrail.in_store(),
        )
        opening = extauth.open(plain, given, keys=keys, audit=trail)
        auth = await closing.enter_async_context(opening)
        with extauth.acting_as(EVE):
            await _fill(auth.store, plain)
        await LinkEventDelivery(plain, _refuses).deliver_due()
        await plain.outbox.requeue([1])
        given[4].tokens.script = [Deferred("http_429", timedelta(minutes=4)) for _ in range(2)]
        for user in ("user-005", "user-001"):
            with pytest.raises(extauth.ProviderUnavailable):
                await auth.refresh("zoom", user)

        async def operator(_: web.Request) -> Operator:
            return EVE

        page = OperatorPage(
            auth,
            operator,
            public_url="http://localhost:8000/operator",
            application="Example",
            recent=_watched(),
            languages=[{"en": OPERATOR_ENGLISH, "de": OPERATOR_GERMAN}[request.param]],
        )
        app = web.Application()
        app.add_routes(routes(page))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        closing.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/operator/"


@pytest.mark.parametrize("width", [1200, 380], ids=["wide", "narrow"])
async def test_each_page(desk, chromium, request, width):
    """axe-core finds nothing, no page is wider than its window, and its policy lets all of it show."""
    context = await chromium.new_context(viewport={"width": width, "height": 700}, device_scale_factor=1)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    language = request.node.callspec.params["desk"]
    for path in ("", "links", "audit", "keys", "links?reason=fenced", "links?state=none"):
        await page.goto(f"{desk}{path}")
        await accessible(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        if PICTURES is not None and "?" not in path:
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)
                name = f"operator-{path or 'overview'}-{language}-{width}-{scheme}.png"
                await page.screenshot(path=PICTURES / name, full_page=True)
    assert [each for each in complaints if "Content Security Policy" in each] == []
    await context.close()


async def test_by_hand(desk, chromium, request):
    """From a number to the links behind it, with no script."""
    if request.node.callspec.params["desk"] != "en":
        return
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(desk)
    await page.get_by_role("link", name="invalid_grant").click()
    assert await page.get_by_role("row").count() == 4
    await page.get_by_label("User").fill("bob")
    await page.get_by_role("button", name="Show").click()
    assert await page.get_by_role("row").count() == 2
    await page.get_by_role("link", name="Keys").click()
    assert "2026-11" in await page.get_by_role("table").inner_text()
    await context.close()
