"""The watch sees what it is for, and each of the precautions is needed."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import threading
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import asyncpg
import pytest

from extauth import LinkNotFound, StoreUnavailable
from extauth.adapters.postgres import rows as postgres_rows
from extauth.adapters.postgres.row import Row as PostgresRow
from extauth.adapters.sqlite import unseen
from extauth.adapters.sqlite.row import Row as SqliteRow
from extauth.domain import hidden
from tests.secrecy.acts import Act, connecting, play, refreshing, registering
from tests.secrecy.breakages import changed, damaged, refusing
from tests.secrecy.canaries import Canaries
from tests.secrecy.places import place
from tests.secrecy.watch import Watch

Break = Callable[[pytest.MonkeyPatch], None]


def _showing(kind: type[Any], attribute: str) -> Break:
    return lambda patch: patch.setattr(kind, "__repr__", lambda self: repr(getattr(self, attribute)))


def _with_asyncpgs_own_rows(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PostgresRow, "__repr__", asyncpg.Record.__repr__)


def _with_the_drivers_errors(patch: pytest.MonkeyPatch) -> None:
    """Make them the cause of the store's, also where a row cannot be decoded."""

    async def fetch_all(self: Any, sql: str, parameters: Any) -> list[Any]:
        try:
            return list(await self.execute(sql, parameters))
        except sqlite3.Error as error:
            msg = "the SQLite store failed"
            raise StoreUnavailable(msg) from error

    patch.setattr(unseen.Unseen, "fetch_all", fetch_all)
    patch.setattr(unseen, "presentable", lambda error: error)


def _through_aiosqlite(patch: pytest.MonkeyPatch) -> None:
    """Give aiosqlite statements and parameters, as anybody would."""

    async def execute(self: Any, sql: str, parameters: Any = (), _: Any = None) -> list[Any]:
        given = parameters.given if isinstance(parameters, unseen.Parameters) else parameters
        return [*map(SqliteRow, await self._connection.execute_fetchall(sql, given))]

    patch.setattr(unseen.Unseen, "execute", execute)


def _in_plain_sight(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hidden.Hidden, "__repr__", lambda self: repr(self.value))


BREAKS: list[tuple[str, Break, Act, str]] = [
    ("sqlite", _through_aiosqlite, refreshing, "log of aiosqlite"),
    ("sqlite", _through_aiosqlite, connecting, "log of asyncio"),
    ("sqlite-own-connection", _showing(SqliteRow, "_values"), refreshing, "log of asyncio"),
    ("sqlite", _showing(unseen.Parameters, "given"), refusing, "error StoreUnavailable"),
    ("sqlite", _with_the_drivers_errors, damaged, "error StoreUnavailable"),
    ("postgres", _with_asyncpgs_own_rows, refreshing, "log of asyncio"),
    ("postgres-own-pool", _with_asyncpgs_own_rows, registering, "log of asyncio"),
    ("postgres", _showing(postgres_rows.Parameters, "_values"), changed, "error StoreUnavailable"),
    ("memory", _in_plain_sight, connecting, "error UnknownState"),
]


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: f"{case[0]}-{case[2].__name__}-{case[3]}")
def test_a_precaution_that_is_left_out(case: Any, monkeypatch, tmp_path, postgres_server):
    """Without it a secret is shown."""
    kind, broken, act, where = case
    watch, canaries = Watch(), Canaries()
    broken(monkeypatch)

    async def main() -> None:
        async with place(kind, tmp_path, postgres_server) as opened:
            await play(act, opened, watch, canaries)

    watch.run(main)
    assert [found for found in watch.leaks(canaries.found_in) if found.startswith(where)]


class EventEmitter:
    """Shows what it is made of."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def __repr__(self) -> str:
        return f"<{self.secret}>"

    def __del__(self) -> None:
        if self.secret:
            raise LinkNotFound(self.secret)


async def _by_log(_: Watch, secret: str) -> None:
    logging.getLogger("anybody").debug("%s", "harmless", extra={"more": secret})


async def _by_traceback(_: Watch, secret: str) -> None:
    try:
        json.loads(secret)
    except ValueError:
        logging.getLogger("anybody").exception("harmless")


async def _by_warning(_: Watch, secret: str) -> None:
    warnings.warn(secret, stacklevel=1)


async def _by_handle(_: Watch, secret: str) -> None:
    asyncio.get_running_loop().call_soon(partial(len, [secret]))
    await asyncio.sleep(0)


async def _by_result(_: Watch, secret: str) -> None:
    await asyncio.create_task(asyncio.sleep(0, result=[1] * 10 + [secret]))


async def _by_handler(_: Watch, secret: str) -> None:
    future = asyncio.get_running_loop().create_future()
    future.set_exception(LinkNotFound(secret))
    del future
    await asyncio.sleep(0)


async def _by_finalizer(_: Watch, secret: str) -> None:
    told = EventEmitter(secret)
    del told


async def _by_thread(_: Watch, secret: str) -> None:
    def fail() -> None:
        raise LinkNotFound(secret)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


async def _by_cause(watch: Watch, secret: str) -> None:
    async def fail() -> None:
        try:
            raise ValueError(secret)
        except ValueError as error:
            msg = "harmless"
            raise LinkNotFound(msg) from error

    await watch.refused(fail())


class Shy(dict[str, list[str]]):
    """Hides what is in it from nobody who looks into it."""

    def __repr__(self) -> str:
        return "Shy()"


async def _by_local_mapping(watch: Watch, secret: str) -> None:
    given: Any = Shy(inner=[secret])
    try:
        json.loads(given)
    except TypeError as error:
        watch.take("error", error)


async def _by_url(_: Watch, secret: str) -> None:
    logging.getLogger("anybody").info("GET /?token=%s", secret.replace("/", "%2F"))


WAYS = (
    _by_log,
    _by_traceback,
    _by_warning,
    _by_handle,
    _by_result,
    _by_handler,
    _by_finalizer,
    _by_thread,
    _by_cause,
    _by_local_mapping,
    _by_url,
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__[1:])
def test_the_watch_sees(way: Callable[[Watch, str], Any]):
    """A secret is found wherever it can be shown, and nothing else is."""
    watch, canaries = Watch(), Canaries()
    secret = canaries.add("secret", "sec/ret-" + "0123456789abcdef" * 2)
    other = Canaries()
    other.new("another")
    watch.run(partial(way, watch, secret))
    assert {kind for kinds in watch.leaks(canaries.found_in).values() for kind in kinds} == {"secret"}
    assert watch.leaks(other.found_in) == {}


def test_the_watch_leaves_no_trace():
    """Logging is as it was before."""
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    Watch().run(partial(asyncio.sleep, 0))
    assert (root.level, root.handlers) == before
