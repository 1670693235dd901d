"""What a table of the application's own holds becomes links, or a reason why not that shows no value."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from extauth import Account, GrantOrigin, LinkKey, TokenSet
from extauth.adapters.importing import Columns
from extauth.domain.imports import ImportedLink, RowRefused

AT = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
EPOCH = int(AT.timestamp())
ORIGIN = GrantOrigin("client-1", "https://as.example/token")
ROW = {"provider_id": "github", "user_id": "alice", "access_token": "at-1"}


def test_a_whole_row():
    """Every field has its column, and those that are to be kept are in extra."""
    mapping = Columns(
        user_id="uid",
        provider_id="service",
        access_token="token",
        refresh_token=lambda row: str(row["sealed"]).removeprefix("sealed:"),
        scopes="permissions",
        scope_separator=",",
        account_id="remote_id",
        account_login="remote_name",
        client_id="app",
        extra=["tenant", "missing", "empty"],
        providers={"gh": "github"},
        origins={"github": ORIGIN},
        epoch="milliseconds",
    )
    row = {
        "uid": 7,
        "service": "gh",
        "token": "at-1",
        "sealed": "sealed:rt-1",
        "permissions": "repo, user:email",
        "remote_id": 4711,
        "remote_name": "alice",
        "app": "client-1",
        "tenant": "t-1",
        "empty": None,
        "expires_at": EPOCH * 1000,
        "issued_at": AT - timedelta(hours=1),
        "refresh_token_expires_at": str(EPOCH * 1000),
        "created_at": "2026-05-06T09:08:09+02:00",
        "updated_at": "2026-05-06T07:08:09Z",
    }
    tokens = TokenSet(
        "at-1",
        refresh_token="rt-1",
        expires_at=AT,
        scopes={"repo", "user:email"},
        extra={"tenant": "t-1"},
        issued_at=AT - timedelta(hours=1),
        refresh_token_expires_at=AT,
    )
    expected = ImportedLink(
        LinkKey("github", "7"),
        tokens,
        origin=ORIGIN,
        account=Account("4711", login="alice"),
        created_at=AT,
        updated_at=AT,
    )
    assert expected == mapping(row)


def test_the_least_of_a_row():
    """Whatever is missing, null or empty was not said."""
    expected = ImportedLink(LinkKey("github", "alice"), TokenSet("at-1"))
    assert expected == Columns()(ROW)
    assert expected == Columns()({**ROW, "refresh_token": "", "expires_at": None, "scopes": None})


def test_a_row_of_a_driver():
    """A row that SQLite's driver gives is one; a tuple knows no names: it says what to give."""
    mapping = Columns(user_id="owner", provider_id=lambda row: str(row["service"]), extra=["tenant"])
    with closing(sqlite3.connect(":memory:")) as database:
        database.row_factory = sqlite3.Row
        columns = "'alice' AS owner, 'github' AS service, 'at-1' AS access_token, 't-1' AS tenant"
        row = database.execute(f"SELECT {columns}").fetchone()
    link = mapping(row)
    assert (link.key, link.tokens) == (LinkKey("github", "alice"), TokenSet("at-1", extra={"tenant": "t-1"}))
    with pytest.raises(RowRefused, match="no mapping but tuple; give values by column"):
        mapping(tuple(row))


@pytest.mark.parametrize(
    ("value", "options"),
    [
        (AT, {}),
        (AT.astimezone(timezone(timedelta(hours=5))), {}),
        (AT.replace(tzinfo=None), {"naive": UTC}),
        ("2026-05-06 07:08:09", {"naive": UTC}),
        ("2026-05-06T07:08:09.000Z", {}),
        (EPOCH, {}),
        (float(EPOCH), {}),
        (str(EPOCH), {}),
        (EPOCH * 1000, {"epoch": "milliseconds"}),
    ],
)
def test_forms_of_a_time(value, options):
    """Databases and their drivers write instants in many ways."""
    assert Columns(**options)({**ROW, "expires_at": value}).tokens.expires_at == AT


def test_ids_that_are_no_text():
    """Numbers and UUIDs are written as str() writes them."""
    number = UUID("12345678-1234-5678-1234-567812345678")
    assert str(number) == Columns()({**ROW, "user_id": number}).key.user_id


SECRET = "not-to-be-seen"
DEEP: list[Any] = []
for _ in range(5000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"access_token": None}, "there is no access token"),
        ({"access_token": b"at-1"}, "access_token is a bytes, and no text"),
        ({"access_token": "at\0"}, "access_token must not contain a NUL character"),
        ({"refresh_token": {SECRET: 1}}, "refresh_token is a dict, and no text"),
        (
            {"expires_at": SECRET},
            "expires_at is no time: neither a datetime, nor seconds since 1970, nor ISO 8601",
        ),
        (
            {"expires_at": 10**15},
            "expires_at is no time: neither a datetime, nor seconds since 1970, nor ISO 8601",
        ),
        (
            {"expires_at": True},
            "expires_at is no time: neither a datetime, nor seconds since 1970, nor ISO 8601",
        ),
        (
            {"expires_at": AT.replace(tzinfo=None)},
            "expires_at has no time zone; say which is meant: naive=UTC, or of the command --utc",
        ),
        ({"user_id": None}, "user_id is missing"),
        ({"user_id": True}, "user_id is a bool, and no text"),
        ({"user_id": "u" * 256}, "user_id must be at most 255 characters, not 256"),
        ({"provider_id": ""}, "provider_id is missing"),
        ({"provider_id": "gitlab"}, "its provider 'gitlab' is not among providers"),
        ({"client_id": "client-2"}, "its tokens are another client's than that of origins"),
        ({"scopes": 7}, "scopes is neither text nor a list of texts"),
        ({"blob": float("nan")}, None),
        ({"blob": DEEP}, None),
    ],
)
def test_a_row_that_is_not_right(changes, reason):
    """The reason names the field and what is wrong with it; the error holds no value of the row."""
    mapping = Columns(providers={"github": "github"}, origins={"github": ORIGIN}, extra=["blob"])
    with pytest.raises(RowRefused) as caught:
        mapping({**ROW, "refresh_token": SECRET, **changes})
    assert reason is None or reason == str(caught.value)
    assert SECRET not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_checks_come_first():
    """A row that is none to import says why, whatever else is wrong with it."""
    mapping = Columns(
        checks=[lambda row: None, lambda row: "it is a password" if "password" in row else None]
    )
    with pytest.raises(RowRefused, match="it is a password"):
        mapping({"password": "x"})
