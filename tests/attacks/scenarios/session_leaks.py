"""What an application's own session would add to requests, and an evil provider would read."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientRequest, ClientResponse, ClientSession, CookieJar, DummyCookieJar
from aiohttp.client_middlewares import ClientHandlerType

from extauth.adapters.oauth2 import OAuth2Provider, client_session
from extauth.adapters.oauth2.http import session as sessions
from extauth.domain.outcomes import Exchanged
from extauth.domain.token_set import TokenSet
from tests.adapters.oauth2.conftest import RawServer, Request, running_server
from tests.attacks.attack import Attack
from tests.attacks.fence import Fence

Session = Callable[[], AbstractAsyncContextManager[ClientSession]]


async def _refreshed_twice(server: RawServer, made: Session) -> list[Request]:
    server.answer(200, b'{"access_token": "at", "refresh_token": "rt"}', Set_Cookie="seen=user-1; Path=/")
    async with made() as session:
        provider = OAuth2Provider(
            "p", client_id="c", client_auth="none", token_url=server.url, session=session
        )
        for user in ("1", "2"):
            assert isinstance(await provider.refresh(TokenSet(f"at-{user}", f"rt-{user}")), Exchanged)
    return server.requests


def _attempt(header: str, made: Session) -> Callable[[Fence], Awaitable[object]]:
    async def attempt(_: Fence) -> object:
        async with running_server() as server:
            requests = await _refreshed_twice(server, made)
            return [each.headers[header] for each in requests if header in each.headers]

    return attempt


async def _fit_session(_: Fence) -> None:
    async with running_server() as server:
        made = lambda: client_session(reach="loopback", headers={"X-Request-Source": "sync"})  # noqa: E731
        requests = await _refreshed_twice(server, made)
        assert [each.headers["x-request-source"] for each in requests] == ["sync", "sync"]
        assert not {"cookie", "authorization", "x-api-key"} & {
            name for each in requests for name in each.headers
        }


def _any_session(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sessions, "_faults", lambda _: ())


async def _own_token(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    request.headers["Authorization"] = "Bearer of-the-application"
    return await handler(request)


async def _netrc(_: Fence) -> object:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        netrc = Path(folder) / "netrc"
        netrc.write_text("machine 127.0.0.1 login somebody password of-the-machine\n")
        patch.setenv("NETRC", str(netrc))
        attempt = _attempt("authorization", lambda: _session(trust_env=True))
        return await attempt(_)


def _session(**options: Any) -> ClientSession:
    return ClientSession(**{"cookie_jar": DummyCookieJar(), **options})


def _leak(name: str, source: str, attempt: Callable[[Fence], Awaitable[object]]) -> Attack:
    return Attack(
        name=f"session leak: {name}",
        source=source,
        attempt=attempt,
        honest=_fit_session,
        without_guard=_any_session,
        refused=ValueError,
    )


ATTACKS = [
    _leak(
        "a provider's cookie tells two users' refreshes from a stranger's",
        "CWE-565",
        _attempt("cookie", lambda: _session(cookie_jar=CookieJar(unsafe=True))),
    ),
    _leak("a password of .netrc goes to the provider", "CWE-522", _netrc),
    _leak(
        "the application's API key is a default header",
        "CWE-522",
        _attempt("x-api-key", lambda: _session(headers={"X-Api-Key": "of-the-application"})),
    ),
    _leak(
        "the credentials for the application's proxy are a default header",
        "CWE-522",
        _attempt("proxy-authorization", lambda: _session(headers={"Proxy-Authorization": "Basic eDp5"})),
    ),
    _leak(
        "a middleware adds the application's own token",
        "CWE-522",
        _attempt("authorization", lambda: _session(middlewares=(_own_token,))),
    ),
]
