"""A token that a provider's API wants in the URL is in no trace, error or log of the HTTP client."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, DummyCookieJar, TCPConnector, TraceConfig
from aiohttp.abc import AbstractResolver
from yarl import URL

from extauth import TokenSet
from extauth.adapters.oauth2 import Call, HttpTimeouts, OAuth2Provider
from extauth.adapters.oauth2.client.client_auth import ClientCredentials
from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.calls import NotMade
from extauth.adapters.oauth2.endpoints.identity import AccountPaths, IdentityRules
from extauth.adapters.oauth2.endpoints.installations import InstallationRules
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.adapters.providers import CATALOGUE
from extauth.domain.link import Account
from extauth.domain.linking_outcomes import TokenValid
from extauth.domain.outcomes import Unknown

TOKENS = TokenSet("secret/at", "secret rt")
SECRETS = ("secret", "secret%2Fat", "secret%20rt")
PRESETS = {
    preset.id: (preset.identity, preset.validation, preset.revocation, preset.installations)
    for preset in CATALOGUE.values()
}
SIGNALS = sorted(name for name in dir(TraceConfig) if name.startswith("on_"))


class Seen:
    """All that trace hooks are given."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.signals: set[str] = set()
        self.config = TraceConfig()
        for name in SIGNALS:
            getattr(self.config, name).append(self._hook(name))

    def _hook(self, signal: str) -> Any:
        async def note(_session: Any, _context: Any, parameters: Any) -> None:
            self.signals.add(signal)
            for name, value in inspect.getmembers(parameters):
                if name.startswith("_"):
                    continue
                self.texts += [repr(value), str(value)]
                if name == "response":
                    self.texts += [str(value.url), str(value.real_url), repr(value.request_info)]
                if name == "exception":
                    self.texts += [repr(vars(value)), repr(value.__cause__), repr(value.__context__)]

        return note


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What an instrumentation sees that adds its hooks to every session that is made."""
    hooks = Seen()
    make = ClientSession.__init__

    def instrumented(session: ClientSession, *arguments: Any, **options: Any) -> None:
        options["trace_configs"] = [*(options.get("trace_configs") or []), hooks.config]
        make(session, *arguments, **options)

    monkeypatch.setattr(ClientSession, "__init__", instrumented)
    return hooks


@pytest.fixture(params=["own", "given"])
async def session(request: pytest.FixtureRequest, seen: Seen) -> AsyncIterator[ClientSession | None]:
    """None for a session of each request's own, or one of the application's."""
    if request.param == "own":
        yield None
        return
    async with ClientSession(cookie_jar=DummyCookieJar()) as given:
        yield given


def provider_at(
    url: str, session: ClientSession | None, timeouts: HttpTimeouts | None = None
) -> OAuth2Provider:
    """Return a provider that wants tokens in URLs wherever it can."""
    info = Call(url=f"{url}/tokens/{{access_token}}/info?of={{access_token}}", auth="none")
    return OAuth2Provider(
        "p",
        client_id="app",
        client_auth="none",
        token_url=f"{url}/token",
        session=session,
        timeouts=timeouts or HttpTimeouts(),
        reach="any",
        identity=IdentityRules(call=info, in_answer=AccountPaths(id=("id",))),
        validation=ValidationRules(call=info),
        revocation=Revocation(
            call=Call(
                method="DELETE",
                url=f"{url}/refresh-tokens/{{refresh_token}}",
                auth="none",
                encoding="query",
                fields={"access_token": "{access_token}", "keep": "a b"},
            )
        ),
        installations=InstallationRules(
            call=Call(url=f"{url}/reached?access_token={{access_token}}", auth="none"),
            id=("id",),
            name=("name",),
        ),
    )


async def ask_all(url: str, session: ClientSession | None) -> list[Any]:
    """Call each endpoint once."""
    provider = provider_at(url, session)
    return [
        await provider.identify(TOKENS),
        await provider.validate(TOKENS),
        await provider.revoke(TOKENS),
    ]


def nothing_seen(texts: list[str]) -> bool:
    """Whether no part of a token is in any of them."""
    return not any(secret in text for text in texts for secret in SECRETS)


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All logs, at DEBUG."""
    caplog.set_level(logging.DEBUG)
    return caplog


async def test_the_provider_gets_the_token_and_traces_do_not(
    server: Any, seen: Seen, session: ClientSession | None, everything_logged: pytest.LogCaptureFixture
) -> None:
    """In a path and in a query, read and deleted."""
    server.answer(200, b'{"id": "7"}')

    answers = await ask_all(server.url.removesuffix("/token"), session)

    assert answers == [Account("7"), TokenValid(Account("7")), True]
    assert [request.line for request in server.requests] == [
        "GET /tokens/secret%2Fat/info?of=secret/at HTTP/1.1",
        "GET /tokens/secret%2Fat/info?of=secret/at HTTP/1.1",
        "DELETE /refresh-tokens/secret%20rt?access_token=secret/at&keep=a%20b HTTP/1.1",
    ]
    assert {"on_request_start", "on_request_headers_sent", "on_request_end"} <= seen.signals
    assert any("/tokens/hidden/info?of=hidden" in text for text in seen.texts)
    assert any("keep=a%20b" in text for text in seen.texts)
    assert nothing_seen(seen.texts)
    assert nothing_seen([record.getMessage() for record in everything_logged.records])


async def test_what_goes_wrong_does_not_show_it_either(
    server: Any, seen: Seen, session: ClientSession | None, unused_tcp_port: int
) -> None:
    """A port where nobody listens, a connection that is cut off, and an answer that is none."""
    answers = [b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answers[0])

    server.conversation = cut
    while answers:
        await ask_all(server.url.removesuffix("/token"), session)
        answers.pop(0)
    await ask_all(f"http://127.0.0.1:{unused_tcp_port}", session)

    assert "on_request_exception" in seen.signals
    assert nothing_seen(seen.texts)


async def test_a_failing_write_does_not_show_it(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Aiohttp words that with the URL."""
    hooks = Seen()

    async def fail(*_: Any) -> None:
        raise ConnectionResetError

    monkeypatch.setattr("extauth.adapters.oauth2.http.transport._SingleUseBody.write_with_length", fail)
    server.answer(200, b"{}")
    async with ClientSession(cookie_jar=DummyCookieJar(), trace_configs=[hooks.config]) as session:
        assert not await provider_at(server.url.removesuffix("/token"), session).revoke(TOKENS)

    assert any("Can not write request body" in text for text in hooks.texts)
    assert nothing_seen(hooks.texts)


async def test_the_next_page_is_not_shown(server: Any, seen: Seen) -> None:
    """Its URL is the provider's, who may have put the token into it."""
    base = server.url.removesuffix("/token")
    server.answer(200, b"[]", Link=f'<{base}/reached?page=2&access_token=secret>; rel="next"')
    server.answer(200, b"[]")

    assert await provider_at(base, None).installations(TOKENS) == ()

    assert server.requests[1].line == "GET /reached?page=2&access_token=secret HTTP/1.1"
    # What the answers say is in their headers as well.
    assert nothing_seen([text for text in seen.texts if text.startswith(("http", "URL("))])


@pytest.mark.parametrize("preset", PRESETS, ids=PRESETS.keys())
def test_presets_show_no_token(preset: str) -> None:
    """Those that put one into a URL are shown without it, and the host stays."""
    client = ClientCredentials("client", "hidden", "client_secret_basic")
    calls = [way.call for way in PRESETS[preset] if way is not None and way.call is not None]
    shown = []
    for call in calls:
        made = call.request(TOKENS, client, ApiRules())
        if isinstance(made, NotMade):  # for several hosts
            continue
        shown.append(made.shown_url or made.url)
        assert URL(made.url).origin() == URL(shown[-1]).origin()
    assert nothing_seen(shown)


class Silence(AbstractResolver):
    """Finds no name, and does not say so."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[Any]:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    async def close(self) -> None:
        pass


async def test_a_time_out_of_connecting_does_not_show_it(seen: Seen) -> None:
    """Aiohttp words that with the URL, too."""
    short = HttpTimeouts(connect=timedelta(milliseconds=1))
    connector = TCPConnector(resolver=Silence())
    async with ClientSession(connector=connector, cookie_jar=DummyCookieJar()) as session:
        assert await provider_at("http://localhost:9", session, short).identify(TOKENS) == Unknown(
            "connect_timeout"
        )

    assert any("Connection timeout to host" in text for text in seen.texts)
    assert nothing_seen(seen.texts)


async def test_nothing_is_replaced_where_there_is_no_token(server: Any, seen: Seen) -> None:
    """Traces tell of every other request what it was."""
    server.answer(200, b'{"access_token": "at-1"}')

    await provider_at(server.url.removesuffix("/token"), None).refresh(TOKENS)

    assert any(text == server.url for text in seen.texts)
