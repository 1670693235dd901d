"""The tables of other libraries, as :class:`Columns`. What each stores is cited with version and date.

Every function takes the fields of :class:`Columns` as keywords, to say what is otherwise in an application.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import attrs

from extauth.adapters.importing.columns import Column, Columns, Row
from extauth.adapters.importing.values import mapping_of

ALLAUTH_QUERY: Final = """SELECT
  account.user_id, account.provider, account.uid, account.date_joined,
  token.token, token.token_secret, token.expires_at, app.client_id
FROM socialaccount_socialtoken AS token
JOIN socialaccount_socialaccount AS account ON account.id = token.account_id
LEFT JOIN socialaccount_socialapp AS app ON app.id = token.app_id
ORDER BY token.id DESC"""
"""The rows that :func:`allauth` takes; of several tokens of one account the newest comes first."""

_OAUTH1: Final = frozenset(
    {
        "500px",
        "discogs",
        "evernote",
        "flickr",
        "openstreetmap",
        "pocket",
        "trello",
        "tumblr",
        "twitter",
        "vimeo",
        "xing",
    }
)
"""Providers of django-allauth 65.22.1 that derive from its ``OAuthProvider``."""

_BETTER_AUTH_SEALED: Final = "$ba$"
"""How better-auth 1.7.25 begins what it has encrypted."""


def allauth(**fields: Any) -> Columns:
    """Take the rows of :data:`ALLAUTH_QUERY`, from django-allauth's tables.

    ``SocialToken`` has the access token as ``token`` and the refresh token as ``token_secret``; for OAuth 1
    that is another thing, so rows of those providers are refused. Tokens are there only if
    ``SOCIALACCOUNT_STORE_TOKENS`` is on; django-allauth never refreshes them itself. Django keeps times in
    UTC where ``USE_TZ`` is on, and SQLite gives them without a zone: ``naive=UTC``. The account is the row's
    ``uid``.

    Source: ``allauth/socialaccount/models.py`` of django-allauth 65.22.1, read on 2026-11-29.
    """
    return attrs.evolve(
        Columns(
            provider_id="provider",
            access_token="token",
            refresh_token="token_secret",
            account_id="uid",
            created_at="date_joined",
            checks=[_no_oauth1],
        ),
        **fields,
    )


def authjs(**fields: Any) -> Columns:
    """Take the rows of Auth.js's (NextAuth's) table of accounts.

    Its columns are those of the adapters for Postgres and others: ``userId``, ``provider``,
    ``providerAccountId``, ``refresh_token``, ``access_token``, ``expires_at`` in seconds since 1970 and
    ``scope``. Rows whose ``type`` is not ``oauth`` or ``oidc`` are refused. Auth.js writes a row at the first
    sign-in and not at later ones, and never refreshes its tokens.

    Source: ``@auth/core`` 0.41.3 ``adapters.d.ts`` and ``@auth/pg-adapter`` 1.11.3, read on 2026-11-29.
    """
    return attrs.evolve(
        Columns(
            user_id="userId",
            provider_id="provider",
            scopes="scope",
            account_id="providerAccountId",
            checks=[_oauth_type],
        ),
        **fields,
    )


def better_auth(**fields: Any) -> Columns:
    """Take the rows of better-auth's table ``account``.

    Rows of ``providerId`` ``credential``, which are passwords, are refused, and so are tokens that it has
    encrypted (``account.encryptOAuthTokens``) and begun with ``$ba$``. It has also written such as bare
    hexadecimal digits, which cannot be told from a token: if the option was ever on, give functions that
    decrypt as ``access_token`` and ``refresh_token``. Scopes are parted by commas.

    Source: ``@better-auth/core`` 1.7.25 ``db/get-tables``, ``better-auth`` 1.7.25 ``oauth2/utils`` and
    ``api/routes/callback``, read on 2026-11-29.
    """
    return attrs.evolve(
        Columns(
            user_id="userId",
            provider_id="providerId",
            access_token="accessToken",
            refresh_token="refreshToken",
            expires_at="accessTokenExpiresAt",
            refresh_token_expires_at="refreshTokenExpiresAt",
            scopes=_commas_or_spaces,
            account_id="accountId",
            created_at="createdAt",
            updated_at="updatedAt",
            checks=[_no_password, _not_sealed],
        ),
        **fields,
    )


def nango(user_id: Column = "end_user", **fields: Any) -> Columns:
    """Take connections as Nango's API gives each: ``GET /connections/{connectionId}``.

    The provider is ``provider_config_key``. The user is ``end_user.id``, or with
    ``user_id="connection_id"`` that. Connections that are no OAuth 2.0 ones are refused.

    Nango's documentation says that it refreshes an expired token when a connection is fetched. So each is
    fetched once, last of all, and none after that.

    Source: ``@nangohq/types`` 0.71.10 (``ApiPublicConnectionFull``, ``OAuth2Credentials``) and
    https://nango.dev/docs/reference/backend/http-api/connection/get, read on 2026-11-29.
    """
    return attrs.evolve(
        Columns(
            user_id=_end_user if user_id == "end_user" else user_id,
            provider_id="provider_config_key",
            access_token=_credential("access_token"),
            refresh_token=_credential("refresh_token"),
            expires_at=_credential("expires_at"),
            account_id=_nothing,
            account_login=_nothing,
            checks=[_oauth2_credentials],
        ),
        **fields,
    )


def authlib(token: str | None = None, **fields: Any) -> Columns:
    """Take the rows of a table in which an application keeps Authlib's tokens.

    Authlib leaves that table to the application: the provider is its column ``name``, unless said otherwise.
    ``token`` names a column with the whole token (``OAuth2Token``, a ``dict``, or JSON of it); without, its
    members are columns. ``expires_at`` is in seconds since 1970, and 0 stands for an unknown one.

    Source: ``authlib/oauth2/rfc6749/wrappers.py`` of Authlib 1.9.10, read on 2026-11-29.
    """
    columns = Columns(
        provider_id="name",
        access_token=_member(token, "access_token"),
        refresh_token=_member(token, "refresh_token"),
        expires_at=lambda row: _member(token, "expires_at")(row) or None,
        scopes=_member(token, "scope"),
        token_type=_member(token, "token_type"),
    )
    return attrs.evolve(columns, **fields)


def _no_oauth1(row: Row) -> str | None:
    return (
        "its provider speaks OAuth 1, which has no refresh tokens" if row.get("provider") in _OAUTH1 else None
    )


def _oauth_type(row: Row) -> str | None:
    return None if row.get("type") in {"oauth", "oidc"} else "its type is neither oauth nor oidc"


def _no_password(row: Row) -> str | None:
    return "it is a password, and no grant" if row.get("providerId") == "credential" else None


def _not_sealed(row: Row) -> str | None:
    values = (row.get("accessToken"), row.get("refreshToken"))
    sealed = any(isinstance(value, str) and value.startswith(_BETTER_AUTH_SEALED) for value in values)
    return (
        "its tokens are encrypted; give functions that decrypt them as access_token and refresh_token"
        if (sealed)
        else None
    )


def _commas_or_spaces(row: Row) -> object:
    scope = row.get("scope")
    return re.split(r"[\s,]+", scope) if isinstance(scope, str) and scope else None


def _oauth2_credentials(row: Row) -> str | None:
    kind = _within(row, "credentials", "type")
    return None if kind == "OAUTH2" else "it is no OAuth 2.0 connection"


def _end_user(row: Row) -> object:
    return _within(row, "end_user", "id")


def _nothing(_: Row) -> object:
    return None


def _credential(name: str) -> Column:
    return lambda row: _within(row, "credentials", name)


def _within(row: Row, column: str, name: str) -> object:
    named = mapping_of(row.get(column))
    return None if named is None else named.get(name)


def _member(token: str | None, name: str) -> Any:
    def member(row: Row) -> object:
        if token is None:
            return row.get(name)
        value = row.get(token)
        if isinstance(value, str | bytes):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):  # which quotes what it could not decode
                return None
        named = mapping_of(value)
        return None if named is None else named.get(name)

    return member
