from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus

import aiohttp
import pytest

from extauth.domain.token_set import TokenSet
from extauth.testing import AuthorizationServer


class Clock:
    """Monotonic seconds that only the test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
async def server(clock: Clock) -> AsyncGenerator[AuthorizationServer, None]:
    """A running server whose access tokens live 30 s."""
    async with AuthorizationServer(access_token_lifetime=timedelta(seconds=30), monotonic=clock) as server:
        yield server


@pytest.fixture
async def http() -> AsyncGenerator[aiohttp.ClientSession, None]:
    """An HTTP client."""
    async with aiohttp.ClientSession() as session:
        yield session


def client(server: AuthorizationServer) -> dict[str, str]:
    """Return the client authentication for a body."""
    return {"client_id": server.client_id, "client_secret": server.client_secret}


def refresh(tokens: TokenSet) -> dict[str, str]:
    """Return the form that presents the refresh token."""
    assert tokens.refresh_token is not None
    return {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}


async def post(
    http: aiohttp.ClientSession, url: str, form: object, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, object]]:
    """Post a form and return status and JSON."""
    async with http.post(url, data=form, headers=headers) as response:
        return response.status, await response.json()


async def api(http: aiohttp.ClientSession, server: AuthorizationServer, token: str) -> int:
    """Return the status that the API answers to this token."""
    headers = {"Authorization": f"Bearer {token}"}
    async with http.get(server.resource_url, headers=headers) as response:
        return response.status


def basic(client_id: str, secret: str) -> dict[str, str]:
    """Return a Basic header, form-encoded as RFC 6749 asks."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


async def test_new_grant_gives_tokens_that_work(
    server: AuthorizationServer, http: aiohttp.ClientSession
) -> None:
    """A new grant's access token is accepted by the API, and its expiry is the server's lifetime."""
    before = datetime.now(UTC)

    tokens = server.new_grant("alice")

    assert await api(http, server, tokens.access_token) == 200
    assert tokens.expires_at is not None
    assert before <= tokens.expires_at - timedelta(seconds=30) <= datetime.now(UTC)


async def test_refresh_gives_a_new_pair(server: AuthorizationServer, http: aiohttp.ClientSession) -> None:
    """A refresh answers as RFC 6749 section 5.1 says, with both tokens new and working."""
    tokens = server.new_grant()

    async with http.post(server.token_url, data=refresh(tokens) | client(server)) as response:
        answer = await response.json()

    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 30)
    assert answer["access_token"] != tokens.access_token
    assert server.grants.live_refresh_tokens() == {answer["refresh_token"]}
    assert await api(http, server, answer["access_token"]) == 200


async def test_reuse_revokes_the_family_and_no_other(
    server: AuthorizationServer, http: aiohttp.ClientSession
) -> None:
    """A refresh token presented twice takes its whole family with it, and only that."""
    tokens, other = server.new_grant("alice"), server.new_grant("bob")
    form = refresh(tokens) | client(server)
    _, fresh = await post(http, server.token_url, form)

    answer = await post(http, server.token_url, form)

    assert answer == (400, {"error": "invalid_grant"})
    assert await api(http, server, str(fresh["access_token"])) == 401
    assert await api(http, server, tokens.access_token) == 401
    assert await api(http, server, other.access_token) == 200
    late = {"grant_type": "refresh_token", "refresh_token": str(fresh["refresh_token"])}
    assert await post(http, server.token_url, late | client(server)) == (400, {"error": "invalid_grant"})
    grants = server.grants
    assert (grants.exchanges, grants.rotations, grants.replays, grants.families_revoked) == (3, 1, 1, 1)


async def test_concurrent_presentations_rotate_once(
    server: AuthorizationServer, http: aiohttp.ClientSession
) -> None:
    """Of many presentations at once exactly one gets a new pair."""
    form = refresh(server.new_grant()) | client(server)

    answers = await asyncio.gather(*(post(http, server.token_url, form) for _ in range(10)))

    assert sorted(status for status, _ in answers) == [200] + [400] * 9
    assert server.grants.presentations_per_rotation() == [10]


@pytest.mark.parametrize("way", ["basic", "body"])
async def test_client_authenticates_either_way(
    server: AuthorizationServer, http: aiohttp.ClientSession, way: str
) -> None:
    """The client may use HTTP Basic, form-encoded, or the body (RFC 6749 section 2.3.1)."""
    server.client_id, server.client_secret = "a client", "s:e+c%ret"
    form = refresh(server.new_grant())

    if way == "basic":
        status, _ = await post(http, server.token_url, form, basic("a client", "s:e+c%ret"))
    else:
        status, _ = await post(http, server.token_url, form | client(server))

    assert status == 200


@pytest.mark.parametrize("endpoint", ["token", "revoke"])
@pytest.mark.parametrize("given", ["nothing", "wrong secret", "wrong id", "bearer", "junk", "no colon"])
async def test_wrong_client_is_refused_and_touches_no_grant(
    server: AuthorizationServer, http: aiohttp.ClientSession, endpoint: str, given: str
) -> None:
    """An unknown client gets 401 invalid_client with a challenge, and the tokens stay alive."""
    tokens = server.new_grant()
    form = refresh(tokens) | {"token": str(tokens.refresh_token)}
    headers = {
        "nothing": {},
        "wrong secret": basic(server.client_id, "wrong"),
        "wrong id": basic("wrong", server.client_secret),
        "bearer": {"Authorization": f"Bearer {server.client_secret}"},
        "junk": {"Authorization": "Basic !"},
        "no colon": {"Authorization": "Basic YWJj"},
    }[given]

    async with http.post(f"{server.url}/{endpoint}", data=form, headers=headers) as response:
        assert (response.status, await response.json()) == (401, {"error": "invalid_client"})

    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert server.grants.exchanges == 0
    assert server.grants.live_refresh_tokens() == {tokens.refresh_token}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
        ({"refresh_token": ""}, "invalid_request"),
        ({"refresh_token": "rt-unknown"}, "invalid_grant"),
    ],
)
async def test_wrong_request_gets_the_right_error(
    server: AuthorizationServer, http: aiohttp.ClientSession, change: dict[str, str], error: str
) -> None:
    """Each mistake has its error code of RFC 6749 section 5.2, and consumes nothing."""
    tokens = server.new_grant()

    answer = await post(http, server.token_url, refresh(tokens) | client(server) | change)

    assert answer == (400, {"error": error})
    assert server.grants.live_refresh_tokens() == {tokens.refresh_token}


async def test_repeated_parameter_json_body_and_two_authentications_are_refused(
    server: AuthorizationServer, http: aiohttp.ClientSession
) -> None:
    """What RFC 6749 section 3.2 and 2.3 forbid is invalid_request."""
    form = refresh(server.new_grant()) | client(server)
    expected = (400, {"error": "invalid_request"})

    assert await post(http, server.token_url, [*form.items(), ("grant_type", "refresh_token")]) == expected
    json_type = {"Content-Type": "application/json"}
    assert await post(http, server.token_url, b"{}", json_type) == expected
    assert await post(http, server.revoke_url, b"{}", json_type) == expected
    both = basic(server.client_id, server.client_secret)
    assert await post(http, server.token_url, form, both) == expected
    assert await post(http, server.revoke_url, client(server)) == expected


async def test_revoking_an_access_token_leaves_the_grant(
    server: AuthorizationServer, http: aiohttp.ClientSession
) -> None:
    """RFC 7009: an access token is revoked alone."""
    tokens = server.new_grant()

    async with http.post(server.revoke_url, data={"token": tokens.access_token} | client(server)) as answer:
        assert answer.status == 200

    assert await api(http, server, tokens.access_token) == 401
    assert (await post(http, server.token_url, refresh(tokens) | client(server)))[0] == 200


async def test_revoking_a_refresh_token_ends_the_grant(
    server: AuthorizationServer, http: aiohttp.ClientSession
) -> None:
    """RFC 7009: a refresh token is revoked with all that came of its grant; unknown ones are fine."""
    tokens = server.new_grant()

    for token in (tokens.refresh_token, "rt-unknown"):
        async with http.post(server.revoke_url, data={"token": token} | client(server)) as answer:
            assert answer.status == 200

    assert await api(http, server, tokens.access_token) == 401
    assert server.grants.live_refresh_tokens() == frozenset()
    assert server.grants.families_revoked == 0  # it counts replays only


async def test_access_token_expires_by_the_servers_clock(
    server: AuthorizationServer, http: aiohttp.ClientSession, clock: Clock
) -> None:
    """An access token works until its lifetime is over, by the server's own monotonic clock."""
    token = server.new_grant("alice").access_token
    headers = {"Authorization": f"Bearer {token}"}

    clock.seconds += 29.9
    async with http.get(server.resource_url, headers=headers) as response:
        assert (response.status, await response.json()) == (200, {"subject": "alice"})
    assert server.accepts(token)
    clock.seconds += 2.1
    async with http.get(server.resource_url, headers=headers) as response:
        assert response.status == 401
        body = await response.json()

    assert body == {"error": "invalid_token", "expired_for": pytest.approx(2.0)}
    assert not server.accepts(token)


async def test_api_asks_for_a_bearer_token(server: AuthorizationServer, http: aiohttp.ClientSession) -> None:
    """Without a token the API answers 401 with no error, and says where its metadata are (RFC 9728)."""
    async with http.get(server.resource_url) as response:
        assert (response.status, await response.json()) == (401, {})
    challenge = f'Bearer resource_metadata="{server.resource_metadata_url}"'
    assert response.headers["WWW-Authenticate"] == challenge


class Gate:
    """Stands in for the delay: holds it until the test opens it."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(self, delay: float) -> None:
        assert delay == 0.05
        self.reached.set()
        await self.open.wait()


@pytest.mark.parametrize(("delayed", "rotated_meanwhile"), [("after", 1), ("before", 0)])
async def test_answer_is_delayed_before_or_after_processing(
    http: aiohttp.ClientSession, delayed: str, rotated_meanwhile: int
) -> None:
    """While the answer is delayed the rotation has happened, or has not, as was chosen."""
    gate = Gate()
    async with AuthorizationServer(
        answer_delay=timedelta(milliseconds=50),
        delayed="after" if delayed == "after" else "before",
        pause=gate,
    ) as server:
        form = refresh(server.new_grant()) | client(server)
        asking = asyncio.create_task(post(http, server.token_url, form))
        await gate.reached.wait()

        assert server.grants.rotations == rotated_meanwhile
        assert not asking.done()
        gate.open.set()
        assert (await asking)[0] == 200
        assert server.grants.rotations == 1


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(seconds=-1), timedelta(seconds=1.5)])
def test_lifetime_must_be_whole_seconds(lifetime: timedelta) -> None:
    """A lifetime that ``expires_in`` cannot say is refused."""
    with pytest.raises(ValueError, match="whole seconds"):
        AuthorizationServer(access_token_lifetime=lifetime)


def test_delay_must_not_be_negative() -> None:
    """A negative delay is refused."""
    with pytest.raises(ValueError, match="negative"):
        AuthorizationServer(answer_delay=timedelta(seconds=-1))


async def test_urls_are_known_only_while_it_listens() -> None:
    """Before and after ``async with`` there is no URL, and asking for one says so."""
    server = AuthorizationServer()
    with pytest.raises(RuntimeError, match="async with"):
        _ = server.token_url
    async with server:
        assert server.token_url.startswith("http://127.0.0.1:")
    with pytest.raises(RuntimeError, match="async with"):
        _ = server.revoke_url


async def test_servers_have_ports_of_their_own() -> None:
    """Two servers listen side by side, and each knows only its own grants."""
    async with AuthorizationServer() as first, AuthorizationServer() as second:
        assert first.url != second.url
        assert not second.accepts(first.new_grant().access_token)


def test_no_token_is_in_a_repr() -> None:
    """What the server hands around shows no token when printed."""
    server = AuthorizationServer()
    pair = server.grants.grant("alice", 0.0)
    assert pair.access_token not in repr(pair)
    assert pair.refresh_token not in repr(pair)


def test_one_redirect_uri_is_no_collection() -> None:
    """Its letters would be registered, and every visit refused."""
    with pytest.raises(TypeError, match=r"^redirect_uris must be a collection of URIs, not one str"):
        AuthorizationServer(redirect_uris="https://app.example/callback")
