"""Servers that many tests share."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from extauth import encrypting, open_store
from extauth.domain.linking_ports import Store
from tests.servers.postgres_server import OwnPostgresServer, PostgresServer, own_postgres, some_postgres
from tests.support.alarms import pytest_runtest_teardown  # noqa: F401 - a hook
from tests.support.used_keys import use_keys_again

# No test may depend on how fast the machine is.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# For mutants: the same few examples for each, and no time spent on making one that fails smaller.
settings.register_profile(
    "mutants",
    settings.get_profile("patient"),
    derandomize=True,
    database=None,
    max_examples=30,
    phases=(Phase.explicit, Phase.generate),
)


@pytest.fixture(autouse=True, scope="session")
def _told_of_plain_text() -> None:
    """Most tests store plain text, and only one of them would see the warning."""
    encrypting._told = True


@pytest.fixture(autouse=True, scope="session")
def _keys_are_used_again() -> Generator[None, None, None]:
    with pytest.MonkeyPatch.context() as patch:
        use_keys_again(patch)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Generator[PostgresServer, None, None]:
    """A real Postgres server, shared by all tests of this run."""
    with some_postgres() as server:
        yield server


@pytest.fixture
async def postgres_dsn(postgres_server: PostgresServer) -> AsyncGenerator[str, None]:
    """The DSN of an empty database that is dropped after the test."""
    async with postgres_server.fresh_database() as dsn:
        yield dsn


@pytest.fixture(scope="module")
def shared_postgres_dsn(postgres_server: PostgresServer) -> Generator[str, None, None]:
    """The DSN of a database with extauth's tables, which a module's tests share; each empties it first."""

    async def made(dsn: str) -> None:
        async with open_store(dsn):
            pass

    database = postgres_server.fresh_database()
    with asyncio.Runner() as runner:
        dsn = runner.run(database.__aenter__())
        try:
            runner.run(made(dsn))
            yield dsn
        finally:
            runner.run(database.__aexit__(None, None, None))


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def any_store(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_server: PostgresServer
) -> AsyncGenerator[Store, None]:
    """An empty store, of each kind that ships."""
    async with AsyncExitStack() as closing:
        url = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/links.db"}.get(request.param)
        if url is None:
            url = await closing.enter_async_context(postgres_server.database_of_a_store())
        yield await closing.enter_async_context(open_store(url))


@pytest.fixture(scope="module")
def own_postgres_server() -> Generator[OwnPostgresServer, None, None]:
    """A server that only one module's tests use, so that they may restart it."""
    with own_postgres() as server:
        yield server


_ON_DEMAND = {
    "browser": "Chromium, and the group `browser`",
    "faketime": "libfaketime",
    "haproxy": "the real HAProxy",
    "pgbouncer": "the real PgBouncer",
    "pglite": "PGlite, which npm brings",
    "pgpool": "the real pgpool-II",
    "proof": "minutes, as `make prove` has",
}


def pytest_configure(config: pytest.Config) -> None:
    """Say what our marks mean."""
    for mark, needed in _ON_DEMAND.items():
        config.addinivalue_line("markers", f"{mark}: needs {needed}; runs with -m {mark} only")
    config.addinivalue_line("markers", "root: begins processes of other users; runs for root only")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among seventeen thousand tests: neither while they are made, nor whenever one of
    them collects it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a program that is no package, or minutes, unless it is asked for; and what only
    root may do."""
    asked_for = config.getoption("markexpr")
    marks = {mark for mark in _ON_DEMAND if mark not in asked_for}
    if os.geteuid() != 0:
        marks.add("root")
    left_out = {item: None for item in items if any(mark.name in marks for mark in item.iter_markers())}
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
