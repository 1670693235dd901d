"""Rows as other libraries keep them: what is a grant becomes a link, and what is none says so."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

import pytest

from extauth import Account, GrantOrigin, LinkKey, TokenSet
from extauth.adapters.importing import ALLAUTH_QUERY, allauth, authjs, authlib, better_auth, nango
from extauth.domain.imports import ImportedLink, RowRefused

AT = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
JOINED = datetime(2025, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

DJANGO_ALLAUTH_65_22_1 = """
CREATE TABLE "socialaccount_socialapp" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
 "provider" varchar(30) NOT NULL, "name" varchar(40) NOT NULL, "client_id" varchar(191) NOT NULL,
 "secret" varchar(191) NOT NULL, "key" varchar(191) NOT NULL, "provider_id" varchar(200) NOT NULL,
 "settings" text NOT NULL);
CREATE TABLE "socialaccount_socialaccount" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
 "provider" varchar(200) NOT NULL, "uid" varchar(191) NOT NULL, "last_login" datetime NOT NULL,
 "date_joined" datetime NOT NULL, "user_id" integer NOT NULL, "extra_data" text NOT NULL);
CREATE TABLE "socialaccount_socialtoken" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
 "token" text NOT NULL, "token_secret" text NOT NULL, "expires_at" datetime NULL,
 "account_id" integer NOT NULL REFERENCES "socialaccount_socialaccount" ("id"),
 "app_id" integer NULL REFERENCES "socialaccount_socialapp" ("id"));
INSERT INTO socialaccount_socialapp VALUES (1, 'google', 'g', 'client-1', 'secret', '', '', '{}');
INSERT INTO socialaccount_socialaccount VALUES
 (1, 'google', '4711', '2026-01-01 00:00:00', '2025-01-02 03:04:05.678901', 7, '{}'),
 (2, 'twitter', '4712', '2026-01-01 00:00:00', '2025-01-02 03:04:05.678901', 7, '{}');
INSERT INTO socialaccount_socialtoken VALUES
 (1, 'at-old', 'rt-old', '2026-01-01 00:00:00', 1, NULL),
 (2, 'at', 'rt', '2026-05-06 07:08:09', 1, 1),
 (3, 'oauth1', 'oauth1-secret', NULL, 2, NULL);
"""
"""As ``django-admin migrate`` makes them in SQLite, with rows as Django writes them there."""


def test_django_allauth():
    """The newest token of an account comes first; those of OAuth 1 are none of ours."""
    database = sqlite3.connect(":memory:")
    database.row_factory = sqlite3.Row
    database.executescript(DJANGO_ALLAUTH_65_22_1)
    rows = [dict(row) for row in database.execute(ALLAUTH_QUERY)]
    database.close()
    mapping = allauth(naive=UTC, origins={"google": GrantOrigin("client-1", "https://as.example/token")})
    with pytest.raises(RowRefused, match="OAuth 1"):
        mapping(rows[0])
    expected = ImportedLink(
        LinkKey("google", "7"),
        TokenSet("at", refresh_token="rt", expires_at=AT),
        origin=GrantOrigin("client-1", "https://as.example/token"),
        account=Account("4711"),
        created_at=JOINED,
    )
    assert expected == mapping(rows[1])
    assert mapping(rows[2]).tokens.refresh_token == "rt-old"


AUTHJS: dict[str, Any] = {
    "id": 1,
    "userId": 7,
    "type": "oidc",
    "provider": "google",
    "providerAccountId": "4711",
    "refresh_token": "rt",
    "access_token": "at",
    "expires_at": int(AT.timestamp()),
    "id_token": "ignored",
    "scope": "openid email",
    "session_state": None,
    "token_type": "Bearer",
}
BETTER_AUTH: dict[str, Any] = {
    "id": "a1",
    "userId": "u7",
    "accountId": "4711",
    "providerId": "google",
    "accessToken": "at",
    "refreshToken": "rt",
    "idToken": "ignored",
    "accessTokenExpiresAt": "2026-05-06T07:08:09.000Z",
    "refreshTokenExpiresAt": None,
    "scope": "openid,email",
    "password": None,
    "createdAt": JOINED,
    "updatedAt": AT,
}
NANGO: dict[str, Any] = {
    "id": 1,
    "connection_id": "c-1",
    "provider_config_key": "google",
    "provider": "google-mail",
    "created_at": "2025-01-02T03:04:05.678901Z",
    "updated_at": "2026-05-06T07:08:09.000Z",
    "end_user": {"id": "u7", "email": None},
    "credentials": {
        "type": "OAUTH2",
        "access_token": "at",
        "refresh_token": "rt",
        "expires_at": "2026-05-06T07:08:09.000Z",
        "raw": {"scope": "openid"},
    },
}
TOKEN = {
    "access_token": "at",
    "refresh_token": "rt",
    "expires_at": int(AT.timestamp()),
    "token_type": "Bearer",
    "scope": "openid email",
}
TOKENS = TokenSet("at", refresh_token="rt", expires_at=AT, scopes={"openid", "email"})
ACCOUNT = Account("4711")


@pytest.mark.parametrize(
    ("mapping", "row", "expected"),
    [
        (authjs(), AUTHJS, ImportedLink(LinkKey("google", "7"), TOKENS, account=ACCOUNT)),
        (
            authjs(),
            {**AUTHJS, "expires_at": str(AUTHJS["expires_at"])},
            ImportedLink(LinkKey("google", "7"), TOKENS, account=ACCOUNT),
        ),
        (
            better_auth(),
            BETTER_AUTH,
            ImportedLink(LinkKey("google", "u7"), TOKENS, account=ACCOUNT, created_at=JOINED, updated_at=AT),
        ),
        (
            nango(),
            NANGO,
            ImportedLink(
                LinkKey("google", "u7"),
                TokenSet("at", refresh_token="rt", expires_at=AT),
                created_at=JOINED,
                updated_at=AT,
            ),
        ),
        (
            nango(user_id="connection_id", created_at="none", updated_at="none"),
            NANGO,
            ImportedLink(LinkKey("google", "c-1"), TokenSet("at", refresh_token="rt", expires_at=AT)),
        ),
        (authlib(), {**TOKEN, "name": "google", "user_id": 7}, ImportedLink(LinkKey("google", "7"), TOKENS)),
        (
            authlib(token="token"),
            {"token": json.dumps(TOKEN), "name": "google", "user_id": 7},
            ImportedLink(LinkKey("google", "7"), TOKENS),
        ),
        (
            authlib(token="token", provider_id="service"),
            {"token": {"access_token": "at", "expires_at": 0}, "service": "google", "user_id": 7},
            ImportedLink(LinkKey("google", "7"), TokenSet("at")),
        ),
    ],
)
def test_a_grant(mapping, row, expected):
    """All that the row says of it is in the link."""
    assert expected == mapping(row)


@pytest.mark.parametrize(
    ("mapping", "row", "reason"),
    [
        (authjs(), {**AUTHJS, "type": "email"}, "its type is neither oauth nor oidc"),
        (authjs(), {**AUTHJS, "access_token": None}, "there is no access token"),
        (better_auth(), {**BETTER_AUTH, "providerId": "credential"}, "it is a password, and no grant"),
        (
            better_auth(),
            {**BETTER_AUTH, "refreshToken": "$ba$1$abc"},
            "its tokens are encrypted; give functions that decrypt them as access_token and refresh_token",
        ),
        (
            nango(),
            {**NANGO, "credentials": {"type": "API_KEY", "apiKey": "x"}},
            "it is no OAuth 2.0 connection",
        ),
        (nango(), {**NANGO, "end_user": None}, "user_id is missing"),
        (
            authlib(token="token"),
            {"token": "no json", "name": "google", "user_id": 7},
            "there is no access token",
        ),
    ],
)
def test_what_is_no_grant(mapping, row, reason):
    """It is refused with the reason."""
    with pytest.raises(RowRefused) as caught:
        mapping(row)
    assert reason == str(caught.value)
