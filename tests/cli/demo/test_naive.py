from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import aiohttp
import attrs
import pytest

from extauth.cli.demo.messages import Attempt
from extauth.cli.demo.naive import NaiveLoop, NaiveTable, RefreshRefused, Row
from extauth.cli.demo.naive_tables import open_table
from extauth.testing import AuthorizationServer


@pytest.fixture(params=["sqlite", "postgres"])
async def table(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_dsn: str
) -> AsyncGenerator[NaiveTable, None]:
    """A fresh table in each kind of database."""
    if request.param == "sqlite":
        store = f"sqlite:///{tmp_path / 'a file.db'}".replace(" ", "%20")
    else:
        store = postgres_dsn
    async with open_table(store, "naive_rows") as table:
        await table.create()
        yield table
        await table.drop()


@pytest.fixture
async def server() -> AsyncGenerator[AuthorizationServer, None]:
    """A running server."""
    async with AuthorizationServer(access_token_lifetime=timedelta(hours=1)) as server:
        yield server


@pytest.fixture
def noted() -> list[Attempt]:
    """What the loop tells of its presentations."""
    return []


@pytest.fixture
async def loop(
    table: NaiveTable, server: AuthorizationServer, noted: list[Attempt]
) -> AsyncGenerator[NaiveLoop, None]:
    """The naive loop of one application."""
    async with aiohttp.ClientSession() as session:
        yield NaiveLoop(
            table,
            session,
            token_url=server.token_url,
            client_id=server.client_id,
            client_secret=server.client_secret,
            margin=1.0,
            replica=3,
            note=noted.append,
        )


async def test_rows_are_written_and_read_back(table: NaiveTable) -> None:
    """A row replaces the user's earlier one, and no other's."""
    await table.write("alice", Row("at-1", "rt-1", 1.5))
    await table.write("bob", Row("at-b", "rt-b", 3.5))
    await table.write("alice", Row("at-2", "", 2.5))

    assert await table.read("alice") == Row("at-2", "", 2.5)
    assert await table.read("bob") == Row("at-b", "rt-b", 3.5)
    with pytest.raises(LookupError):
        await table.read("carol")


async def test_alone_the_loop_does_its_job(
    table: NaiveTable, server: AuthorizationServer, loop: NaiveLoop
) -> None:
    """One caller gets the stored token while it lives, and a new one when it has expired."""
    row = Row.from_tokens(server.new_grant())
    await table.write("alice", row)
    assert await loop.access_token("alice") == row.access_token

    await table.write("alice", Row(row.access_token, row.refresh_token, 0.0))
    fresh = await loop.access_token("alice")

    assert server.accepts(fresh)
    stored = await table.read("alice")
    assert stored.access_token == fresh
    assert server.grants.live_refresh_tokens() == {stored.refresh_token}
    assert await loop.access_token("alice") == fresh
    assert server.grants.exchanges == 1


async def test_refused_refresh_clears_the_token(
    table: NaiveTable, server: AuthorizationServer, loop: NaiveLoop, noted: list[Attempt]
) -> None:
    """``invalid_grant`` clears the refresh token, and nothing is presented after that."""
    await table.write("alice", Row("at-1", "rt-unknown", 0.0))

    for _ in range(2):
        with pytest.raises(RefreshRefused):
            await loop.access_token("alice")

    assert (await table.read("alice")).refresh_token == ""
    assert server.grants.exchanges == 1
    assert [(each.user, each.replica, each.refused) for each in noted] == [("alice", 3, True)]


async def test_the_loop_tells_what_it_did_with_a_refresh_token(
    table: NaiveTable, server: AuthorizationServer, loop: NaiveLoop, noted: list[Attempt]
) -> None:
    """Two callers with the same row: one digest, and no token; the first is served, the second not."""
    row = attrs.evolve(Row.from_tokens(server.new_grant("alice")), expires_at=0.0)
    for _ in range(2):
        await table.write("alice", row)
        with suppress(RefreshRefused):
            await loop.access_token("alice")

    assert [each.refused for each in noted] == [False, True]
    assert len({each.token for each in noted}) == 1
    assert row.refresh_token not in repr(noted)
    instants = [at for each in noted for at in (each.presented, each.answered, each.written)]
    assert sorted(instants) == instants
    first, second = server.grants.history
    assert noted[0].presented <= first.at <= noted[0].answered <= noted[1].presented <= second.at


def test_no_token_is_in_a_repr() -> None:
    """A row shows no token when printed."""
    assert "at-1" not in repr(Row("at-1", "rt-1", 0.0))
    assert "rt-1" not in repr(Row("at-1", "rt-1", 0.0))
