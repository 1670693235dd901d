"""An error that is reported with its causes and local variables shows the database's password (CWE-209)."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator
from urllib.parse import urlparse

import pytest

from extauth import ConfigurationError, open_store
from extauth.adapters.postgres import own_pool, store
from tests.attacks.attack import Attack
from tests.attacks.fence import Fence
from tests.secrecy.watch import TESTS
from tests.servers.postgres_server import own_postgres

PASSWORD = "word-of-app"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reported(error: BaseException) -> str:
    """Return what such a tool sends: texts, and local variables but for those of the test's own frames."""
    told: list[str] = []
    for each in _chain(error):
        told.append(f"{each} {each!r}")
        for frame, _ in traceback.walk_tb(each.__traceback__):
            if not frame.f_code.co_filename.startswith(TESTS):
                told += [repr(value) for value in frame.f_locals.values()]
    return "\n".join(told)


async def _odd_character(_: Fence) -> object:
    with pytest.raises((ConfigurationError, ValueError)) as caught:
        await open_store(f"postgresql://app:{PASSWORD}\u2100@127.0.0.1:1/links").__aenter__()
    return PASSWORD in _reported(caught.value)


async def _encoded_character(_: Fence) -> None:
    with pytest.raises(Exception, match="the Postgres store failed: ConnectionRefusedError"):
        await open_store(f"postgresql://app:{PASSWORD}%E2%84%80@127.0.0.1:1/links").__aenter__()


def _as_python_tells_it(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(own_pool, "checked_address", lambda _: urlparse(_.value))


async def _cut_off_while_connecting() -> None:
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(None) as limit:
            dsn = f"postgresql://app:{PASSWORD}@127.0.0.1:{port}/links"
            opening = asyncio.create_task(open_store(dsn).__aenter__())
            await asked.wait()
            limit.reschedule(0)
            await opening


async def _timed_out(_: Fence) -> object:
    with pytest.raises(TimeoutError) as caught:
        await _cut_off_while_connecting()
    return PASSWORD in _reported(caught.value)


async def _in_time(_: Fence) -> None:
    with own_postgres() as server:
        dsn = server.dsn.replace("postgres@", f"postgres:{PASSWORD}@")
        async with asyncio.timeout(60), open_store(dsn) as opened:
            assert await opened.links_of("alice") == []


def _with_the_drivers_frames(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(store, "run", lambda call: call())


ATTACKS = [
    Attack(
        name="the password of a Postgres address with an unusual character is in the reported error",
        source="CWE-209, CWE-532",
        attempt=_odd_character,
        honest=_encoded_character,
        without_guard=_as_python_tells_it,
    ),
    Attack(
        name="the password is among the local variables of a connection attempt that timed out",
        source="CWE-209, CWE-215",
        attempt=_timed_out,
        honest=_in_time,
        without_guard=_with_the_drivers_frames,
    ),
]
