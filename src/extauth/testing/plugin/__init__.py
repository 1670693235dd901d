"""The pytest plugin: fixtures for the tests of an application.

It is loaded in every run of pytest where extauth is installed. So it imports nothing before a test uses a
fixture, and changes nothing for tests that use none. Asynchronous fixtures run on the event loop of the test,
by pytest-asyncio or by anyio's plugin.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from inspect import isasyncgenfunction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from extauth.testing.plugin.backends import (
    BACKENDS,
    DSN,
    DSN_VARIABLE,
    MARK,
    NO_DSN,
    POSTGRES,
    STORES,
    asked_for,
    backends_of,
    postgres_dsn,
)

if TYPE_CHECKING:
    from extauth.auth import Auth
    from extauth.domain.linking_ports import LinkingProvider, Store
    from extauth.testing.movable_clock import MovableClock
    from extauth.testing.plugin.linking import Linker
    from extauth.testing.scripted.linking import ScriptedLinkingProvider
    from extauth.testing.server.authorization_server import AuthorizationServer

_BACKEND = "extauth_backend"
_SERVER = "extauth_server"
_PROVIDER_ID = "extauth_provider_id"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the stores to test on, where Postgres is, and what the provider is called."""
    group = parser.getgroup("extauth")
    group.addoption(
        "--extauth-stores",
        dest=STORES,
        metavar="NAMES",
        help=f"some of {','.join(BACKENDS)} (default: memory)",
    )
    group.addoption(
        "--extauth-postgres", dest=DSN, metavar="DSN", help=f"where tests on Postgres run; or {DSN_VARIABLE}"
    )
    parser.addini(STORES, "the stores that tests with extauth_store run on", type="args", default=["memory"])
    parser.addini(DSN, "where tests on Postgres run")
    parser.addini(_PROVIDER_ID, "the id of the provider that tests connect to", default="example")


def pytest_configure(config: pytest.Config) -> None:
    """Register our mark, and refuse a store that there is not."""
    config.addinivalue_line("markers", f"{MARK}(*names): on which of {', '.join(BACKENDS)} the test runs")
    try:
        asked_for(config)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each store, where there are several."""
    if _BACKEND not in metafunc.fixturenames:
        return
    try:
        names = backends_of(metafunc.config, metafunc.definition.get_closest_marker(MARK))
    except ValueError as error:
        msg = f"{metafunc.definition.nodeid}: {error}"
        raise pytest.Collector.CollectError(msg) from None
    if len(names) > 1:
        metafunc.parametrize(_BACKEND, names, indirect=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Have our asynchronous fixtures run by whoever runs the test."""
    function = fixturedef.func
    if getattr(function, "__module__", None) == __name__ and isasyncgenfunction(function):
        from extauth.testing.plugin.runners import run_as_the_test_is  # noqa: PLC0415

        run_as_the_test_is(fixturedef, request)
    return (yield)


@pytest.fixture
def extauth_backend(request: pytest.FixtureRequest) -> str:
    """The name of the store that the test runs on: ``memory``, ``sqlite`` or ``postgres``."""
    given: str | None = getattr(request, "param", None)
    return given or backends_of(request.config, request.node.get_closest_marker(MARK))[0]


@pytest.fixture
async def extauth_store_url(
    extauth_backend: str, tmp_path: Path, pytestconfig: pytest.Config
) -> AsyncGenerator[str]:
    """The URL of an empty store; on Postgres with a schema of the test's own, which is dropped afterwards."""
    from extauth.testing.plugin.stores import store_url  # noqa: PLC0415

    dsn = postgres_dsn(pytestconfig)
    if extauth_backend == POSTGRES and dsn is None:
        pytest.fail(NO_DSN, pytrace=False)
    async with store_url(extauth_backend, tmp_path, dsn or "") as url:
        yield url


@pytest.fixture
async def extauth_store(extauth_store_url: str) -> AsyncGenerator[Store]:
    """An empty store that is open, of each kind that the test runs on."""
    from extauth.opening import open_store  # noqa: PLC0415

    async with open_store(extauth_store_url, keys="plain") as store:
        yield store


@pytest.fixture
def extauth_clock() -> MovableClock:
    """The time for extauth and its providers, which ``advance(timedelta(hours=1))`` moves."""
    from extauth.testing.movable_clock import MovableClock  # noqa: PLC0415

    return MovableClock()


@pytest.fixture
def extauth_provider_id(pytestconfig: pytest.Config) -> str:
    """What the provider is called: by ``extauth_provider_id`` in pytest's configuration, or ``example``."""
    named: str = pytestconfig.getini(_PROVIDER_ID)
    return named


@pytest.fixture
def extauth_provider(extauth_provider_id: str, extauth_clock: MovableClock) -> ScriptedLinkingProvider:
    """A provider in memory, whose every answer the test decides."""
    from extauth.testing.scripted.linking import ScriptedLinkingProvider  # noqa: PLC0415

    return ScriptedLinkingProvider(extauth_provider_id, now=extauth_clock.now)


@pytest.fixture
def extauth_server_options() -> dict[str, Any]:
    """Keywords for ``extauth_server``, such as ``quirks`` and ``faults``; to be overridden."""
    return {}


@pytest.fixture
async def extauth_server(
    extauth_server_options: dict[str, Any], extauth_provider_id: str, extauth_clock: MovableClock
) -> AsyncGenerator[AuthorizationServer]:
    """An authorization server over HTTP; a test that asks for it has its users connected there."""
    from extauth.testing import AuthorizationServer  # noqa: PLC0415

    given: dict[str, Any] = {
        "redirect_uris": [f"https://app.example/callback/{extauth_provider_id}"],
        "monotonic": extauth_clock.monotonic,
        "now": extauth_clock.now,
        **extauth_server_options,
    }
    async with AuthorizationServer(**given) as server:
        yield server


@pytest.fixture
def extauth_providers(
    request: pytest.FixtureRequest, extauth_provider_id: str, extauth_clock: MovableClock
) -> list[LinkingProvider]:
    """What ``extauth_auth`` serves: a client of ``extauth_server`` where the test asks for that, and else
    ``extauth_provider``. Override it for providers of your own, and give them ``clock=extauth_clock``.
    """
    if _SERVER not in request.fixturenames:
        scripted: LinkingProvider = request.getfixturevalue("extauth_provider")
        return [scripted]
    if "extauth_provider" in request.fixturenames:
        msg = (
            "ask for extauth_provider, in memory, or extauth_server, over HTTP; or override extauth_providers"
        )
        pytest.fail(msg, pytrace=False)
    from extauth.adapters.oauth2 import OAuth2Provider  # noqa: PLC0415

    server: AuthorizationServer = request.getfixturevalue(_SERVER)
    client = OAuth2Provider(
        extauth_provider_id,
        clock=extauth_clock,
        client_id=server.client_id,
        client_secret=server.client_secret,
        authorize_url=server.authorize_url,
        token_url=server.token_url,
        revoke_url=server.revoke_url,
    )
    return [client]


@pytest.fixture
def extauth_options() -> dict[str, Any]:
    """Keywords for ``extauth.open``, such as ``policy`` and ``upkeep``; to be overridden."""
    return {}


@pytest.fixture
async def extauth_auth(
    extauth_store: Store,
    extauth_providers: list[LinkingProvider],
    extauth_clock: MovableClock,
    extauth_options: dict[str, Any],
) -> AsyncGenerator[Auth]:
    """What your application holds: an ``Auth`` that is open, and closed after the test."""
    from extauth.front_door import open as open_auth  # noqa: PLC0415

    given: dict[str, Any] = {"clock": extauth_clock, **extauth_options}
    async with open_auth(extauth_store, extauth_providers, **given) as auth:
        yield auth


@pytest.fixture
def extauth_linked(
    request: pytest.FixtureRequest, extauth_auth: Auth, extauth_providers: list[LinkingProvider]
) -> Linker:
    """Awaited with the id of a user, connects that user and returns the link."""
    from extauth.testing.plugin.linking import Linker  # noqa: PLC0415

    server = request.getfixturevalue(_SERVER) if _SERVER in request.fixturenames else None
    return Linker(extauth_auth, extauth_providers, server)
