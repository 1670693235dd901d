"""Which column of a table holds what of a link."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, TypeAlias, cast, final

import attrs

from extauth.adapters.importing.values import Epoch, id_text, optional_instant, optional_text, scopes
from extauth.domain.hidden import plain
from extauth.domain.imports import ImportedLink, RowRefused
from extauth.domain.link import Account, GrantOrigin, LinkKey
from extauth.domain.storable import JsonValue
from extauth.domain.token_set import TokenSet

Row: TypeAlias = Mapping[str, object]

Column: TypeAlias = str | Callable[[Row], object]
"""The name of a column, or a function of the row, such as one that decrypts."""

Check: TypeAlias = Callable[[Row], str | None]
"""Returns why a row is none to import, in words that repeat no value; None if it is."""


@final
@attrs.frozen(kw_only=True)
class Columns:
    """Makes a link of each row of a table; give it to :func:`~extauth.transfer.import_links` as ``mapping``.

    Every field names the column that holds it; a column that is not in the row counts as null. Instants are
    ``datetime``, numbers since 1970 in ``epoch``, or text of either; those that name no time zone are refused
    unless ``naive`` says which is meant. User ids may be whole numbers or UUIDs, too. Rows are mappings;
    ``sqlite3.Row`` and asyncpg's records are taken for such.

    :raises RowRefused: on calling it, for a row that no link can be made of.
    """

    user_id: Column = "user_id"
    provider_id: Column = "provider_id"
    access_token: Column = "access_token"
    refresh_token: Column = "refresh_token"
    expires_at: Column = "expires_at"
    scopes: Column = "scopes"
    token_type: Column = "token_type"
    issued_at: Column = "issued_at"
    refresh_token_expires_at: Column = "refresh_token_expires_at"
    account_id: Column = "account_id"
    account_login: Column = "account_login"
    client_id: Column = "client_id"
    created_at: Column = "created_at"
    updated_at: Column = "updated_at"
    extra: Sequence[str] = ()
    """Columns to keep in ``tokens.extra`` under their names, where they are not null."""
    providers: Mapping[str, str] | None = None
    """extauth's provider ids by those of the table; others are refused. None: they are the same."""
    origins: Mapping[str, GrantOrigin] = attrs.field(factory=dict[str, GrantOrigin])
    """``provider.origin`` by extauth's provider id: stored with the link, and a row that names another client
    is refused, since a refresh token is bound to its client (RFC 6749 section 10.4)."""
    scope_separator: str | None = None
    """Between scopes in one text; None for spaces."""
    epoch: Epoch = "seconds"
    naive: tzinfo | None = None
    checks: Sequence[Check] = ()

    def __call__(self, row: Row) -> ImportedLink:
        row = _by_name(row)
        for check in self.checks:
            if (why_not := check(row)) is not None:
                raise RowRefused(why_not)
        provider_id = self._provider_id(row)
        reason: str | None = None
        try:
            return self._link(row, provider_id)
        except (TypeError, ValueError) as error:
            reason = str(error)  # of the domain, whose messages repeat no value
        raise RowRefused(reason)

    def _link(self, row: Row, provider_id: str) -> ImportedLink:
        access_token = self._text(row, "access_token")
        if access_token is None:
            msg = "there is no access token"
            raise RowRefused(msg)
        tokens = TokenSet(
            access_token,
            refresh_token=self._text(row, "refresh_token"),
            expires_at=self._instant(row, "expires_at"),
            scopes=scopes(_value(row, self.scopes), "scopes", separator=self.scope_separator),
            token_type=plain(self._text(row, "token_type")) or "Bearer",
            extra=self._extra(row),
            issued_at=self._instant(row, "issued_at"),
            refresh_token_expires_at=self._instant(row, "refresh_token_expires_at"),
        )
        account_id = _value(row, self.account_id)
        account = None
        if account_id is not None:
            account = Account(
                id_text(account_id, "account_id"), login=plain(self._text(row, "account_login"))
            )
        return ImportedLink(
            LinkKey(provider_id, id_text(_value(row, self.user_id), "user_id")),
            tokens,
            origin=self._origin(row, provider_id),
            account=account,
            created_at=self._instant(row, "created_at"),
            updated_at=self._instant(row, "updated_at"),
        )

    def _provider_id(self, row: Row) -> str:
        named = id_text(_value(row, self.provider_id), "provider_id")
        if self.providers is None:
            return named
        if named not in self.providers:
            msg = f"its provider {named[:50]!r} is not among providers"
            raise RowRefused(msg)
        return self.providers[named]

    def _origin(self, row: Row, provider_id: str) -> GrantOrigin | None:
        origin = self.origins.get(provider_id)
        client_id = self._text(row, "client_id")
        if origin is not None and client_id is not None and client_id != origin.client_id:
            msg = "its tokens are another client's than that of origins"
            raise RowRefused(msg)
        return origin

    def _extra(self, row: Row) -> dict[str, JsonValue]:
        values: dict[str, Any] = {name: plain(row[name]) for name in self.extra if row.get(name) is not None}
        return values

    def _text(self, row: Row, field: str) -> str | None:
        return optional_text(_value(row, getattr(self, field)), field)

    def _instant(self, row: Row, field: str) -> datetime | None:
        value = _value(row, getattr(self, field))
        return optional_instant(value, field, epoch=self.epoch, naive=self.naive)


def _by_name(row: Row) -> Row:
    """Return a row by its columns' names, as ``sqlite3.Row`` and asyncpg's records have them, too."""
    given = cast("object", row)
    if isinstance(given, Mapping):
        return row
    if hasattr(given, "keys"):
        return dict(row)
    wanted = "give values by column: a dict, a sqlite3.Row (row_factory), or row._mapping of SQLAlchemy"
    msg = f"it is no mapping but {type(given).__name__}; {wanted}"
    raise RowRefused(msg)


def _value(row: Row, column: Column) -> object:
    return row.get(column) if isinstance(column, str) else column(row)
