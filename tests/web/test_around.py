"""What stands around the routes: access rules, sign-in, the root, other mounts, the client's document."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict
from starlette.applications import Starlette

from extauth import AccessPolicy, LinkKey, Operator, acting_as
from extauth.adapters.discovery import client_document
from extauth.web import Offer
from extauth.web import aiohttp as for_aiohttp
from extauth.web import starlette as for_starlette
from extauth.web.device_flows import InThisProcess
from extauth.web.response import WebResponse
from tests.web.apps import MOUNTED
from tests.web.conftest import PUBLIC_URL
from tests.web.test_routes import connected
from tests.web.visitor import ORIGIN

DOCUMENT = client_document(
    f"{PUBLIC_URL}/client.json", client_name="Example", redirect_uris=[f"{PUBLIC_URL}/callback/calendar"]
)
PUBLIC = {"public_url": ORIGIN}


@pytest.mark.parametrize("framework", MOUNTED)
async def test_mounted(opens, framework):
    """In an application within an application, in a mount, and in FastAPI it is the same."""
    world = await opens(framework)
    alice = world.visitor()
    for path in ("/accounts/", "/accounts/connect/calendar"):
        assert (await alice.get(path)).status == 200
    assert (await alice.follow(await alice.connect(world.calendar))).status == 303
    assert await connected(world) == ["calendar"]


@pytest.mark.parametrize("framework", ["aiohttp", "starlette", "django"])
async def test_at_the_root(opens, framework):
    """The path is free; redirect URIs and links follow."""
    world = await opens(framework, **PUBLIC)
    alice = world.visitor()
    callback = await alice.connect(world.calendar, "/connect/calendar")
    assert callback.startswith(f"{ORIGIN}/callback/calendar?")
    assert (await alice.follow(callback))["location"] == "/"
    assert 'href="/disconnect/calendar"' in (await alice.get("/")).text


@pytest.mark.parametrize("framework", ["aiohttp", "starlette", "django"])
async def test_the_clients_document(opens, framework):
    """It is served to everybody, as it was given, and may be kept for a while."""
    world = await opens(framework, client_document=DOCUMENT)
    reply = await world.visitor(None).get("/accounts/client.json")
    assert (reply.status, reply["content-type"], reply.json) == (200, "application/json", DOCUMENT)
    assert (reply["cache-control"], "set-cookie" in reply) == ("public, max-age=300", False)


async def test_an_application_with_access_rules(opens):
    """The calls are made in the user's name, and in an operator's if that was said."""
    world = await opens(opening={"access": AccessPolicy()})
    alice = world.visitor()
    assert (await alice.follow(await alice.connect(world.calendar))).status == 303
    assert "Alice" in (await alice.get("/accounts/")).text

    world = await opens("starlette", opening={"access": AccessPolicy()})
    with acting_as(Operator("eve", {"auditor"})):
        refused = await world.visitor().get("/accounts/", accept="application/json")
    assert (refused.status, refused.json["code"]) == (403, "not_authorized")


async def test_a_link_from_elsewhere(opens):
    """It leads to the page that asks, which keeps where to go, also for who thinks better of it."""
    world = await opens()
    alice = world.visitor()
    page = (await alice.get("/accounts/connect/calendar?next=/projects%3Fa=b&ask=mail")).text
    assert 'name="next" value="/projects?a=b"' in page
    assert 'name="ask" value="mail"' in page
    assert 'href="/projects?a=b"' in page
    assert (await alice.get("/accounts/connect/calendar?ask=all")).status == 400
    assert (await alice.get("/accounts/connect/calendar?next=/a&next=/b")).status == 400
    assert 'action="/accounts/device/tv"' in (await alice.get("/accounts/connect/tv")).text


async def test_where_to_sign_in(opens):
    """Reading leads there, and from there back; posting and a callback say it, and lose nothing."""
    world = await opens(sign_in_url="/login?next=/accounts/")
    nobody = world.visitor(None)
    assert (await nobody.get("/accounts/"))["location"] == "/login?next=/accounts/"
    for reply in (
        await nobody.post("/accounts/connect/calendar"),
        await nobody.get("/accounts/", accept="application/json"),
    ):
        assert reply.status == 401
    alice = world.visitor()
    callback = await alice.connect(world.calendar)
    alice.user = None
    assert 'href="/login?next=/accounts/"' in (await alice.follow(callback)).text


async def test_afterwards_to_the_applications_own_page(opens):
    """Where no form said otherwise; and no notice waits for a page that does not show it."""
    world = await opens(return_to="/settings?tab=accounts")
    alice = world.visitor()
    reply = await alice.follow(await alice.connect(world.calendar))
    assert (reply["location"], reply.set_cookies) == ("/settings?tab=accounts", [])


async def test_without_offers_all_providers_are(opens):
    """By their ids, where nothing is known of them."""
    world = await opens(offers=None)
    listed = await world.visitor().get("/accounts/", accept="application/json")
    assert [offer["provider"] for offer in listed.json["offers"]] == ["calendar", "poster", "tv"]


async def test_a_second_account(opens):
    """A named offer is connected by its provider's redirect URI."""
    world = await opens(offers=[Offer("calendar"), Offer("calendar/work", "Work calendar")])
    alice = world.visitor()
    callback = await alice.connect(world.calendar, "/accounts/connect/calendar/work")
    assert callback.startswith(f"{PUBLIC_URL}/callback/calendar?")
    await alice.follow(callback)
    assert await connected(world) == ["calendar/work"]
    page = await alice.get("/accounts/")
    assert "Work calendar is connected." in page.text


async def test_no_secret_is_logged(opens, caplog):
    """Neither code nor state nor cookie is in any log, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    world = await opens()
    alice = world.visitor()
    callback = await alice.connect(world.calendar)
    other = world.visitor()
    await other.follow(callback)
    await alice.follow(f"{callback}&code=twice")
    await alice.follow(callback)
    state = world.calendar.asked[0].state
    own = [record for record in caplog.records if record.name.startswith("extauth")]
    told = "\n".join(record.getMessage() for record in own)
    assert state not in told
    assert world.calendar.presented[0] not in told
    assert await world.auth.access_token("calendar", "alice") not in told


async def test_a_browser_that_leaves_is_connected_all_the_same(opens):
    """What was sent to the provider is carried through."""
    world = await opens("starlette")
    alice = world.visitor()
    callback = await alice.connect(world.calendar)
    world.calendar.gate = asyncio.Event()
    leaving = asyncio.create_task(alice.follow(callback))
    await world.calendar.exchanging.wait()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    world.calendar.gate.set()
    while not await connected(world):
        await asyncio.sleep(0)
    assert await connected(world) == ["calendar"]


class Noted:
    """Pages that note what they were asked with."""

    prefix, paths, parents = "/accounts", (), ()

    def __init__(self):
        self.headers = {}

    async def respond(self, request):
        self.headers = request.headers
        return WebResponse(204)


async def asked_of_starlette(pages, headers):
    """Send a request to the routes for Starlette, as its server would."""
    app = Starlette(routes=for_starlette.routes(pages))
    scope = {"type": "http", "method": "GET", "path": "/accounts", "query_string": b"", "headers": headers}

    async def nothing(*_):
        return {"type": "http.request"}

    await app(scope, nothing, nothing)


async def asked_of_aiohttp(pages, headers):
    """Call the routes for aiohttp, as its server would."""
    given = CIMultiDict((name.decode(), value.decode()) for name, value in headers)
    request = make_mocked_request("GET", "/accounts", given)
    await for_aiohttp.routes(pages)[0].handler(request)


@pytest.mark.parametrize("ask", [asked_of_starlette, asked_of_aiohttp])
@pytest.mark.parametrize("name", ["h", "h{}"])
async def test_headers_are_read_in_proportion(ask, name):
    """Anybody can send thousands, alike or not: they must not keep the event loop from others for seconds."""

    async def took(count):
        headers = [(name.format(number).encode(), b"") for number in range(count)]
        began = time.process_time()
        await ask(Noted(), headers)
        return time.process_time() - began

    rounds = [(await took(1_000), await took(8_000)) for _ in range(3)]
    few, many = (min(each) for each in zip(*rounds, strict=True))
    assert many < few * 24  # 8 in proportion, 64 by the square


@pytest.mark.parametrize("ask", [asked_of_starlette, asked_of_aiohttp])
async def test_cookies_may_come_one_by_one(ask):
    """As HTTP/2 sends them."""
    pages = Noted()
    await ask(pages, [(b"cookie", b"a=1"), (b"accept", b"text/html"), (b"cookie", b"b=2")])
    assert (pages.headers["cookie"], pages.headers["accept"]) == ("a=1; b=2", "text/html")


async def test_device_flows_of_a_process_are_bounded():
    """The oldest gives way."""
    kept = InThisProcess(most=2)
    keys = [LinkKey("tv", str(n)) for n in range(3)]
    for key in keys:
        await kept.keep(key, key.user_id, None)
    assert [await kept.find(key) for key in keys] == [None, "1", "2"]
    await kept.forget(keys[2])
    await kept.forget(keys[2])
    assert await kept.find(keys[2]) is None


async def test_a_storage_that_mixes_users_up_shows_nobodys_code(opens):
    """Whatever it gives, a user sees only what is theirs."""

    class OneForAll:
        text: str | None = None

        async def keep(self, key, text, until):
            self.text = text

        async def find(self, key):
            return self.text

        async def forget(self, key):
            self.text = None

    world = await opens(device_flows=OneForAll())
    await world.visitor().post("/accounts/device/tv")
    assert (await world.visitor().get("/accounts/device/tv")).status == 200
    assert (await world.visitor("bob").get("/accounts/device/tv")).status == 404
