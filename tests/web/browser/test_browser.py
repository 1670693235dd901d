"""What a person sees and does, in a real browser."""

from __future__ import annotations

import pytest
from aiohttp import web
from playwright.async_api import expect

from extauth import Account, ReauthorizationRequired
from extauth.testing import Consent
from tests.support.serving import serving
from tests.web.browser.conftest import PICTURES, accessible

pytestmark = pytest.mark.browser

ALICE = Consent.approve(Account("1", "alice@calendar", "Alice"))


def button(page, name):
    """Return the only button or link of that name."""
    return page.get_by_role("button", name=name, exact=True).or_(
        page.get_by_role("link", name=name, exact=True)
    )


async def test_connect_and_disconnect(site, context):
    """One click there and back; a second page before it is undone."""
    site.server.consent = ALICE
    page = await site.opened(context)
    await button(page, "Connect Calendar").click()
    await expect(page.get_by_role("status")).to_have_text("Calendar is connected.")
    await expect(page.get_by_text("Alice · alice@calendar")).to_be_visible()
    assert page.url == f"{site.url}/accounts/"
    await page.reload()
    await expect(page.get_by_role("status")).to_have_count(0)
    await button(page, "Disconnect Calendar").click()
    await expect(page.get_by_role("heading", name="Disconnect Calendar?")).to_be_visible()
    await button(page, "Cancel").click()
    assert await site.connected() == ["calendar"]
    await button(page, "Disconnect Calendar").click()
    await button(page, "Disconnect Calendar").click()
    await expect(page.get_by_role("status")).to_have_text("Calendar is disconnected.")
    assert await site.connected() == []


async def test_no_and_then_yes(site, context):
    """Who says no is told that nothing was connected, and can go on from there."""
    site.server.consent = Consent.deny()
    page = await site.opened(context)
    await button(page, "Connect Calendar").click()
    await expect(page.get_by_role("heading", name="You did not allow it")).to_be_visible()
    await accessible(page)
    site.server.consent = ALICE
    await button(page, "Connect Calendar").click()
    await button(page, "Connect Calendar").click()
    await expect(page.get_by_role("status")).to_have_text("Calendar is connected.")


async def test_connect_again_after_it_was_revoked(site, context):
    """The page says what is the matter, and the button mends it."""
    site.server.consent = ALICE
    page = await site.opened(context)
    await button(page, "Connect Calendar").click()
    await expect(page.get_by_text("Working")).to_be_visible()
    site.server.grants.revoke_subject("1")
    token = await site.auth.access_token("calendar", "alice")
    with pytest.raises(ReauthorizationRequired):
        await site.auth.refresh("calendar", "alice", rejected=token)
    await page.reload()
    await expect(page.get_by_text("ended at the provider, or has expired")).to_be_visible()
    await accessible(page)
    await button(page, "Connect Calendar again").click()
    await expect(page.get_by_text("Working")).to_be_visible()


async def test_ask_for_more(site, context):
    """What is allowed then says so."""
    site.server.consent = ALICE
    page = await site.opened(context)
    await button(page, "Connect Calendar").click()
    await button(page, "Allow: Read your mail (Calendar)").click()
    await expect(page.get_by_text("Allowed", exact=True)).to_be_visible()


async def test_a_double_click(site, context):
    """It connects once, and shows no error."""
    page = await site.opened(context)
    await button(page, "Connect Calendar").dblclick()
    await expect(page.get_by_role("heading", name="Connected accounts")).to_be_visible()
    await expect(button(page, "Disconnect Calendar")).to_be_visible()
    assert await site.connected() == ["calendar"]


async def test_two_tabs(site, context):
    """Each tab completes what it began."""
    first, second = [await site.opened(context) for _ in range(2)]
    for page in (first, second):
        await button(page, "Connect Calendar").click()
        await expect(page.get_by_role("status")).to_contain_text("Calendar")


async def test_the_back_button(site, context):
    """It leads to the page as it is now, and never to a callback."""
    page = await site.opened(context)
    await button(page, "Connect Calendar").click()
    await expect(page.get_by_role("status")).to_be_visible()
    await page.go_back()
    await expect(button(page, "Disconnect Calendar")).to_be_visible()
    assert page.url == f"{site.url}/accounts/"


async def test_another_user_signs_in_in_another_tab(site, context):
    """A click on the first one's page does nothing to either."""
    page = await site.opened(context)
    await site.opened(context, user="bob")
    await button(page, "Connect Calendar").click()
    await expect(page.get_by_role("heading", name="That page was out of date")).to_be_visible()
    assert (await site.connected(), await site.connected("bob")) == ([], [])


async def test_a_provider_that_posts_its_answer(site, context):
    """Another site's post brings no session; the browser comes again with it by itself."""
    page = await site.opened(context)
    await button(page, "Connect Poster").click()
    await expect(page.get_by_role("status")).to_have_text("Poster is connected.")
    names = {cookie["name"] for cookie in await context.cookies()}
    assert [name for name in names if "answer" in name] == []


async def test_a_code_to_type_in_elsewhere(site, context):
    """The code is on the page, and what happens elsewhere is seen when the user goes on."""
    page = await site.opened(context)
    await button(page, "Connect TV").click()
    code = await page.locator(".code").inner_text()
    await accessible(page)
    if PICTURES is not None:
        await page.emulate_media(color_scheme="light")
        await page.screenshot(path=PICTURES / "device-en-1000-light.png", full_page=True)
    site.server.approve_device(code)
    await button(page, "Continue").click()
    await expect(page.get_by_role("status")).to_have_text("TV is connected.", timeout=20_000)


async def test_without_script(site, chromium):
    """Everything works in a browser that runs none."""
    context = await chromium.new_context(ignore_https_errors=True, java_script_enabled=False)
    page = await site.opened(context)
    await button(page, "Connect Calendar").click()
    await expect(page.get_by_role("status")).to_have_text("Calendar is connected.")
    await button(page, "Disconnect Calendar").click()
    await button(page, "Disconnect Calendar").click()
    await expect(page.get_by_role("status")).to_have_text("Calendar is disconnected.")
    await context.close()


async def test_by_keyboard(site, context):
    """Each control is reached in order, is seen when it is, and works by the Enter key."""
    page = await site.opened(context)
    for name in ("Connect Calendar", "Connect Poster", "Connect TV"):
        await page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert await focused.get_attribute("aria-label") == name
        assert await focused.evaluate("each => getComputedStyle(each).outlineWidth") == "3px"
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_have_text("Poster is connected.")


async def test_a_foreign_page_connects_nobody(site, context):
    """A form on another site that posts itself is refused, and nothing is begun."""

    async def evil(_: web.Request) -> web.Response:
        form = f'<form method="post" action="{site.url}/accounts/connect/calendar"></form>'
        script = "<script>document.forms[0].submit()</script>"
        return web.Response(text=form + script, content_type="text/html")

    async with serving([web.get("/", evil)]) as url:
        page = await site.opened(context)
        await page.goto(url)
        await page.wait_for_url(f"{site.url}/**")
        # The session stays at home (SameSite=Lax), so that the answer is the one for nobody.
        await expect(page.get_by_role("heading", name="Please sign in")).to_be_visible()
    assert await site.connected() == []


async def test_no_page_can_be_framed(site, context):
    """Nobody's click is led to a button of ours."""

    async def evil(_: web.Request) -> web.Response:
        return web.Response(text=f'<iframe src="{site.url}/accounts/"></iframe>', content_type="text/html")

    async with serving([web.get("/", evil)]) as url:
        page = await context.new_page()
        await page.goto(url)
        assert "Connected accounts" not in await page.frames[1].content()
