"""Discovering an authorization server."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from datetime import timedelta

import pytest
from aiohttp import ClientSession, DummyCookieJar, web
from yarl import URL

from extauth import ProviderMisconfigured, ProviderUnavailable
from extauth.adapters.discovery import ServerMetadata, discover
from extauth.adapters.discovery.fetching import LONGEST_DOCUMENT
from extauth.adapters.oauth2 import HttpTimeouts, client_session
from extauth.adapters.oauth2.http.addresses import CheckedConnector
from tests.attacks.fence import fenced
from tests.support.tls import tls_contexts

OAUTH = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"


async def refused(issuer: str, **options) -> str:
    """Return the reason why nothing was discovered."""
    with pytest.raises(ProviderMisconfigured) as caught:
        await discover(issuer, **options)
    return caught.value.reason


async def test_everything_that_is_published(site):
    """Each member is found in the value."""
    members = {
        name: f"{site.url}/{name}"
        for name in (
            "registration_endpoint",
            "revocation_endpoint",
            "introspection_endpoint",
            "device_authorization_endpoint",
            "userinfo_endpoint",
        )
    }
    site.publish(
        OAUTH,
        site.server_document(
            site.url,
            **members,
            scopes_supported=["openid", "email", "openid"],
            token_endpoint_auth_methods_supported=["none", "client_secret_post"],
            grant_types_supported=["authorization_code", "refresh_token"],
            authorization_response_iss_parameter_supported=True,
            unknown_member={"is": "ignored"},
        ),
    )
    assert await discover(site.url) == ServerMetadata(
        issuer=site.url,
        authorization_endpoint=f"{site.url}/authorize",
        token_endpoint=f"{site.url}/token",
        **members,
        scopes_supported=("openid", "email"),
        client_auth_methods=("none", "client_secret_post"),
        code_challenge_methods=("S256",),
        grant_types=("authorization_code", "refresh_token"),
        sends_issuer=True,
        openid=True,
    )
    assert site.asked == [f"GET {OAUTH}"]


async def test_what_is_not_published(site):
    """What a document leaves out, or has as null or '', is what RFC 8414 section 2 says then."""
    site.publish(
        OAUTH,
        {
            "issuer": site.url,
            "token_endpoint": f"{site.url}/token",
            "scopes_supported": None,
            "authorization_endpoint": "",
        },
    )
    assert await discover(site.url) == ServerMetadata(issuer=site.url, token_endpoint=f"{site.url}/token")


@pytest.mark.parametrize(
    "path", [f"{OAUTH}/a/b", f"{OPENID}/a/b", f"/a/b{OPENID}"], ids=["oauth", "inserted", "appended"]
)
async def test_each_place_is_looked_at(site, path):
    """A document in any of the three places is found, and nothing is asked after it."""
    site.publish(path, site.server_document(f"{site.url}/a/b"))
    assert (await discover(f"{site.url}/a/b")).issuer == f"{site.url}/a/b"
    assert site.asked[-1] == f"GET {path}"


@pytest.mark.parametrize("member", ["id_token_signing_alg_values_supported", "subject_types_supported"])
async def test_openid_is_recognised(site, member):
    """What only OpenID providers publish says that it is one, wherever the document was."""
    site.publish(OPENID, site.server_document(site.url, **{member: ["x"]}))
    assert (await discover(site.url)).openid


@pytest.mark.parametrize("named", ["https://evil.example", "{url}/", "{url}/a", None, 7, ["{url}"]])
async def test_another_issuer_is_refused(site, named):
    """A document counts only for the issuer that it names, to the letter (RFC 8414 section 3.3)."""
    issuer = named.format(url=site.url) if isinstance(named, str) else named
    site.publish(OAUTH, {**site.server_document(site.url), "issuer": issuer})
    assert await refused(site.url) == (
        "invalid_metadata" if isinstance(named, (int, list)) else "issuer_mismatch"
    )


async def test_a_slash_is_hinted_at(site):
    """Who left out the slash at the end is told so."""
    site.publish(OAUTH, site.server_document(f"{site.url}/"))
    with pytest.raises(ProviderMisconfigured, match="only by a slash at the end"):
        await discover(site.url)
    assert (await discover(f"{site.url}/")).issuer == f"{site.url}/"


@pytest.mark.parametrize(
    ("named", "hint"),
    [
        ("{url}/a/", "only by a slash at the end; ask for it as the document has it"),
        ("http://login.example/a", "its own address"),
        ("{url}/{{tenantid}}", "one tenant's own"),
        ("https://internal.example/a", "its member issuer"),
    ],
)
async def test_why_it_may_be_another_issuers(site, named, hint):
    """What servers behind a proxy and of many tenants name is told with what to do, and is not quoted."""
    site.publish(f"{OPENID}/a", {**site.server_document(site.url), "issuer": named.format(url=site.url)})
    with pytest.raises(ProviderMisconfigured, match=hint) as caught:
        await discover(f"{site.url}/a")
    assert "example" not in str(caught.value)


@pytest.mark.parametrize("path", [OPENID, OAUTH, f"/a{OPENID}", f"{OAUTH}/a"])
async def test_an_address_of_a_document(site, path):
    """Who gives it in the issuer's place is told so, and nothing is asked."""
    with pytest.raises(ValueError, match=r"without /\.well-known"):
        await discover(f"{site.url}{path}")
    assert site.asked == []


async def test_a_wrong_document_does_not_hide_a_right_one(site):
    """The first usable document counts, also after one that is not."""
    site.publish(OAUTH, site.server_document("https://evil.example"))
    site.publish(OPENID, site.server_document(site.url))
    assert (await discover(site.url)).issuer == site.url


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("token_endpoint", None),
        ("token_endpoint", 7),
        ("token_endpoint", "https://a.example/\ud800"),
        ("scopes_supported", "a b"),
        ("scopes_supported", ["a", 7]),
        ("code_challenge_methods_supported", {"S256": True}),
        ("authorization_response_iss_parameter_supported", "true"),
    ],
)
async def test_wrong_types_are_refused(site, member, value):
    """A member of the wrong type, or a missing token endpoint, makes a document unusable."""
    site.publish(OAUTH, site.server_document(site.url, **{member: value}))
    assert await refused(site.url) == "invalid_metadata"


@pytest.mark.parametrize("name", ["state", "redirect_uri", "request_uri", "response_mode"])
async def test_an_endpoint_that_sets_what_a_request_sets_is_refused(site, name):
    """Not first when a user is to connect, and not as the application's mistake."""
    url = f"{site.url}/authorize?tenant=a&{name}=fixed"
    site.publish(OAUTH, site.server_document(site.url, authorization_endpoint=url))
    with pytest.raises(ProviderMisconfigured, match="authorization_endpoint has a query that sets") as caught:
        await discover(site.url)
    assert caught.value.reason == "invalid_metadata"
    assert "fixed" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/token",
        "javascript:alert(1)",
        "//a.example/token",
        "https://user:pass@a.example",
        "https://a.example/#x",
        "https://a.example/{refresh_token}",
        "https://127\u30020\u30020\u30021/token",
        "https://\u2460\u2461\u2466.0.0.1/token",
    ],
)
@pytest.mark.parametrize("member", ["token_endpoint", "authorization_endpoint", "userinfo_endpoint"])
async def test_insecure_endpoints_are_refused(site, member, url):
    """No endpoint is taken that secrets or browsers must not be sent to; its URL is not shown."""
    site.publish(OAUTH, site.server_document(site.url, **{member: url}))
    with pytest.raises(ProviderMisconfigured) as caught:
        await discover(site.url)
    assert caught.value.reason == "insecure_url"
    assert url not in str(caught.value)


async def test_a_host_beyond_ascii_is_told_how_to_be_written(site):
    """It is https, as its user sees; what is wrong is how it is written."""
    with pytest.raises(ProviderMisconfigured, match=r"write its host as xn--") as caught:
        await discover("https://ex\u00e4mple.invalid")
    assert caught.value.reason == "insecure_url"


async def test_redirects_are_not_followed(site):
    """A redirect is no document, be it to the same server."""
    site.publish("/elsewhere", site.server_document(site.url))
    site.redirect(OAUTH, "/elsewhere")
    with pytest.raises(ProviderMisconfigured, match="oauth-authorization-server: status 302") as caught:
        await discover(site.url)
    assert caught.value.reason == "no_metadata"
    assert site.asked == [f"GET {OAUTH}", f"GET {OPENID}"]


@pytest.mark.parametrize("body", ["<html>", "", "[]", "null", '{"issuer"', "[" * 100_000, b"\xff\xfe"])
async def test_what_is_no_document(site, body):
    """A page that is no JSON object is no document, however it is labelled."""
    site.publish(OAUTH, body)
    assert await refused(site.url) == "no_metadata"


async def test_a_huge_document_is_cut_off(site):
    """No more is read than a document can have; compression hides nothing."""

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_compression(web.ContentCoding.gzip)
        await response.prepare(request)
        while True:
            await response.write(b" " * LONGEST_DOCUMENT)

    site.pages[OAUTH] = endless
    assert await refused(site.url) == "document_too_long"


@pytest.mark.parametrize("shared", [False, True])
async def test_an_unusual_answer_is_read(site, shared):
    """Long fields, many of them, an encoding that was not asked for, and a byte that is not UTF-8."""
    document = json.dumps(site.server_document(site.url)).encode()
    content = gzip.compress(document[:-1] + b', "op_policy": "pr\xe9cis"}')
    fields = {"Content-Encoding": "gzip", "Content-Security-Policy": "a" * 60_000}
    fields |= {f"X-Field-{number}": "a" for number in range(300)}
    site.page(OAUTH, lambda: web.Response(body=content, headers=fields))

    async with ClientSession(
        connector=CheckedConnector(reach="loopback"),
        cookie_jar=DummyCookieJar(),
        headers={"Accept-Encoding": "br"},
        max_field_size=100,
    ) as session:
        found = await discover(site.url, session=session if shared else None)

    assert f"{site.url}/token" == found.token_endpoint
    assert site.headers[0]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("coding", "content"),
    [("br", b"junk"), ("gzip", gzip.compress(b"{}", mtime=0)[:-1])],
    ids=["unknown", "cut off"],
)
async def test_an_encoding_that_cannot_be_undone_passes(site, coding, content):
    """A cache that is in the way may have another copy the next time."""
    site.page(OAUTH, lambda: web.Response(body=content, headers={"Content-Encoding": coding}))
    with pytest.raises(ProviderUnavailable, match="compressed although it was asked for plain"):
        await discover(site.url)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
async def test_trouble_of_the_server_passes(site, status):
    """A server that may answer another time is unavailable, and says for how long."""
    site.page(OAUTH, lambda: web.Response(status=status, headers={"Retry-After": "7"}))
    with pytest.raises(ProviderUnavailable) as caught:
        await discover(site.url)
    assert caught.value.retry_after == timedelta(seconds=7)


async def test_trouble_at_one_place_only(site):
    """A server that fails at paths it does not know is still found where it publishes."""
    site.page(OAUTH, lambda: web.Response(status=500))
    site.publish(OPENID, site.server_document(site.url))
    assert (await discover(site.url)).issuer == site.url


async def test_trouble_is_more_hopeful_than_a_wrong_document(site):
    """While one place may have a document another time, a wrong one elsewhere settles nothing."""
    site.publish(OAUTH, site.server_document("https://evil.example"))
    site.page(OPENID, lambda: web.Response(status=503))
    with pytest.raises(ProviderUnavailable):
        await discover(site.url)


async def test_nobody_listens():
    """A server that cannot be reached is unavailable."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        with pytest.raises(ProviderUnavailable):
            await discover(f"http://127.0.0.1:{taken.getsockname()[1]}")


async def test_a_certificate_of_an_authority_that_nobody_here_trusts(tmp_path):
    """As of a company's own: it is said what to give."""
    serves, _ = tls_contexts(tmp_path)
    listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=serves)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(ProviderUnavailable, match=r"not trusted for its name.*client_session\(ssl="):
            await discover(f"https://localhost:{port}")


async def test_a_host_that_nobody_knows():
    """The URL may be wrong: the error says what of it."""
    with pytest.raises(ProviderUnavailable, match="the name of its host is not known here"):
        await discover("https://no-such-host.invalid", reach="any")


async def test_a_stalling_server_is_given_up(site):
    """A document that never ends is waited for as long as the timeouts say."""
    never = asyncio.Event()

    async def stalls(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{")
        await never.wait()
        return response

    site.pages[OAUTH] = stalls
    with pytest.raises(ProviderUnavailable, match="in time"):
        await discover(
            site.url, timeouts=HttpTimeouts(read=timedelta(hours=1), total=timedelta(milliseconds=200))
        )
    never.set()


async def test_a_broken_off_document(site):
    """A connection that ends in the middle of a document says nothing about the server."""

    async def breaks(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{")
        assert request.transport is not None
        request.transport.abort()
        return response

    site.pages[OAUTH] = breaks
    with pytest.raises(ProviderUnavailable):
        await discover(site.url)


async def test_a_cancelled_discovery_ends(site):
    """Cancellation is not swallowed and leaves no task behind."""
    asked, never = asyncio.Event(), asyncio.Event()

    async def stalls(_: web.Request) -> web.StreamResponse:
        asked.set()
        await never.wait()
        return web.Response()

    site.pages[OAUTH] = stalls
    task = asyncio.create_task(discover(site.url))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    never.set()


async def test_the_application_judges_urls(site):
    """``allow`` is asked before each request and of each endpoint; what it refuses is not asked."""
    seen: list[str] = []

    def allow(url: str) -> bool:
        seen.append(url)
        return not url.endswith("/token")

    site.publish(OAUTH, site.server_document(site.url))
    assert await refused(site.url, allow=allow) == "url_not_allowed"
    assert seen[0] == site.url + OAUTH
    assert await refused(site.url, allow=lambda _: False) == "url_not_allowed"
    assert len(site.asked) == 2


async def test_a_remote_server_cannot_name_loopback(site):
    """Plain http on loopback is for applications that name it themselves."""
    from extauth.adapters.discovery.fetching import fetching

    async with fetching(None, HttpTimeouts(), None, named="https://a.example", reach=None) as fetcher:
        with pytest.raises(ProviderMisconfigured):
            fetcher.usable(f"{site.url}/token", "token_endpoint")
        assert fetcher.usable("https://a.example/token", "token_endpoint")


async def test_an_application_session(site):
    """A given session is used and left open; one with credentials of its own is refused."""
    site.publish(OAUTH, site.server_document(site.url))
    async with client_session(reach="loopback", headers={"X-Ours": "yes"}) as session:
        await discover(site.url, session=session)
        assert not session.closed
    assert site.headers[0]["X-Ours"] == "yes"
    async with client_session(reach="loopback", headers={"Authorization": "Bearer x"}) as session:
        with pytest.raises(ValueError, match="credentials"):
            await discover(site.url, session=session)


async def test_a_second_document_fills_in_what_the_first_leaves_out(site):
    """Some publish userinfo only as OpenID providers, and revocation only as OAuth servers."""
    site.publish(
        OAUTH,
        site.server_document(
            site.url, scopes_supported=["openid"], revocation_endpoint=f"{site.url}/oauth-revoke"
        ),
    )
    site.publish(
        OPENID,
        site.server_document(
            site.url,
            userinfo_endpoint=f"{site.url}/userinfo",
            revocation_endpoint=f"{site.url}/openid-revoke",
        ),
    )

    found = await discover(site.url)

    assert found.userinfo_endpoint == f"{site.url}/userinfo"
    assert found.revocation_endpoint == f"{site.url}/oauth-revoke"


async def test_a_second_document_of_another_issuer_fills_in_nothing(site):
    """It could send access tokens to someone else."""
    site.publish(OAUTH, site.server_document(site.url, scopes_supported=["openid"]))
    site.publish(
        OPENID,
        site.server_document("https://another.example", userinfo_endpoint="https://another.example/userinfo"),
    )

    assert (await discover(site.url)).userinfo_endpoint is None


@pytest.mark.parametrize("trouble", ["reset", "failing", "of_another_issuer"])
async def test_a_second_document_that_cannot_be_had_takes_nothing_away(site, trouble):
    """What the first one says is usable as it is."""
    site.publish(OAUTH, site.server_document(site.url, scopes_supported=["openid"]))

    async def reset(request):
        request.transport.close()
        return web.Response()

    if trouble == "reset":
        site.pages[OPENID] = reset
    else:
        site.publish(
            OPENID, site.server_document("https://another.example"), 503 if trouble == "failing" else 200
        )

    found = await discover(site.url)

    assert found.openid
    assert found.userinfo_endpoint is None


async def test_a_user_s_url_may_be_kept_from_this_machine(site):
    """An application that did not write the URL itself says so."""
    site.publish(OAUTH, site.server_document(site.url))
    assert await refused(site.url, reach="public") == "address_not_allowed"
    assert site.asked == []


async def test_a_name_that_stands_for_this_machine_is_not_asked(site):
    """The error says what to write if it is meant to be."""
    port = URL(site.url).port
    with fenced() as fence:
        fence.names["inside.example"] = ["127.0.0.1"]
        with pytest.raises(ProviderMisconfigured, match="give allow=") as caught:
            await discover(f"https://inside.example:{port}")
    assert caught.value.reason == "address_not_allowed"
    assert "inside" not in str(caught.value)
    assert site.asked == []


async def test_what_discovery_was_allowed_its_provider_is(site):
    """Whoever allowed a URL need not say so again."""
    site.publish(OAUTH, site.server_document(site.url))
    found = await discover(site.url, allow=lambda _: True)
    assert found.reach == "any"
    assert (await discover(site.url)).reach == "loopback"
    assert found == await discover(site.url)


async def test_what_is_found_can_be_read(site):
    """Nothing in it is secret: who looks at it sees the addresses and the names."""
    site.publish(OAUTH, site.server_document(site.url, scopes_supported=["openid", "email"]))
    shown = repr(await discover(site.url))
    assert "hidden" not in shown
    for each in (site.url, f"{site.url}/token", "openid", "email", "S256"):
        assert repr(each) in shown
