"""What a web page, another user of the machine or a clever caller might try."""

from __future__ import annotations

import pytest

from extauth.broker.targets import BadTarget, checked_base, read_target
from tests.broker.site import SECRETS, allow, callers, opened_site

TOKEN = "/v1/token/example/alice"


def request(site, target: str, *fields: str, method: str = "GET", host: str | None = None) -> bytes:
    """Write a request as bytes."""
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {host or f'127.0.0.1:{site.port}'}",
        f"Authorization: Bearer {SECRETS['sender']}",
        "Connection: close",
        *fields,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def status(site, raw: bytes) -> int:
    """Return what is answered to bytes."""
    return int((await site.raw(raw)).split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:{port}", 200),
        ("localhost:{port}", 200),
        ("LOCALHOST:{port}", 200),
        ("[::1]:{port}", 200),
        ("evil.example:{port}", 421),
        ("127.0.0.1", 421),
        ("127.0.0.1:1", 421),
        ("127.0.0.1:{port}.evil.example", 421),
        ("localhost.evil.example:{port}", 421),
    ],
)
async def test_a_name_that_was_bound_to_this_machine(site, host, expected):
    """DNS rebinding: a page's own domain points to 127.0.0.1, and its Host is not ours."""
    raw = request(site, "/v1/proxy/example/alice/", host=host.format(port=site.port))
    assert await status(site, raw) == expected
    assert len(site.api.seen) == (expected == 200)


@pytest.mark.parametrize(
    "field",
    [
        "Origin: null",
        "Origin: http://127.0.0.1",
        "Sec-Fetch-Site: none",
        "Sec-Fetch-Site: cross-site",
        "origin: https://evil.example",
    ],
)
async def test_a_browser_is_refused(site, field):
    """Whatever page sends it, with the secret or without; no answer may be read by a page."""
    answer = await site.raw(request(site, "/v1/proxy/example/alice/", field))
    assert b"browser_refused" in answer
    assert b"access-control" not in answer.lower()
    assert site.api.seen == []


async def test_a_form_has_no_secret(site):
    """What a page can send without a preflight is refused for want of the header, cookies or not."""
    raw = (
        f"POST {TOKEN} HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nContent-Type: text/plain\r\n"
        f"Cookie: secret={SECRETS['reader']}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
    )
    assert await status(site, raw.encode()) == 401


HERE = "127.0.0.1:{port}"
PATH = "/v1/proxy/example/alice/"
FORMS = {
    "connect": ["CONNECT evil.example:443 HTTP/1.1", "Host: evil.example:443"],
    "connect here": [f"CONNECT {HERE} HTTP/1.1", f"Host: {HERE}"],
    "trace": [f"TRACE {PATH} HTTP/1.1", f"Host: {HERE}"],
    "absolute": ["GET http://evil.example/ HTTP/1.1", f"Host: {HERE}"],
    "absolute here": [f"GET http://{HERE}{PATH} HTTP/1.1", f"Host: {HERE}"],
    "double slash": ["GET //evil.example/ HTTP/1.1", f"Host: {HERE}"],
    "two hosts": [f"GET {PATH} HTTP/1.1", f"Host: {HERE}", "Host: x"],
    "no host": [f"GET {PATH} HTTP/1.1"],
    "length and chunks": [
        f"POST {PATH} HTTP/1.1",
        f"Host: {HERE}",
        "Content-Length: 3",
        "Transfer-Encoding: chunked",
    ],
    "two lengths": [f"POST {PATH} HTTP/1.1", f"Host: {HERE}", "Content-Length: 3", "Content-Length: 4"],
}


@pytest.mark.parametrize("form", FORMS)
async def test_forms_of_a_request_that_are_refused(site, form):
    """Nothing is connected to, forwarded or read as a second request."""
    lines = [*FORMS[form], f"Authorization: Bearer {SECRETS['sender']}", "Connection: close", "", ""]
    body = b"0\r\n\r\nabcd" if FORMS[form][0].startswith("POST") else b""
    answer = await site.raw("\r\n".join(lines).replace("{port}", str(site.port)).encode() + body)
    refused = {"connect": 405, "connect here": 405, "trace": 405, "double slash": 404}
    assert int(answer.split(b" ", 2)[1]) == refused.get(form, 400)
    assert (answer.count(b"HTTP/1."), site.api.seen) == (1, [])


OUTSIDE = [
    "..",
    "../..",
    "a/../../b",
    "./",
    "%2e%2e/",
    "%2E%2e",
    ".%2e/x",
    "a/%2e./b",
    "..%2fx",
    "..%5cx",
    "%2e%2e%2fx",
    "%252e%252e/x",
    "%25252e%25252e/x",
    "x%2f..%2f..%2fy",
    "..;/x",
    "..;a=b/x",
    "a/..%3b/x",
    "%00",
    "a%0d%0aX-Injected:%20x",
    "%25%32%65%25%32%65",
    "a%7f",
    "%c0%ae%c0%ae/x",
    "%e0%80%ae%e0%80%ae/x",
    "%f0%80%80%ae./x",
    "%25c0%25ae./x",
]


async def test_a_path_stays_below_the_base(site):
    """However its dots and slashes are encoded, for this server or for one behind the API's."""
    answers = {path: await status(site, request(site, f"/v1/proxy/example/alice/{path}")) for path in OUTSIDE}
    assert answers == dict.fromkeys(OUTSIDE, 400)
    assert site.api.seen == []


ALIKE = [
    "a..b",
    "...",
    ".hidden",
    "a%2Fb",
    "a%252Fb",
    "x;v=1.2",
    "@me",
    "a:b",
    "%C3%A9",
    "%E0%A4%85",
    "%E9t%E9",
]


async def test_paths_that_only_look_alike(site):
    """They are forwarded as they are."""
    answers = {path: await status(site, request(site, f"/v1/proxy/example/alice/{path}")) for path in ALIKE}
    assert answers == dict.fromkeys(ALIKE, 200)
    assert [each.raw_path for each in site.api.seen] == [f"/api/v1/{path}" for path in ALIKE]


@pytest.mark.parametrize(
    "raw", ["/v1/proxy/a/b/ x", "/v1/proxy/a/b/\\x", "/v1/proxy/a/b/\x01", "/v1/proxy/a/b/é", "*"]
)
def test_a_target_that_could_be_read_in_two_ways(raw):
    """It is refused where it comes in."""
    with pytest.raises(BadTarget):
        read_target(raw)


@pytest.mark.parametrize(
    "base",
    [
        "http://api.example/",
        "https://user@api.example/",
        "https://api.example/?x",
        "https://api.example/#x",
        "https://api.example/../x",
        "ftp://api.example/",
        "https:///x",
        "http://127.0.0.1.evil.example/",
    ],
)
def test_a_base_that_is_none(base):
    """A token would go astray."""
    with pytest.raises(ValueError, match="base must be"):
        checked_base(base)


async def test_secrets_in_the_path_are_no_secrets(site):
    """What stands in a target is not taken for the header."""
    lines = [
        f"GET {TOKEN}?access_token={SECRETS['reader']} HTTP/1.1",
        f"Host: 127.0.0.1:{site.port}",
        "Connection: close",
    ]
    raw = "\r\n".join([*lines, "", ""])
    assert await status(site, raw.encode()) == 401


async def test_what_cannot_be_read_is_in_no_log(site, caplog):
    """Nor is what an HTTP server would quote of it: the secret may stand on that line."""
    raw = f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization\x00: Bearer {SECRETS['sender']}\r\n\r\n"
    assert await status(site, raw.encode()) == 400
    assert SECRETS["sender"] not in caplog.text


async def test_a_secret_that_is_no_text(site):
    """Bytes that are no UTF-8 are nobody's."""
    raw = request(site, "/v1/proxy/example/alice/").replace(
        SECRETS["sender"].encode(), b"\xff\xfe\xed\xa0\x80"
    )
    assert await status(site, raw) == 401


async def test_two_secrets_are_none(site):
    """Nobody can say which of them counts."""
    raw = request(site, "/v1/proxy/example/alice/", f"Authorization: Bearer {SECRETS['reader']}")
    assert await status(site, raw) in {400, 401}


@pytest.mark.parametrize(("named", "expected"), [("DELETE", 403), ("get, delete", 403), ("get", 200)])
async def test_another_method_in_a_field(tmp_path, named, expected):
    """What an API would take for it must be allowed, too."""
    sender = {**callers()["sender"], "allow": [allow(rights=["proxy"], methods=["GET", "POST"])]}
    async with opened_site(tmp_path, changed={"sender": sender}) as site:
        field = f"X-HTTP-Method-Override: {named}"
        raw = request(site, "/v1/proxy/example/alice/x", field, "Content-Length: 0", method="POST")
        assert (await status(site, raw), len(site.api.seen)) == (expected, expected == 200)


async def test_a_body_that_was_not_read_is_no_request(site):
    """What follows a refusal on a connection is not answered."""
    inner = request(site, "/v1/proxy/example/alice/").decode()
    raw = (
        f"POST {TOKEN} HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nContent-Length: {len(inner)}\r\n\r\n{inner}"
    )
    answer = await site.raw(raw.encode())
    assert (answer.count(b"HTTP/1.1"), site.api.seen) == (1, [])
