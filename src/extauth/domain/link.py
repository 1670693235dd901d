"""What is kept for one user at one provider: the key, the tokens, and the marks beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias, final

import attrs

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"
"""What JSON can say, as Python's ``json`` module reads it back."""

MAX_ID_LENGTH = 255
"""Longest provider or user id, in characters (code points)."""


def storable_text(value: object, what: str) -> str:
    """Return ``value`` if every store can keep it: a ``str`` of valid Unicode without NUL.

    :raises ValueError: otherwise. The message never contains the value, which may be a secret.
    """
    if not isinstance(value, str):
        msg = f"{what} must be a str, not {type(value).__name__}"
        raise ValueError(msg)  # noqa: TRY004 - one exception type for every refused value
    if "\0" in value:
        msg = f"{what} must not contain a NUL character"
        raise ValueError(msg)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            # `from None`: the codec's error carries the whole value.
            msg = f"{what} must be valid Unicode, without lone surrogates"
            raise ValueError(msg) from None
    return value


def aware_utc(value: datetime) -> datetime:
    """Return the same instant in UTC.

    :raises ValueError: for a naive datetime, and for one before year 1 or after year 9999 in UTC.
    """
    if value.tzinfo is UTC:
        return value
    if value.utcoffset() is None:
        msg = "an instant must be an aware datetime, for example datetime.now(UTC)"
        raise ValueError(msg)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        msg = "an instant must be between the years 1 and 9999 in UTC"
        raise ValueError(msg) from None


def _identifier(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if type(value) is str and value.isascii() and 0 < len(value) <= MAX_ID_LENGTH and "\0" not in value:
        return  # almost always, and keys are made at every call
    storable_text(value, attribute.name)
    if not value:
        msg = f"{attribute.name} must not be empty"
        raise ValueError(msg)
    if len(value) > MAX_ID_LENGTH:
        msg = f"{attribute.name} must be at most {MAX_ID_LENGTH} characters, not {len(value)}"
        raise ValueError(msg)


def _access_token(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not storable_text(value, attribute.name):
        msg = "access_token must not be empty"
        raise ValueError(msg)


def _text(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    storable_text(value, attribute.name)


def _optional_text(_: object, attribute: attrs.Attribute[str | None], value: str | None) -> None:
    if value is not None:
        storable_text(value, attribute.name)


def _masked(value: object) -> str:
    return repr(value) if value is None else "'***'"


def _field_names_only(value: Mapping[str, JsonValue]) -> str:
    return "{" + ", ".join(f"{name!r}: ***" for name in value) + "}"


def _empty_is_none(value: str | None) -> str | None:
    return value or None


def _optional_instant(value: datetime | None) -> datetime | None:
    return None if value is None else aware_utc(value)


def _scopes(value: Iterable[str]) -> frozenset[str]:
    if isinstance(value, str):
        msg = "scopes must be a collection of scope names, not one str"
        raise ValueError(msg)  # noqa: TRY004 - one exception type for every refused value
    return frozenset(storable_text(scope, "scopes") for scope in value)


def _json_object(value: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    if not value:
        return {}
    given = dict(value)
    try:
        kept = json.loads(json.dumps(given, allow_nan=False))
        same = bool(kept == given)
    except (TypeError, ValueError, RecursionError):
        same, kept = False, {}
    if not same:
        msg = "extra must be JSON: str keys, and str, finite number, bool, None, list or dict values"
        raise ValueError(msg)
    return kept  # type: ignore[no-any-return]


@final
@attrs.frozen(order=True, cache_hash=True)
class LinkKey:
    """Whose tokens: one user of the application at one provider.

    Flights, leases and rows are keyed by this and never by a token. Both parts are non-empty valid
    Unicode of at most :data:`MAX_ID_LENGTH` characters, without NUL or lone surrogates.

    :raises ValueError: when a part is not.
    """

    provider_id: str = attrs.field(validator=_identifier)
    user_id: str = attrs.field(validator=_identifier)


@final
@attrs.frozen
class TokenSet:
    """One answer of a token endpoint (RFC 6749 section 5.1), as it is kept.

    Its ``repr`` shows no secret.

    :raises ValueError: for an empty access token, a naive datetime, text that is not valid Unicode
        or holds NUL, or an ``extra`` that JSON would not give back the same.
    """

    access_token: str = attrs.field(validator=_access_token, repr=_masked)
    refresh_token: str | None = attrs.field(
        default=None, converter=_empty_is_none, validator=_optional_text, repr=_masked
    )
    """``None`` or ``''`` when the provider gave none."""
    expires_at: datetime | None = attrs.field(default=None, converter=_optional_instant)
    """When the access token stops working, in UTC; ``None`` when the provider did not say."""
    scopes: frozenset[str] = attrs.field(default=frozenset(), converter=_scopes)
    """Granted scopes, where the provider named them (RFC 6749 section 3.3)."""
    token_type: str = attrs.field(default="Bearer", validator=_text)
    extra: Mapping[str, JsonValue] = attrs.field(
        factory=dict[str, JsonValue], converter=_json_object, repr=_field_names_only, hash=False
    )
    """Other members of the provider's answer that are worth keeping."""
    access_token_key_id: str | None = attrs.field(default=None, validator=_optional_text)
    """Names the key that the stored access token is encrypted with; ``None`` for plain text."""
    refresh_token_key_id: str | None = attrs.field(default=None, validator=_optional_text)
    issued_at: datetime | None = attrs.field(default=None, converter=_optional_instant)
    """When the access token was asked for, in UTC; gives its lifetime together with ``expires_at``."""

    def succeeding(self, previous: TokenSet) -> TokenSet:
        """Return these tokens as the successor of ``previous`` within one grant.

        A refresh answer may omit what did not change: the refresh token (RFC 6749 section 6), the
        scopes (section 5.1) and provider-specific members. Those are carried forward. Never use it
        across two authorizations: the new one may belong to another account.
        """
        return attrs.evolve(
            self,
            refresh_token=self.refresh_token or previous.refresh_token,
            refresh_token_key_id=(
                self.refresh_token_key_id if self.refresh_token else previous.refresh_token_key_id
            ),
            scopes=self.scopes or previous.scopes,
            extra={**previous.extra, **self.extra},
        )


@final
@attrs.frozen
class GrantOrigin:
    """The client and token endpoint that a grant belongs to.

    A refresh token is bound to the client it was issued to (RFC 6749 section 10.4) and is never sent
    to another one's endpoint.
    """

    client_id: str = attrs.field(validator=_text)
    token_endpoint: str = attrs.field(validator=_text)


@final
@attrs.frozen
class RefreshFailure:
    """A mark beside the tokens: the last refresh of ``version`` failed. It erases nothing.

    With ``retry_at`` the failure is temporary: no replica tries again before that instant. Without,
    the provider has rejected this version's refresh token and the user must authorize again.
    """

    reason: str = attrs.field(validator=_text)
    """A stable code such as ``invalid_grant``; never text of the provider's."""
    at: datetime = attrs.field(converter=aware_utc)
    version: int
    """The link's version that the failure is about; it says nothing about any other."""
    retry_at: datetime | None = attrs.field(default=None, converter=_optional_instant)
    attempts: int = 1
    """How many refreshes of this version have failed in a row, this one included."""

    @property
    def permanent(self) -> bool:
        """Whether only the user's new authorization (or an operator's undo) helps."""
        return self.retry_at is None


@final
@attrs.frozen
class PendingExchange:
    """An exchange of the link's version has begun and nobody has recorded how it ended."""

    since: datetime = attrs.field(converter=aware_utc)
    """When the oldest such exchange took its lease, by the store's clock."""
    live: bool
    """Whether a lease was live, by the store's clock, when the link was read. If not, the replica
    that held it crashed or lost the provider's answer: the refresh token may have been used up."""


@final
@attrs.frozen
class Link:
    """A user's tokens at a provider, with their version and the marks beside them.

    ``version`` starts at 1 and grows by 1 with each credential write: a saved refresh or a new
    authorization. A failure mark, a lease or a re-encryption never moves it, and a key never sees
    the same version twice, not even after an unlink.
    """

    key: LinkKey
    tokens: TokenSet
    version: int
    created_at: datetime = attrs.field(converter=aware_utc)
    updated_at: datetime = attrs.field(converter=aware_utc)
    """When the credentials were last written."""
    failure: RefreshFailure | None = None
    origin: GrantOrigin | None = None
    """The client that the grant belongs to; ``None`` if it was stored without saying."""
    pending: PendingExchange | None = None
