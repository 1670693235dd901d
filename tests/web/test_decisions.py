"""The pure decisions beneath the routes."""

from __future__ import annotations

import pytest

from extauth.web.cookies import MOST_BEGUN, Begun, Cookies, begun_base, outdated, read_begun
from extauth.web.form_token import form_token, is_token, new_key, refusal
from extauth.web.negotiation import best_language, wants_json
from extauth.web.next_path import LONGEST, own_path
from extauth.web.request import FormField, WebRequest
from extauth.web.site import Site

ORIGIN = "https://app.example"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/", "/"),
        (
            "/projects/7?tab=a%20b&then=https://other.example/",
            "/projects/7?tab=a%20b&then=https://other.example/",
        ),
        (f"{ORIGIN}/projects", "/projects"),
        ("/caf%C3%A9", "/caf%C3%A9"),
    ],
    ids=["root", "query", "absolute", "encoded-letter"],
)
def test_a_path_of_the_own_origin(given, path):
    """It is taken as it is written."""
    assert own_path(given, ORIGIN) == path


HOSTILE = {
    "empty": "",
    "relative": "projects",
    "scheme": "https://evil.example/",
    "other-scheme": "javascript:alert(1)",
    "network-path": "//evil.example",
    "backslash": "/\\evil.example",
    "backslashes": "\\\\evil.example",
    "backslash-in-query": "/a?b=\\c",
    "tab": "/\t/evil.example",
    "line-break": "/a\r\nSet-Cookie: a=b",
    "space": "/ /evil.example",
    "nul": "/\x00",
    "encoded-slash": "/%2f/evil.example",
    "encoded-network-path": "/%2Fevil.example",
    "encoded-backslash": "/%5cevil.example",
    "twice-encoded-backslash": "/%255cevil.example",
    "thrice-encoded-slash": "/%25252fevil.example",
    "encoded-line-break": "/a%0d%0ab",
    "encoded-c1": "/a%C2%85b",
    "dots": "/a/..//evil.example",
    "dot": "/./a",
    "encoded-dots": "/a/%2e%2e/b",
    "double-slash": "/a//b",
    "user-info": "https://app.example@evil.example/",
    "longer-host": "https://app.example.evil.example/",
    "other-port": "https://app.example:8443/",
    "origin-then-network-path": "https://app.example//evil.example",
    "letters": "/ä",
    "full-width-slash": "/\uff0fevil.example",
    "lone-percent": "/%",
    "fragment": "/a#b",
    "long": "/" + "a" * LONGEST,
}


@pytest.mark.parametrize("given", HOSTILE.values(), ids=HOSTILE)
def test_what_leads_elsewhere(given):
    """It is refused, not mended."""
    assert own_path(given, ORIGIN) is None


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/json", True),
        ("application/json, text/plain, */*", True),
        ("application/problem+json", True),
        ("text/html, application/json", False),
        ("text/html;q=0.5, application/json", True),
        ("application/json;q=0", False),
        ("application/json;q=0.2, */*", False),
        ("application/json;q=x", False),
        (",;,", False),
    ],
)
def test_what_is_accepted(accept, json):
    """JSON for who asks for it by name; a browser gets a page."""
    assert wants_json(accept) is json


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,en;q=0.5", "de"),
        ("fr, de;q=0.1", "de"),
        ("de;q=0, en", "en"),
        ("fr", "en"),
        ("de" + "-a" * 49, "de"),
        ("de" + "-a" * 50, "en"),  # longer than any, and each part costs a look
    ],
)
def test_the_best_language(accept, language):
    """The first that is known, by weight; the application's first if none is."""
    assert best_language(accept, ["en", "de"]) == language


@pytest.mark.parametrize(
    ("site", "origin", "token", "refused"),
    [
        ("same-origin", ORIGIN, None, None),
        ("same-origin", None, None, None),
        ("same-origin", "null", None, None),
        (None, ORIGIN, None, None),
        ("none", ORIGIN, None, None),
        ("none", None, None, "cross_site_request"),
        (None, None, None, "cross_site_request"),
        (None, "null", None, "cross_site_request"),
        (None, None, True, None),
        (None, "null", True, None),
        (None, None, False, "stale_form"),
        ("same-origin", ORIGIN, False, "stale_form"),
        ("cross-site", ORIGIN, True, "cross_site_request"),
        ("same-site", ORIGIN, True, "cross_site_request"),
        ("same-origin", "https://evil.example", True, "cross_site_request"),
        (None, "https://evil.example", True, "cross_site_request"),
        (None, "http://app.example", True, "cross_site_request"),
    ],
)
def test_where_a_post_comes_from(site, origin, token, refused):
    """What the browser says counts; where it says nothing, the token does."""
    said = {"sec-fetch-site": site, "origin": origin}
    headers = {name: value for name, value in said.items() if value is not None}
    assert refusal(headers, ORIGIN, token=token) == refused


def test_a_token_is_of_one_browser_and_user():
    """It is another one each time, and no part of it can be changed."""
    key = new_key()
    token = form_token(key, "alice")
    assert is_token(token, key, "alice")
    assert token != form_token(key, "alice")
    assert not is_token(token, key, "bob")
    assert not is_token(token, new_key(), "alice")
    assert not is_token(token, None, "alice")
    assert not is_token(form_token("", "alice"), "", "alice")
    assert not is_token(f"x{token[1:]}", key, "alice")
    assert not is_token("", key, "alice")
    assert not is_token("ä", key, "alice")


def test_the_oldest_flows_give_way():
    """A browser keeps a few, so that the headers of a request stay short; an application's own is old."""
    naming = Cookies(secure=True)
    cookies = {naming.name(begun_base(f"state-{n}")): Begun(10 + n).written() for n in range(MOST_BEGUN)}
    cookies |= {
        naming.name(begun_base("own")): "1",
        "__Host-other": "1",
        naming.name("connecting-\udce4"): "0",
    }
    assert outdated(cookies, naming) == [begun_base("own"), begun_base("state-0")]
    assert outdated({}, naming) == []


@pytest.mark.parametrize(
    ("value", "begun"),
    [
        (Begun(7, "/a?b").written(), Begun(7, "/a?b")),
        (Begun(7).written(), Begun(7)),
        ("1", Begun(1)),
        ("", Begun(0)),
        ("x.!!!", Begun(0)),
        ("9" * 5000, Begun(0)),
        ("1.\x80", Begun(1)),
    ],
    ids=["path", "no-path", "own", "empty", "damaged", "long", "not-ascii"],
)
def test_the_cookie_of_a_flow(value, begun):
    """What cannot be read says nothing."""
    assert read_begun(value) == begun


def test_on_a_developers_own_machine():
    """Cookies go without what needs https, but for one that must come with a foreign site's post."""
    naming = Cookies(secure=Site.at("http://localhost:8000/accounts").secure)
    assert naming.set("a", "b") == ("Set-Cookie", "a=b; Path=/; HttpOnly; SameSite=Lax")
    assert naming.set("a", "b", cross_site=True)[1] == "a=b; Path=/; Secure; HttpOnly; SameSite=None"


def test_no_secret_in_the_repr_of_a_request():
    """Codes, states and cookies are in none."""
    request = WebRequest(
        method="GET", path="callback/x", query="code=hidden", headers={"cookie": "a=hidden"}, body=b"hidden"
    )
    assert "hidden" not in repr(request) + repr(FormField("a", "hidden"))
    assert "cookie" in repr(request)
