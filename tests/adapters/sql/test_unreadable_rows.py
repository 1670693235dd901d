"""One row that cannot be read, in a real database: its own readers are told, and nobody else notices."""

from __future__ import annotations

import asyncio
import pickle
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime, timedelta

import asyncpg
import attrs
import pytest

from extauth import LinkKey, LinkUnreadable, StoreUnavailable, TokenService, TokenSet, open_store
from extauth.domain.due import Due, DueBy
from extauth.domain.link import Account, RefreshFailure
from extauth.domain.linking_ports import Store
from extauth.domain.outcomes import Claimed, Saved
from extauth.testing import ScriptedProvider

ALL = [LinkKey("github", f"user-{number:02}") for number in range(50)]
BAD = ALL[17]
GOOD = [key for key in ALL if key != BAD]
LATE = datetime(2040, 1, 1, tzinfo=UTC)
SOON = timedelta(minutes=5)

# By database. Of the last of SQLite's the driver gives no row.
DAMAGES = [
    pytest.param("sqlite", "oauth_access_token = ''", id="sqlite-empty-token"),
    pytest.param("sqlite", "oauth_scopes = '{'", id="sqlite-no-json"),
    pytest.param("sqlite", "oauth_extra = '" + "[" * 100_000 + "'", id="sqlite-nested"),
    pytest.param("sqlite", "oauth_access_token = x'ff4142'", id="sqlite-bytes"),
    pytest.param("sqlite", "version = 'first'", id="sqlite-no-version"),
    pytest.param("sqlite", "oauth_issued_at = 'soon'", id="sqlite-no-instant"),
    pytest.param("sqlite", "oauth_access_token = CAST(x'73656372ff' AS TEXT)", id="sqlite-no-utf8"),
    pytest.param("postgres", "oauth_access_token = ''", id="postgres-empty-token"),
    pytest.param("postgres", "oauth_scopes = '{'", id="postgres-no-json"),
    pytest.param("postgres", "oauth_extra = repeat('[', 100000)", id="postgres-nested"),
    pytest.param("postgres", "oauth_extra = '{'", id="postgres-no-extra"),
    pytest.param("postgres", "oauth_expiry = '20000-01-01'", id="postgres-far-date"),
]


@attrs.frozen
class Scene:
    """A store with fifty links, and a way to write past it."""

    store: Store
    write: Callable[[str], Awaitable[None]]

    async def spoil(self, damage: str) -> None:
        """Let another program write to the row of one link."""
        await self.write(f"UPDATE external_auth_links SET {damage} WHERE user_id = '{BAD.user_id}'")  # noqa: S608


async def database(
    kind, folder, postgres_server, closing_later
) -> tuple[str, Callable[[str], Awaitable[None]]]:
    """Return the URL of an empty database, and how another program writes to it."""
    path = folder / "links.db"

    async def write_sqlite(sql: str) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(sql)

    if kind == "sqlite":
        return f"sqlite:///{path}", write_sqlite
    dsn = await closing_later.enter_async_context(postgres_server.fresh_database())

    async def write_postgres(sql: str) -> None:
        connection = await asyncpg.connect(dsn)
        await connection.execute(sql)
        await connection.close()

    return dsn, write_postgres


@pytest.fixture
async def scene(request, tmp_path, postgres_server) -> AsyncIterator[Scene]:
    """Fifty links in a database of the kind that the test names."""
    async with AsyncExitStack() as closing_later:
        url, write = await database(request.param, tmp_path, postgres_server, closing_later)
        store = await closing_later.enter_async_context(open_store(url))
        for key in ALL:
            await store.put(key, TokenSet("at", f"rt-{key.user_id}", expires_at=LATE))
        yield Scene(store, write)


every_damage = pytest.mark.parametrize(("scene", "damage"), DAMAGES, indirect=["scene"])


def told(error: object) -> LinkKey:
    """Return which link the error names; it must show nothing of the row, nor have it in its chain."""
    assert type(error) is LinkUnreadable
    assert (error.__cause__, error.__context__) == (None, None)
    assert str(error) == (
        f"the stored link of '{error.key.user_id}' to github cannot be read; restore it, or delete it and let"
        " the user connect again"
    )
    return error.key


@every_damage
async def test_it_fails_its_own_readers_alone(scene, damage):
    """Of a hundred reads at one moment the two of that link fail, each with an error that names it."""
    await scene.spoil(damage)
    found = await asyncio.gather(*(scene.store.get(key) for key in ALL * 2), return_exceptions=True)
    read = dict(zip(ALL * 2, found, strict=True))
    assert [read[key].tokens.refresh_token for key in GOOD] == [f"rt-{key.user_id}" for key in GOOD]
    failed = [end for end in found if isinstance(end, Exception)]
    assert [told(end) for end in failed] == [BAD, BAD]
    assert failed[0] is not failed[1]


@every_damage
async def test_a_lone_read_is_told_too(scene, damage):
    """The other path, without a batch; and it is told each time."""
    await scene.spoil(damage)
    for _ in range(2):
        with pytest.raises(LinkUnreadable) as caught:
            await scene.store.get(BAD)
        assert told(caught.value) == BAD
    assert (await scene.store.get(GOOD[0])).key == GOOD[0]


@pytest.mark.parametrize(
    ("scene", "when"), [("sqlite", "'soon'"), ("postgres", "'20000-01-01'")], indirect=["scene"]
)
async def test_who_writes_it_is_told_too(scene, when):
    """What a save gives back has less of the row than a read."""
    await scene.spoil(f"created_at = {when}")
    for key in (BAD, GOOD[0]):
        outcome = (await asyncio.gather(scene.store.save(key, 1, TokenSet("at-2")), return_exceptions=True))[
            0
        ]
        assert type(outcome) is Saved if key == GOOD[0] else told(outcome) == BAD


@every_damage
async def test_upkeep_goes_on_beyond_it(scene, damage):
    """Pages are full, and all others are on them: no tokens are read."""
    await scene.spoil(damage)
    found: list[Due] = []
    while page := await scene.store.due(
        "github", DueBy.AGE, LATE, after=found[-1] if found else None, limit=10
    ):
        assert len(page) == 10
        found += page
    assert sorted(due.key for due in found) == ALL


@every_damage
async def test_a_list_is_not_shortened(scene, damage):
    """Who asks for all links of a user is told, since a part of them would be a lie."""
    await scene.spoil(damage)
    await scene.store.put(LinkKey("gitlab", BAD.user_id), TokenSet("at"))
    with pytest.raises(LinkUnreadable) as caught:
        await scene.store.links_of(BAD.user_id)
    assert told(caught.value) == BAD


@every_damage
async def test_those_who_wait_for_others_go_on_waiting(scene, damage):
    """One poll reads for all who wait: the one of that link ends, the others see what they waited for."""
    store = scene.store
    for key in (BAD, GOOD[0]):
        assert isinstance(await store.claim(key, (await store.get(key)).version, "owner", SOON), Claimed)
    versions = {key: (await store.get(key)).version for key in (BAD, GOOD[0])}
    waits = [asyncio.create_task(store.wait_for_change(key, versions[key], SOON)) for key in versions]
    await scene.spoil(damage)
    [bad] = await asyncio.gather(waits[0], return_exceptions=True)
    assert told(bad) == BAD
    await store.release(GOOD[0], versions[GOOD[0]], "owner")
    assert (await waits[1]).key == GOOD[0]


@every_damage
async def test_it_can_be_deleted_or_replaced(scene, damage):
    """A new authorization makes it whole; deleting it says what was there, and it is gone."""
    store = scene.store
    await scene.spoil(damage)
    assert (await store.put(BAD, TokenSet("new"))).tokens == TokenSet("new")
    assert (await store.get(BAD)).tokens == TokenSet("new")
    await scene.spoil(damage)
    with pytest.raises(LinkUnreadable) as caught:
        await store.delete(BAD)
    assert told(caught.value) == BAD
    assert await store.get(BAD) is None


@every_damage
async def test_writes_name_it_too(scene, damage):
    """Claims and marks return the link, so they cannot."""
    store = scene.store
    version = (await store.get(BAD)).version
    await scene.spoil(damage)
    failure = RefreshFailure("http_503", datetime.now(UTC), version, retry_at=LATE)
    for call in (
        store.claim(BAD, version, "owner", SOON),
        store.record_failure(BAD, version, failure),
        store.record_account(BAD, version, Account("1")),
    ):
        with pytest.raises(LinkUnreadable) as caught:
            await call
        assert told(caught.value) == BAD


@pytest.mark.parametrize(("scene", "damage"), [DAMAGES[0].values, DAMAGES[5].values], indirect=["scene"])
async def test_the_service_hands_it_on(scene, damage):
    """Whoever asks for that link's access token is told; all others get theirs."""
    await scene.spoil(damage)
    async with TokenService(scene.store, [ScriptedProvider("github")]) as tokens:
        asked = [tokens.access_token("github", key.user_id) for key in ALL]
        ends = await asyncio.gather(*asked, return_exceptions=True)
    assert [told(end) for end in ends if isinstance(end, Exception)] == [BAD]
    assert ends.count("at") == len(GOOD)


def test_the_error_is_one_of_the_stores():
    """Who handles a store that fails handles this too; it can be told apart, and pickled."""
    error = LinkUnreadable("unreadable", key=BAD)
    assert isinstance(error, StoreUnavailable)
    assert error.code == "link_unreadable"
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (str(copy), copy.key, copy.retry_after) == ("unreadable", BAD, None)
