"""What the routes do, in each framework."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from extauth import LinkNotFound
from extauth.domain.linking import LinkingTraits
from tests.web.visitor import ORIGIN

JSON = {"accept": "application/json"}
FOREIGN = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}


async def connected(world, user="alice"):
    """Return what a user has connected."""
    return [link.key.provider_id for link in await world.auth.links(user)]


async def test_connect(world, alice):
    """From the page to the provider and back: connected, and the page says so once."""
    assert "You have not connected" in (await alice.get("/accounts/")).text
    reply = await alice.follow(await alice.connect(world.calendar))
    assert (reply.status, reply["location"], reply["referrer-policy"]) == (303, "/accounts/", "no-referrer")
    page = await alice.get("/accounts/")
    assert "Calendar is connected." in page.text
    assert "alice@calendar" in page.text
    assert "Calendar is connected." not in (await alice.get("/accounts/")).text
    assert await connected(world) == ["calendar"]


async def test_the_redirect_uri_is_of_the_setting(world, alice):
    """Not of the host that the request names."""
    reply = await alice.post("/accounts/connect/calendar", x_forwarded_host="evil.example")
    [uri] = parse_qs(urlsplit(reply["location"]).query)["redirect_uri"]
    assert uri == f"{ORIGIN}/accounts/callback/calendar"


async def test_the_cookie_of_a_flow(world, alice):
    """It is for this host, https, not for scripts, and goes when the state does."""
    reply = await alice.post("/accounts/connect/calendar")
    [cookie] = [each for each in reply.set_cookies if "connecting" in each.key]
    assert cookie.key.startswith("__Host-connecting-")
    assert {name: value for name, value in cookie.items() if value} == {
        "path": "/",
        "max-age": "600",
        "secure": True,
        "httponly": True,
        "samesite": "Lax",
    }


async def test_another_browser_is_refused_and_the_state_stays_good(world, alice):
    """Whoever has the same session, and not the cookie, completes nothing."""
    callback = await alice.connect(world.calendar)
    other = world.visitor()
    reply = await other.follow(callback)
    assert (reply.status, "in this browser" in reply.text) == (400, True)
    assert reply["referrer-policy"] == "no-referrer"
    assert await connected(world) == []
    assert (await alice.follow(callback)).status == 303
    assert await connected(world) == ["calendar"]


async def test_another_user_in_the_same_browser_is_refused(world, alice):
    """The state stays good for whoever began it."""
    callback = await alice.connect(world.calendar)
    alice.user = "bob"
    assert (await alice.follow(callback)).status == 403
    assert await connected(world, "bob") == []
    alice.user = "alice"
    assert (await alice.follow(callback)).status == 303


async def test_a_reload_shows_what_is_connected(world, alice):
    """A second callback with the same state, as of a double click, is no error to its user."""
    callback = await alice.connect(world.calendar)
    await alice.follow(callback)
    reply = await alice.follow(callback)
    assert (reply.status, reply["location"]) == (303, "/accounts/")
    assert "completed before" in (await alice.get("/accounts/")).text


async def test_two_tabs(world, alice):
    """Each tab's flow is completed by itself."""
    first, second = [await alice.connect(world.calendar) for _ in range(2)]
    assert (await alice.follow(second)).status == 303
    assert (await alice.follow(first)).status == 303


async def test_no(world, alice):
    """The user says no: a page, or a problem document, and nothing is connected."""
    for headers, kind in ({}, "text/html; charset=utf-8"), (JSON, "application/problem+json"):
        reply = await alice.post("/accounts/connect/calendar")
        callback = world.calendar.deny(reply["location"]).removeprefix(ORIGIN)
        reply = await alice.get(callback, **headers)
        assert (reply.status, reply["content-type"]) == (403, kind)
        assert "You did not allow it" in reply.text
    assert reply.json["code"] == "consent_denied"
    assert await connected(world) == []


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ("temporarily_unavailable", 503, "provider_unavailable"),
        ("invalid_scope", 400, "authorization_rejected"),
    ],
)
async def test_a_providers_error(world, alice, error, status, code):
    """It is told by its code, with nothing of the callback in it."""
    reply = await alice.post("/accounts/connect/calendar")
    callback = world.calendar.deny(reply["location"], error, error_description="<b>hostile")
    reply = await alice.get(callback.removeprefix(ORIGIN), **JSON)
    assert (reply.status, reply.json["code"], reply.json["status"]) == (status, code, status)
    assert reply.json["type"] == f"urn:extauth:problem:{code}"
    assert "hostile" not in reply.text


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "invalid_callback"),
        ("?code=c", "begun_elsewhere"),
        ("?code=c&state=", "begun_elsewhere"),
        ("?code=c&state=s", "not_begun_here"),
        ("?code=c&state=s&state=t", "invalid_callback"),
        ("?code=c&state=%FF%00", "not_begun_here"),
        ("?answer=0123456789abcdef", "invalid_callback"),
        ("?" + "a=1&" * 101, "bad_request"),
    ],
)
async def test_a_broken_callback(world, alice, query, code):
    """Each has its page, and none is a server's error."""
    reply = await alice.get(f"/accounts/callback/calendar{query}", **JSON)
    assert (reply.status, reply.json["code"]) == (400, code)
    page = await alice.get(f"/accounts/callback/calendar{query}")
    assert (page.status, page["referrer-policy"]) == (400, "no-referrer")


async def test_who_begins_at_the_provider_is_asked_here(world, alice):
    """A code without a state is dropped; the page leads to the button, and following it begins nothing."""
    page = await alice.get("/accounts/callback/calendar?code=c&setup_action=install")
    assert 'href="/accounts/connect/calendar"' in page.text
    asked = await alice.get("/accounts/connect/calendar")
    assert (asked.status, 'action="/accounts/connect/calendar"' in asked.text) == (200, True)
    assert world.calendar.asked == []


async def test_a_callback_with_a_parameter_twice(world, alice):
    """The state stays good."""
    callback = await alice.connect(world.calendar)
    assert (await alice.follow(f"{callback}&code=twice")).status == 400
    assert (await alice.follow(callback)).status == 303


async def test_looking_ahead_uses_nothing_up(world, alice):
    """A HEAD request is refused at the callback, and answered on pages."""
    callback = await alice.connect(world.calendar)
    reply = await alice.get(callback.removeprefix(ORIGIN), "HEAD")
    assert (reply.status, reply["allow"]) == (405, "GET, POST")
    assert (await alice.get("/accounts/", "HEAD")).status == 200
    assert (await alice.follow(callback)).status == 303


async def test_a_posted_answer_with_the_session(world, alice):
    """Of a provider that posts it, from its own site; its cookie comes along."""
    reply = await alice.post("/accounts/connect/poster")
    [cookie] = [each for each in reply.set_cookies if "connecting" in each.key]
    assert (cookie["samesite"], cookie["secure"]) == ("None", True)
    callback = urlsplit(world.poster.consent(reply["location"]))
    reply = await alice.post(callback.path, dict(parse_qsl(callback.query)), **FOREIGN, x_csrftoken="")
    assert (reply.status, reply["location"]) == (303, "/accounts/")
    assert await connected(world) == ["poster"]


async def test_a_posted_answer_must_be_posted(world, alice):
    """Nobody brings a code in a URL that the provider would have posted; the state stays good."""
    reply = await alice.post("/accounts/connect/poster")
    callback = urlsplit(world.poster.consent(reply["location"]))
    reply = await alice.get(f"{callback.path}?{callback.query}", **JSON)
    assert (reply.status, reply.json["code"]) == (400, "invalid_callback")
    reply = await alice.post(callback.path, dict(parse_qsl(callback.query)), **FOREIGN, x_csrftoken="")
    assert reply.status == 303


async def test_a_posted_answer_without_the_session(world, alice):
    """The session's cookie stays away from a foreign site's post: the browser comes again by itself, and
    nothing of the answer is in a URL."""
    reply = await alice.post("/accounts/connect/poster")
    callback = urlsplit(world.poster.consent(reply["location"]))
    answer = dict(parse_qsl(callback.query))
    alice.user = None
    reply = await alice.post(callback.path, answer, **FOREIGN, x_csrftoken="")
    [kept] = reply.set_cookies
    assert (reply.status, kept["samesite"], kept["max-age"]) == (303, "Lax", "60")
    assert answer["code"] not in reply["location"]
    assert answer["state"] not in reply["location"]
    alice.user = "alice"
    reply = await alice.get(reply["location"])
    assert (reply.status, await connected(world)) == (303, ["poster"])
    assert kept.key not in alice.cookies


async def test_a_posted_answer_in_another_browser(world, alice):
    """It is not even kept."""
    reply = await alice.post("/accounts/connect/poster")
    callback = urlsplit(world.poster.consent(reply["location"]))
    other = world.visitor(None)
    reply = await other.post(callback.path, dict(parse_qsl(callback.query)), **FOREIGN, x_csrftoken="")
    assert (reply.status, reply.set_cookies, "in this browser" in reply.text) == (400, [], True)


@pytest.mark.parametrize("route", ["connect/calendar", "disconnect/calendar", "device/tv"])
async def test_a_foreign_page_posts_nothing(world, alice, route):
    """Whatever it says, and whatever token it has."""
    await alice.follow(await alice.connect(world.calendar))
    token = (await alice.get("/accounts/", **JSON)).json["form_token"]
    asked = len(world.calendar.asked)
    for headers in (
        FOREIGN,
        {"sec-fetch-site": "same-site", "origin": "https://other.app.example"},
        {"sec-fetch-site": "", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
    ):
        reply = await alice.post(f"/accounts/{route}", {"form_token": token}, **headers)
        assert reply.status == 403
    for headers in ({"sec-fetch-site": "", "origin": ""}, {"sec-fetch-site": "", "origin": "null"}):
        reply = await alice.post(f"/accounts/{route}", **headers, **JSON)
        assert reply.status == 403
    assert (len(world.calendar.asked), await connected(world)) == (asked, ["calendar"])


async def test_a_browser_that_says_nothing_has_the_token(world, alice):
    """One that sends neither header is taken by the token of its page, and by no other's."""
    silent = {"sec-fetch-site": "", "origin": "", "referer": f"{ORIGIN}/accounts/"}
    token = (await alice.get("/accounts/", **JSON)).json["form_token"]
    other = world.visitor()
    theirs = (await other.get("/accounts/", **JSON)).json["form_token"]
    refused = await alice.post("/accounts/connect/calendar", {"form_token": theirs}, **silent)
    assert refused.status == 403
    assert (await alice.post("/accounts/connect/calendar", {"form_token": token}, **silent)).status == 303


async def test_a_form_shown_to_another_user_is_stale(world, alice):
    """Bob has signed in since in another tab: a click on alice's page does nothing to what is bob's."""
    token = (await alice.get("/accounts/", **JSON)).json["form_token"]
    alice.user = "bob"
    await alice.follow(await alice.connect(world.calendar))
    reply = await alice.post("/accounts/disconnect/calendar", {"form_token": token})
    assert (reply.status, "out of date" in reply.text) == (403, True)
    assert await connected(world, "bob") == ["calendar"]


async def test_disconnect(world, alice):
    """A page asks first; then it is gone, also for a second click."""
    await alice.follow(await alice.connect(world.calendar))
    page = await alice.get("/accounts/disconnect/calendar")
    assert "Disconnect Calendar?" in page.text
    assert await connected(world) == ["calendar"]
    for _ in range(2):
        reply = await alice.post("/accounts/disconnect/calendar")
        assert (reply.status, reply["location"]) == (303, "/accounts/")
        assert "Calendar is disconnected." in (await alice.get("/accounts/")).text
    with pytest.raises(LinkNotFound):
        await world.auth.access_token("calendar", "alice")
    assert (await alice.get("/accounts/disconnect/calendar")).status == 404


async def test_ask_for_more(world, alice):
    """What the application offers is asked for beside what is granted; nothing else is."""
    await alice.follow(await alice.connect(world.calendar))
    assert "Read your mail" in (await alice.get("/accounts/")).text
    assert (await alice.post("/accounts/connect/calendar", {"ask": "admin"})).status == 400
    await alice.follow(await alice.connect(world.calendar, ask="mail"))
    assert world.calendar.asked[-1].scopes == {"events.read", "mail.read"}
    [link] = await world.auth.links("alice")
    assert link.tokens.scopes == {"events.read", "mail.read"}
    await alice.connect(world.calendar)
    assert world.calendar.asked[-1].scopes == {"events.read", "mail.read"}


async def test_afterwards_to_where_the_form_said(world, alice):
    """Whatever happens between."""
    callback = await alice.connect(world.calendar, next="/projects/7?tab=calendar")
    assert (await alice.follow(callback))["location"] == "/projects/7?tab=calendar"


async def test_afterwards_nowhere_else(world, alice):
    """A foreign address is refused before anything is begun, and one put into the cookie is passed over."""
    for form in ({"next": "//evil.example"}, {"next": "https://evil.example/"}, {"next": "/%5cevil.example"}):
        reply = await alice.post("/accounts/connect/calendar", form, **JSON)
        assert (reply.status, reply.json["code"]) == (400, "invalid_next")
    assert (await alice.get("/accounts/connect/calendar?next=//evil.example")).status == 400
    assert world.calendar.asked == []
    callback = await alice.connect(world.calendar, next="/projects")
    [name] = [name for name in alice.cookies if "connecting" in name]
    alice.cookies[name] = "1.Ly9ldmlsLmV4YW1wbGU"
    assert (await alice.follow(callback))["location"] == "/accounts/"


async def test_a_device(world, alice):
    """A code is shown; when it was typed in elsewhere, the user is connected."""
    world.tv.interval = timedelta(milliseconds=1)
    reply = await alice.post("/accounts/device/tv")
    assert (reply.status, reply["location"]) == (303, "/accounts/device/tv")
    page = await alice.get("/accounts/device/tv")
    assert "USER-1" in page.text
    assert "device-1" not in page.text
    other = world.visitor("bob")
    assert (await other.get("/accounts/device/tv?wait=1")).status == 404
    world.tv.approve_device("USER-1")
    reply = await alice.get("/accounts/device/tv?wait=1")
    assert (reply.status, reply["location"]) == (303, "/accounts/")
    assert await connected(world) == ["tv"]


async def test_a_device_in_json(world, alice):
    """Begun, denied, and told so; no answer has the device code."""
    world.tv.interval = timedelta(milliseconds=1)
    begun = await alice.post("/accounts/device/tv", **JSON)
    assert (begun.status, begun.json["user_code"]) == (201, "USER-1")
    assert (await alice.get("/accounts/device/tv", **JSON)).json["pending"] is True
    world.tv.deny_device("USER-1")
    denied = await alice.get("/accounts/device/tv?wait=1", **JSON)
    assert (denied.status, denied.json["code"]) == (403, "consent_denied")
    assert (await alice.get("/accounts/device/tv", **JSON)).json["code"] == "no_device_code"
    assert "device-1" not in begun.text


async def test_json(world, alice):
    """An application with a front end of its own has all that the page has, and no token of a provider's."""
    reply = await alice.post("/accounts/connect/calendar", **JSON)
    url = reply.json["authorization_url"]
    callback = world.calendar.consent(url, "alice").removeprefix(ORIGIN)
    assert (await alice.get(callback, **JSON)).json == {"connected": "calendar"}
    listed = await alice.get("/accounts/", **JSON)
    [connection] = listed.json["connections"]
    assert (connection["provider"], connection["account"]["login"]) == ("calendar", "alice@calendar")
    assert [offer["provider"] for offer in listed.json["offers"]] == ["poster", "tv"]
    assert await world.auth.access_token("calendar", "alice") not in listed.text
    reply = await alice.post("/accounts/disconnect/calendar", **JSON)
    assert reply.json == {"existed": True, "revoked": True, "reason": None}
    assert (await alice.get(callback, **JSON)).json["code"] == "already_completed"


async def test_nobody_signed_in(world, alice):
    """Nothing is shown or done; a callback leaves the state good."""
    callback = await alice.connect(world.calendar)
    alice.user = None
    assert (await alice.get("/accounts/")).status == 401
    assert (await alice.post("/accounts/connect/calendar")).status == 401
    assert "connect again" in (await alice.follow(callback)).text
    alice.user = "alice"
    assert (await alice.follow(callback)).status == 303


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("POST /accounts/connect/nobody", "404 unknown_provider"),
        ("POST /accounts/connect/calendar/work", "404 unknown_provider"),
        ("POST /accounts/device/calendar", "404 unknown_provider"),
        ("POST /accounts/disconnect/nobody", "404 unknown_provider"),
        ("POST /accounts/disconnect/a%00b", "404 unknown_provider"),
        (f"POST /accounts/disconnect/{'a' * 600}", "404 unknown_provider"),
        ("GET /accounts/disconnect/calendar", "404 link_not_found"),
        ("GET /accounts/client.json", "404 not_found"),
        ("PUT /accounts/connect/calendar", "405 method_not_allowed"),
        ("POST /accounts/", "405 method_not_allowed"),
    ],
)
async def test_what_is_not_there(world, alice, asked, told):
    """It has its problem document."""
    world.calendar.linking = LinkingTraits()
    method, path = asked.split()
    if method == "POST":
        reply = await alice.post(path, **JSON)
    else:
        reply = await alice.get(path, method, **JSON, **alice._djangos_token(), origin=ORIGIN)
    assert f"{reply.status} {reply.json['code']}" == told


async def test_a_body_that_is_no_form(world, alice):
    """Nor one that is too long."""
    reply = await alice.post("/accounts/connect/calendar", {"a": "b"}, **JSON, content_type="text/plain")
    assert (reply.status, reply.json["code"]) == (415, "bad_request")
    kind = "multipart/form-data; boundary=x"
    reply = await alice.post("/accounts/connect/calendar", {"a": "b"}, **JSON, content_type=kind)
    assert (reply.status, reply.json["code"]) == (415, "bad_request")
    reply = await alice.post("/accounts/connect/calendar", {"a": "b" * 70_000}, **JSON)
    assert (reply.status, reply.json["code"]) == (413, "bad_request")


async def test_the_headers_of_a_page(world, alice):
    """No script, no frame, no copy, no guess, no referrer abroad."""
    page = await alice.get("/accounts/")
    policy = page["content-security-policy"]
    for each in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert each in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert "<script" not in page.text
    got = (page["cache-control"], page["x-content-type-options"], page["referrer-policy"])
    assert got == ("no-store", "nosniff", "same-origin")
    assert page["content-type"] == "text/html; charset=utf-8"


async def test_a_mistake_of_the_deployment(world, alice, caplog):
    """Users are told that it is not theirs; operators what it is."""
    world.calendar.linking = LinkingTraits(companions=("x" * 300,))
    reply = await alice.post("/accounts/connect/calendar", **JSON)
    assert (reply.status, reply.json["code"]) == (503, "configuration_error")
    assert "extauth.web" in {record.name for record in caplog.records}
    assert caplog.text
