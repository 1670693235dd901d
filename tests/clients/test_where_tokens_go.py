"""To which requests a client gives a token, and to which it never does."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from yarl import URL

from extauth.adapters.oauth2 import ApiRules
from extauth.adapters.providers import github_app
from extauth.clients.origins import checked_origins, origins_below
from tests.clients.world import opened_world


def redirect(origin, to: str, status: int = 302) -> str:
    """Return a URL of an origin that leads to another URL."""
    return f"{origin.url}/to?{urlencode({'url': to, 'status': status})}"


async def test_an_api_is_shown_the_token(world, client):
    """In place of whatever the request had."""
    token = await world.token()
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        answer = await send("GET", f"{world.api.url}/me", headers={"Authorization": "Basic abc"})
    assert (answer.status, world.api.shown()) == (200, [f"Bearer {token}"])


async def test_another_origin_is_shown_nothing(world, client):
    """The request goes there as it is, and its refusal is nobody's business."""
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        answers = [
            await send("GET", f"{world.other.url}/me"),
            await send("GET", f"{world.other.url}/me", headers={"Authorization": "Basic abc"}),
        ]
    assert [answer.status for answer in answers] == [401, 401]
    assert (world.other.shown(), world.server.grants.exchanges) == ([None, "Basic abc"], 0)


async def test_another_name_is_another_origin(world, client):
    """Whatever it leads to."""
    named = world.api.url.replace("127.0.0.1", "localhost")
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        answer = await send("GET", f"{named}/me")
    assert (answer.status, world.api.shown()) == (401, [None])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_within_the_origin_keeps_the_token(world, client, status):
    """As with renamed repositories."""
    token = await world.token()
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        answer = await send("GET", redirect(world.api, f"{world.api.url}/me", status))
    assert (answer.status, world.api.shown()) == (200, [f"Bearer {token}"] * 2)


@pytest.mark.parametrize("both", [False, True], ids=["only the first is allowed", "both are allowed"])
async def test_a_token_follows_no_redirect_to_another_origin(world, client, both):
    """What answers 401 there never saw it, so nothing is refreshed either."""
    token = await world.token()
    origins = [world.api.url, world.other.url] if both else [world.api.url]
    async with client(world.auth, "alice", origins=origins) as send:
        answer = await send("GET", redirect(world.api, f"{world.other.url}/me"))
    assert answer.status == 401
    assert (world.api.shown(), world.other.shown()) == ([f"Bearer {token}"], [None])
    assert world.server.grants.exchanges == 0


async def test_nobody_else_chooses_what_is_called_in_a_users_name(world, client):
    """A redirect from elsewhere to the API has no token: its path and method are that other's choice."""
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        answer = await send("GET", redirect(world.other, f"{world.api.url}/me"))
    assert (answer.status, world.api.shown(), world.server.grants.exchanges) == (401, [None], 0)


async def test_a_call_that_left_does_not_come_back(world, client):
    """Where the API leads elsewhere and that leads back, the way back has no token."""
    token = await world.token()
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        back = redirect(world.other, f"{world.api.url}/me")
        answer = await send("GET", redirect(world.api, back))
    assert (answer.status, world.api.shown(), world.other.shown()) == (401, [f"Bearer {token}", None], [None])
    assert world.server.grants.exchanges == 0


async def test_what_was_redirected_is_refreshed_once(world, client):
    """A 401 after a redirect within the origin is one like any other."""
    old = await world.revoke()
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        answer = await send("GET", redirect(world.api, f"{world.api.url}/me"))
    new = await world.token()
    assert (answer.status, world.server.grants.exchanges) == (200, 1)
    assert world.api.shown() == [f"Bearer {old}", f"Bearer {old}", f"Bearer {new}"]


async def test_the_provider_may_say_where_its_api_is(client):
    """Then nothing else is to be said."""
    async with opened_world() as first:
        rules = ApiRules(base_urls=(f"{first.api.url}/v1",))
        async with opened_world(api=rules) as world, client(world.auth, "alice") as send:
            token = await world.token()
            first.server.grants = world.server.grants
            answer = await send("GET", f"{first.api.url}/me")
            await send("GET", f"{world.api.url}/me")
    assert (answer.status, first.api.shown(), world.api.shown()) == (200, [f"Bearer {token}"], [None])


async def test_nothing_is_guessed(world, client):
    """A provider that does not say where its API is needs to be told."""
    with pytest.raises(ValueError, match="give the origins that may be shown tokens"):
        async with client(world.auth, "alice"):
            pass


def test_presets_say_where_their_api_is():
    """Not so for a server of one's own."""
    settings = {"client_id": "client", "client_secret": "s"}
    assert github_app(**settings).api.base_urls == ("https://api.github.com",)
    own = github_app(**settings, token_url="https://github.example/token")
    assert own.api.base_urls == ()


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://api.example.com", ("https", "api.example.com", 443)),
        ("https://API.example.com:443/", ("https", "api.example.com", 443)),
        ("https://api.example.com:8443", ("https", "api.example.com", 8443)),
        (URL("https://api.example.com"), ("https", "api.example.com", 443)),
        ("http://localhost:8080", ("http", "localhost", 8080)),
        ("http://127.0.0.2", ("http", "127.0.0.2", 80)),
        ("http://[::1]:8080", ("http", "::1", 8080)),
        ("wss://api.example.com", ("wss", "api.example.com", 443)),
    ],
    ids=str,
)
def test_what_is_an_origin(given, origin):
    """Scheme, host and port."""
    assert checked_origins([given]) == {origin}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("http://api.example.com", "https://"),
        ("ws://api.example.com", "https://"),
        ("http://127.0.0.1.example.com", "https://"),
        ("https://api.example.com/v1", "no path"),
        ("https://api.example.com?a=b", "no path"),
        ("https://api.example.com#a", "no path"),
        ("https://*.example.com", "no wildcards"),
        ("https://alice@api.example.com", "no user name"),
        ("https://bücher.example", "ASCII"),
        ("api.example.org", "begin with https://"),
        ("ftp://api.example.com", "begin with https://"),
        ("https:///", "name a host"),
        ("https://api.example.com:port", "valid URL"),
        ("https://[::1", "valid URL"),
        ("https://api.example.com\n.example.org", "begin with https://"),
    ],
)
def test_what_is_none(given, problem):
    """It is refused when the client is made, and not repeated."""
    with pytest.raises(ValueError, match=problem) as refused:
        checked_origins([given])
    assert given.removesuffix(".example.com") not in str(refused.value).replace("https://api.example.com", "")


def test_origins_are_a_list():
    """One text is a list of letters."""
    with pytest.raises(TypeError, match=r"origins=\[...\]"):
        checked_origins("https://api.example.com")
    with pytest.raises(TypeError, match="an origin must be a str"):
        checked_origins([None])
    with pytest.raises(ValueError, match="must not be empty"):
        checked_origins([])


def test_base_urls_have_paths():
    """What counts is their origin."""
    assert origins_below(["https://git.example:8443/gitlab"]) == {("https", "git.example", 8443)}


@pytest.mark.parametrize(
    "url", ["{extra[instance_url]}", "https://x/{access_token}", "http://api.example.com"]
)
def test_base_urls_are_the_same_for_each_link(url):
    """None may be a link's own, or in the clear."""
    with pytest.raises(ValueError, match="base_urls"):
        ApiRules(base_urls=(url,))
