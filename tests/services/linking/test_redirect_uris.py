"""Which redirect URIs providers may use, by a table; the attacks that this keeps off are in test_mix_up."""

from __future__ import annotations

from typing import Any

import pytest

from extauth.domain.link import GrantOrigin
from extauth.domain.linking import LinkingTraits
from extauth.services.linking.begun_redirects import BegunRedirects, begun_redirects
from extauth.services.linking.redirect_uris import (
    Server,
    mixable,
    named_in,
    normalised,
    rivals_at,
    server_of,
)
from extauth.testing import ScriptedLinkingProvider
from tests.services.linking.conftest import REDIRECT_URI, Scene

SERVERS = {
    "github": Server("https://github.com"),
    "github_app": Server("https://github.com"),
    "google": Server("https://google.com"),
    "mcp.example~mcp": Server("https://mcp.example", sends_issuer=True),
    "app": Server("https://other.example", sends_issuer=True),
}
APP = "https://app.example"


@pytest.mark.parametrize(
    ("provider_id", "redirect_uri", "may"),
    [
        ("github", f"{APP}/callback", False),
        ("github", f"{APP}/callback/github", True),
        ("github", f"{APP}/github/callback", True),
        ("github", f"{APP}/%67ithub", True),
        ("github", f"{APP}/callback?provider=github", True),
        ("github", "https://github.auth.example/callback", True),
        ("github", "HTTPS://GITHUB.auth.example/callback", True),
        ("github", "com.example:/callback/github", True),
        ("github_app", f"{APP}/callback/github", True),
        ("mcp.example~mcp", f"{APP}/callback/mcp.example~mcp", True),
        ("mcp.example~mcp", f"{APP}/callback/mcp.example%7Emcp", True),
        ("google", f"{APP}/callback/github", False),
        ("mcp.example~mcp", f"{APP}/callback/github", False),
        ("github", f"{APP}/github-callback", False),
        ("github", f"{APP}/callback/GitHub", False),
        ("github", f"{APP}/callback?github=1", False),
        ("github", f"{APP}/github/../callback", False),
        ("github", f"{APP}/github/%2e%2E/callback", False),
        ("github", f"{APP}/google/github", False),
        ("google", f"{APP}/google/github", False),
        ("github", f"{APP}/github/github_app", True),
        ("github", "https://github.app.example/callback/google", False),
        ("google", "https://github.app.example/callback/google", True),
        ("app", f"{APP}/callback", True),
    ],
)
def test_who_may_use_a_redirect_uri(provider_id, redirect_uri, may):
    """A provider may use what names a provider of its server, and none of a server that could be mixed up
    with it."""
    assert (not rivals_at(redirect_uri, provider_id, SERVERS)) is may


@pytest.mark.parametrize("redirect_uri", [f"{APP}/{path}" for path in ("", *SERVERS, "github/google")])
def test_no_two_rivals_may_use_one_redirect_uri(redirect_uri):
    """Whatever the URI names, those who may use it cannot be mixed up."""
    users = [each for each in SERVERS if not rivals_at(redirect_uri, each, SERVERS)]
    rivals = [(a, b) for a in users for b in users if SERVERS[a].is_rival_of(SERVERS[b])]
    assert rivals == []


@pytest.mark.parametrize(
    "servers",
    [
        {"p": Server("a")},
        {"p": Server("a"), "q": Server("a"), "r": Server("a", sends_issuer=True)},
        {"p": Server("a", sends_issuer=True), "q": Server("b", sends_issuer=True)},
    ],
)
def test_where_nothing_can_be_mixed_up(servers):
    """One server, however many its clients, and servers that all name themselves share any URI."""
    assert rivals_at(REDIRECT_URI, "p", servers) == []


def test_one_server_that_does_not_say_who_it_is():
    """It is enough: its own codes could go to any other."""
    servers = {"p": Server("a", sends_issuer=True), "q": Server("b", sends_issuer=True), "r": Server("c")}
    assert [rivals_at(REDIRECT_URI, each, servers) for each in "pqr"] == [["r"], ["r"], ["p", "q"]]


def test_one_server_by_two_providers_that_differ():
    """What names the one that sends ``iss`` is its server's alone, since the other does not send it."""
    servers = {"x": Server("a", sends_issuer=True), "b": Server("b", sends_issuer=True), "y": Server("b")}
    assert [rivals_at(f"{APP}/callback/b", each, servers) for each in "xby"] == [["y"], [], []]


def test_a_host_counts_only_where_nothing_else_names():
    """An id that is a label of the application's own host by chance hides no other."""
    assert named_in(f"{APP}/callback/github", SERVERS) == {"github"}
    assert named_in(f"{APP}/callback", SERVERS) == {"app"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (f"{APP}/callback", "HTTPS://APP.example:443/./x/../callback", True),
        (f"{APP}/a/callback", f"{APP}/a/b/../callback", True),
        (f"{APP}/callback", f"{APP}/c%61llback", True),
        (APP, f"{APP}/", True),
        (f"{APP}/?a=1&b=2", f"{APP}/?b=2&a=1", True),
        ("http://127.0.0.1:5001/callback", "http://127.0.0.1:5002/callback", True),
        ("http://[::1]:5001/", "http://[::1]/", True),
        (f"{APP}/callback", f"{APP}:8443/callback", False),
        (f"{APP}/callback", f"{APP}/callback/github", False),
        (f"{APP}/?a=1", f"{APP}/?a=2", False),
        ("http://127.0.0.1/callback", "http://localhost/callback", False),
    ],
)
def test_redirect_uris_that_may_be_taken_for_one(one, other, same):
    """By how they are written, by the order of a query, and by the port of a loopback URI."""
    assert (normalised(one) == normalised(other)) is same


def test_a_server_without_a_name():
    """Its token endpoint's host is its name, in lower case as everybody else writes it."""
    origin = GrantOrigin("client", "https://IDP.example:8443/token")
    assert server_of(ScriptedLinkingProvider(origin=origin)) == Server("idp.example:8443")


def two_providers(scene: Scene) -> list[Any]:
    """Return the scene's provider and one of another server."""
    return [scene.provider, ScriptedLinkingProvider("other")]


async def test_redirect_uris_by_provider(scene: Scene):
    """Each accepts its own only, whatever they are called; a named link has its provider's."""
    given = {"scripted": "https://a.example/x", "other": ["https://a.example/y", "https://a.example/z"]}
    service = scene.replica(*two_providers(scene), redirect_uris=given)
    await service.begin("scripted", "alice", "https://a.example/x")
    await service.begin("scripted/work", "alice", "https://a.example/x")
    await service.begin("other", "alice", "https://a.example/z")
    for provider_id, redirect_uri in (("scripted", "y"), ("other", "x"), ("scripted", "scripted")):
        with pytest.raises(ValueError, match=f"none of those that redirect_uris has for '{provider_id}'"):
            await service.begin(provider_id, "alice", f"https://a.example/{redirect_uri}")


async def test_a_provider_without_redirect_uris(scene: Scene):
    """It cannot be begun with, and the others can."""
    service = scene.replica(*two_providers(scene), redirect_uris={"scripted": REDIRECT_URI})
    await service.begin("scripted", "alice", REDIRECT_URI)
    with pytest.raises(ValueError, match="redirect_uris has for 'other'"):
        await service.begin("other", "alice", REDIRECT_URI)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"scripted": REDIRECT_URI, "other": "https://app.example/c%61llback"},
            "other cannot share the redirect URI https://app.example/c%61llback with scripted",
        ),
        ({"scripted": [REDIRECT_URI], "others": [REDIRECT_URI]}, "has no 'others'"),
        ({"scripted/work": REDIRECT_URI}, "has no 'scripted/work'"),
        ({"scripted": "/callback"}, "absolute"),
        ({"scripted": "https://app.example:port/"}, "host and a port"),
        (["https://app.example:port/"], "host and a port"),
        (REDIRECT_URI, "not one str"),
    ],
)
async def test_redirect_uris_that_cannot_be(scene: Scene, given, message):
    """They are refused when the service is made."""
    with pytest.raises(ValueError, match=message):
        scene.replica(*two_providers(scene), redirect_uris=given)


async def test_a_redirect_uri_that_cannot_be_read(scene: Scene):
    """It is refused like any that cannot be one."""
    with pytest.raises(ValueError, match="host and a port"):
        await scene.replica().begin("scripted", "alice", "https://app.example:port/callback")


async def test_one_redirect_uri_by_provider_where_all_send_iss(scene: Scene):
    """Providers that cannot be mixed up may be given the same."""
    scene.provider.linking = LinkingTraits(issuer="https://a.example", sends_issuer=True)
    other = ScriptedLinkingProvider(
        "other", linking=LinkingTraits(issuer="https://b.example", sends_issuer=True)
    )
    given = {"scripted": REDIRECT_URI, "other": REDIRECT_URI}
    service = scene.replica(scene.provider, other, redirect_uris=given)
    for provider_id in given:
        await service.begin(provider_id, "alice", REDIRECT_URI)


class TestBegunRedirects:
    """What this process remembers of a store."""

    def test_servers_that_share(self):
        """One server, and servers that all send their issuer; who else is refused is told the first."""
        begun = BegunRedirects()
        assert begun.note(REDIRECT_URI, Server("a")) is None
        assert begun.note(REDIRECT_URI, Server("a", sends_issuer=True)) is None
        assert begun.note(REDIRECT_URI, Server("b", sends_issuer=True)) == "a"
        assert begun.note("https://other.example/", Server("a", sends_issuer=True)) is None
        assert begun.note("https://other.example/", Server("b", sends_issuer=True)) is None
        assert begun.note("https://other.example/", Server("b")) == "a"

    def test_its_size(self):
        """Thousands of URIs, and many servers of one, are forgotten from the oldest on; one stays known."""
        begun = BegunRedirects()
        for number in range(20_000):
            begun.note(f"https://app.example/{number}", Server("a"))
        assert begun.note("https://app.example/0", Server("b")) is None
        assert begun.note("https://app.example/19999", Server("b")) == "a"
        for number in range(300):
            begun.note(REDIRECT_URI, Server(f"server-{number}", sends_issuer=True))
        assert begun.note(REDIRECT_URI, Server("silent")) is not None
        assert (len(begun._servers), max(map(len, begun._servers.values()))) == (10_000, 100)

    def test_it_goes_with_the_store(self, scene: Scene):
        """Two services on one store have the same; another store has its own, and so has each service on a
        store that cannot be referred to weakly."""

        class Slotted:
            __slots__ = ()

        slotted: Any = Slotted()
        assert begun_redirects(scene.inner) is begun_redirects(scene.inner)
        assert begun_redirects(scene.store) is not begun_redirects(scene.inner)
        assert begun_redirects(slotted) is not begun_redirects(slotted)

    def test_a_store_that_is_gone(self):
        """Nothing is kept for it."""
        from extauth.services.linking import begun_redirects as module

        before = len(module._by_store)
        store: Any = type("Store", (), {})()
        begun_redirects(store)
        assert len(module._by_store) == before + 1
        del store
        assert len(module._by_store) == before


def test_the_error_of_a_shared_uri_is_one_line():
    """A link's name and a URI may come from outside."""
    message = str(mixable("https://a.example/\u2028x", "p/a\nERROR forged", ["q"]))
    assert message.isprintable()
    assert message.startswith(
        r"p/a\nERROR forged cannot share the redirect URI https://a.example/\u2028x with q"
    )
