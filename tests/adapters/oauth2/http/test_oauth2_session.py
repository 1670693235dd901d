"""Which sessions of an application are fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import (
    BasicAuth,
    ClientSession,
    CookieJar,
    DummyCookieJar,
    TCPConnector,
    TraceConfig,
    UnixConnector,
)

from extauth.adapters.oauth2 import OAuth2Provider, Reach, client_session
from extauth.adapters.oauth2.http.addresses import CheckedConnector
from extauth.adapters.oauth2.http.session import checked_session
from extauth.domain.outcomes import ClientRejected, Exchanged
from extauth.domain.token_set import TokenSet
from tests.adapters.oauth2.conftest import RawServer


def session(**options: object) -> ClientSession:
    """Return one that keeps no cookies, unless told otherwise."""
    return ClientSession(**{"cookie_jar": DummyCookieJar(), **options})  # type: ignore[arg-type]


async def refused(made: ClientSession, reach: Reach = "any") -> str:
    """Return the message with which it is refused."""
    async with made:
        with pytest.raises(ValueError, match=r"make it with \S+client_session\(") as caught:
            checked_session(made, reach)
    return str(caught.value)


async def middleware(request: object, handler: object) -> None:
    """Do nothing."""


UNFIT: dict[str, tuple[Callable[[], ClientSession], str]] = {
    "default cookies": (ClientSession, "keeps cookies"),
    "a jar": (lambda: session(cookie_jar=CookieJar(unsafe=True)), "keeps cookies"),
    "the environment": (lambda: session(trust_env=True), r".netrc"),
    "statuses": (lambda: session(raise_for_status=True), "raise_for_status"),
    "middlewares": (lambda: session(middlewares=(middleware,)), "has middlewares"),
}


@pytest.mark.parametrize(("made", "says"), UNFIT.values(), ids=UNFIT)
async def test_a_session_that_adds_something_is_refused(made: Callable[[], ClientSession], says: str) -> None:
    """The message says what, and how to make a fit one."""
    assert says in await refused(made())


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "authorization",
        "Proxy-Authorization",
        "Cookie",
        "X-Api-Key",
        "X-ApiKey",
        "Ocp-Apim-Subscription-Key",
        "X-Auth-Token",
        "X-Amz-Security-Token",
        "X-Password",
        "X-Signature",
        "Client-Secret",
        "X-Session-Id",
    ],
)
async def test_a_session_with_credentials_in_its_headers_is_refused(name: str) -> None:
    """By their names; what is in them is not shown."""
    message = await refused(session(headers={name: "of-the-application"}))
    assert name in message
    assert "of-the-application" not in message


@pytest.mark.parametrize(
    "name",
    ["User-Agent", "Accept-Language", "X-Request-Source", "traceparent", "Keyboard", "X-Author"],
)
async def test_a_session_with_other_headers_is_fit(name: str) -> None:
    """They are the application's to choose."""
    async with session(headers={name: "a"}) as made:
        assert checked_session(made, "any") is made


async def test_a_session_with_basic_credentials_is_refused() -> None:
    """The same for aiohttp's older way to say it."""
    with pytest.warns(DeprecationWarning, match="auth"):
        made = session(auth=BasicAuth("user", "password"))
    assert "default credentials (auth=)" in await refused(made)


async def test_everything_that_is_wrong_is_said_at_once() -> None:
    """Nobody has to try five times."""
    message = await refused(ClientSession(trust_env=True, headers={"Cookie": "a=b"}), "public")
    for says in ("default credentials (Cookie)", "keeps cookies", ".netrc", "connects to any address"):
        assert says in message


@pytest.mark.parametrize("reach", ["public", "loopback"])
async def test_a_session_that_connects_anywhere_is_refused(reach: Reach) -> None:
    """Where an address may be a stranger's, the session must be one that looks."""
    assert "connects to any address" in await refused(session(), reach)
    assert "connects to any address" in await refused(session(connector=UnixConnector("/nowhere")), reach)
    async with session() as made:
        assert checked_session(made, "any") is made


async def test_a_session_must_not_reach_further_than_its_provider() -> None:
    """A narrower one will do."""
    reaches: tuple[Reach, ...] = ("public", "loopback", "any")
    fit: list[tuple[Reach, Reach]] = []
    for own in reaches:
        for wanted in reaches:
            async with client_session(reach=own) as made:
                try:
                    checked_session(made, wanted)
                except ValueError:
                    continue
                fit.append((own, wanted))
    assert fit == [
        ("public", "public"),
        ("public", "loopback"),
        ("public", "any"),
        ("loopback", "loopback"),
        ("loopback", "any"),
        ("any", "any"),
    ]


async def test_behind_a_proxy_the_addresses_are_the_proxy_s() -> None:
    """It is the proxy that connects, and may well have a private address itself."""
    async with client_session(proxy="http://10.0.0.1:3128") as made:
        assert checked_session(made, "public") is made
        assert not isinstance(made.connector, CheckedConnector)


async def test_a_fit_session_is_made_by_one_call() -> None:
    """With trace hooks and headers of the application's."""
    hooks = TraceConfig()
    async with client_session(headers={"X-Request-Source": "sync"}, trace_configs=[hooks]) as made:
        assert checked_session(made, "public") is made
        assert made.headers["X-Request-Source"] == "sync"
        assert made.trace_configs == [hooks]
        assert not made.trust_env


async def test_a_closed_session_is_told_of_when_it_is_used() -> None:
    """Its connector is gone, and nothing can be said of it."""
    made = session(connector=TCPConnector())
    await made.close()
    assert checked_session(made, "public") is made


def test_no_session_is_fit() -> None:
    """Requests then make one of their own."""
    assert checked_session(None, "public") is None


async def test_a_reach_that_is_none_is_refused() -> None:
    """A slip must not open or close anything unseen."""
    with pytest.raises(ValueError, match="reach must be one of public, loopback, any"):
        checked_session(None, "private")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="reach must be one of"):
        client_session(reach="private")  # type: ignore[arg-type]


async def test_requests_go_through_the_proxy(server: RawServer) -> None:
    """Its password is for it alone, and an address that is written in a URL is looked at before."""
    server.answer(200, b'{"access_token": "at"}')
    proxy = f"http://user:password@127.0.0.1:{server.port}"
    tokens = TokenSet("at-0", "rt-0")
    async with client_session(proxy=proxy) as made:
        given: Any = {"client_id": "c", "client_secret": "s", "session": made}
        through = OAuth2Provider("p", token_url="http://127.0.0.1:9/token", reach="loopback", **given)
        refused = OAuth2Provider("p", token_url="http://127.0.0.1:9/token", reach="public", **given)

        assert isinstance(await through.refresh(tokens), Exchanged)
        assert await refused.refresh(tokens) == ClientRejected("address_not_allowed")

    (request,) = server.requests
    assert request.line == "POST http://127.0.0.1:9/token HTTP/1.1"
    assert request.headers["proxy-authorization"] == "Basic dXNlcjpwYXNzd29yZA=="
    assert request.headers["authorization"] == "Basic Yzpz"
