"""Rows in slices, and those that another program has written, in a real file."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing

import pytest

from extauth import LinkKey, TokenSet
from extauth.adapters.sql.sealed_rows import SLICE
from extauth.adapters.sqlite import SqliteLinkStore
from extauth.testing.contract.sealed_rows import sealed, under

MANY = 2 * SLICE

NUMBERS = f"""WITH RECURSIVE numbers (number) AS
(SELECT 10001 UNION ALL SELECT number + 1 FROM numbers LIMIT {MANY})"""  # noqa: S608 - of the tests' own


@pytest.fixture
async def store(tmp_path):
    """A store on an empty file."""
    async with SqliteLinkStore.open(tmp_path / "links.db") as store:
        yield store


@pytest.fixture
def database(store, tmp_path):
    """The same file."""
    with closing(sqlite3.connect(tmp_path / "links.db", isolation_level=None)) as database:
        yield database


async def test_each_of_several_slices_is_counted_once(store, database):
    """Also where the last slice is a whole one."""
    of_each = {
        "external_auth_registrations": {
            "name": "number",
            "issuer": "'https://as.example'",
            "client_id": "'client'",
            "client_secret": f"CASE number % 2 WHEN 0 THEN '{sealed('k1')}' END",
            "registration_token": f"'{sealed('k2')}'",
            "client_auth": "'none'",
            "redirect_uris": "'[]'",
        },
        "external_auth_authorizations": {
            "state_hash": "number",
            "provider_id": "'github'",
            "user_id": "'alice'",
            "redirect_uri": "'https://app.example'",
            "salt": f"'{sealed('k1')}'",
            "scopes": "'[]'",
            "resources": "'[]'",
            "expires_at": "number",
        },
    }
    for table, values in of_each.items():
        columns, expressions = ", ".join(values), ", ".join(values.values())
        sql = f"{NUMBERS} INSERT INTO {table} ({columns}) SELECT {expressions} FROM numbers"  # noqa: S608
        database.execute(sql)
    counts = await store.sealed.count()
    assert dict(counts.registrations) == {
        frozenset({"k1", "k2"}): MANY // 2,
        frozenset({"k2"}): MANY // 2,
    }
    assert dict(counts.authorizations) == {frozenset({"k1"}): MANY}
    assert await store.sealed.registrations("k2") == [f"{number}" for number in range(10002, 10001 + MANY, 2)]


async def test_each_link_of_several_slices_is_found_once(store, database):
    """Wherever one ends: here with the first link of a provider. Nor is the first of all passed over."""
    await store.put(LinkKey("A", "a"), under("k2"))
    columns = [name for _, name, *_ in database.execute("PRAGMA table_info(external_auth_links)")]
    places = {
        "provider_id": f"CASE WHEN number < {10000 + SLICE - 1} THEN 'github' ELSE 'gitlab' END",
        "user_id": f"CASE WHEN number < {10000 + SLICE - 1} THEN number ELSE number - {SLICE} END",
    }
    selected = ", ".join(places.get(name, name) for name in columns)
    sql = f"{NUMBERS} INSERT INTO external_auth_links SELECT {selected} FROM external_auth_links, numbers"  # noqa: S608
    database.execute(sql)
    keys = [LinkKey(*row) for row in database.execute("SELECT provider_id, user_id FROM external_auth_links")]
    assert len(keys) == 1 + MANY
    assert sorted(keys)[SLICE - 1] == min(key for key in keys if key.provider_id == "gitlab")
    assert await store.sealed.links("k1", limit=2 * MANY) == sorted(keys)
    assert dict((await store.sealed.count()).links) == {frozenset({"k2"}): 1 + MANY}


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("oauth_extra", "{"),
        ("oauth_extra", "[]"),
        ("oauth_extra", "[" * 100_000),
        ("oauth_resource_tokens", "{"),
        ("oauth_resource_tokens", '{"https://a.example": {"expiry": 1}}'),
        ("oauth_resource_tokens", '{"https://a.example": 1}'),
    ],
)
async def test_of_a_row_that_cannot_be_read_more_than_its_tokens_may_be_sealed(store, database, column, text):
    """Which keys, nobody can say; so it is never taken for one that is under a key already."""
    key = LinkKey("github", "alice")
    await store.put(key, TokenSet(sealed("k1"), sealed("k2"), extra={"id": sealed("k1")}))
    await store.put(LinkKey("github", "bob"), under("k1"))
    sql = f"UPDATE external_auth_links SET {column} = ? WHERE user_id = 'alice'"  # noqa: S608
    database.execute(sql, (text,))
    counts = dict((await store.sealed.count()).links)
    assert counts == {frozenset({"k1"}): 1, frozenset({"k1", "k2", ""}): 1}
    assert await store.sealed.links("k1") == [key]


async def test_a_link_whose_ids_cannot_be_read_is_left_out(store, database, caplog):
    """Nobody could encrypt it anew; it is counted all the same, and told of without them."""
    await store.put(LinkKey("github", "alice"), under("k1"))
    database.execute("UPDATE external_auth_links SET user_id = ''")
    with caplog.at_level(logging.ERROR, "extauth"):
        assert await store.sealed.links("k2") == []
    assert dict((await store.sealed.count()).links) == {frozenset({"k1"}): 1}
    assert [record.getMessage() for record in caplog.records] == [
        "key rotation leaves out a link whose ids another program wrote"
    ]
