"""The judge: what an answer of a token endpoint means for the grant. Pure.

Two mistakes are expensive: taking a failure of the client, the network or the provider for a dead
grant, and presenting a single-use token again after it was used. So the body is read before the status;
only codes on a list mean that a grant is dead; and an answer that may hide a success is ``Unknown``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import cast, final

import attrs

from extauth.adapters.oauth2.expiry import expiry
from extauth.adapters.oauth2.members import (
    error_codes,
    granted_scopes,
    read_members,
    reports_error,
    storable_json,
)
from extauth.adapters.oauth2.retry_after import retry_after
from extauth.domain.outcomes import (
    ClientRejected,
    Deferred,
    Exchanged,
    ExchangeOutcome,
    GrantRejected,
    Unknown,
)
from extauth.domain.policy import positive
from extauth.domain.storable import JsonValue
from extauth.domain.token_set import TokenSet

TEMPORARY_CODES = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
"""Codes that promise another answer later (RFC 6749 section 4.1.2.1, RFC 8628 section 3.5)."""

TRY_LATER = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS},
)
"""Statuses that say nothing about the grant, whatever the body does."""

UNRECOGNIZED = "unrecognized_error"
"""Stands for every error code that is on no list. The provider's own text goes nowhere: a faulty or
hostile one may echo the token there."""

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TOKENS = frozenset({"access_token", "refresh_token"})


def _names(values: Iterable[str]) -> frozenset[str]:
    if isinstance(values, str):
        msg = "give a collection of names, not one str"
        raise ValueError(msg)  # noqa: TRY004 - one exception type for every refused value
    return frozenset(values)


def _safe_codes(_: object, attribute: attrs.Attribute[frozenset[str]], value: frozenset[str]) -> None:
    for code in value:
        if not _CODE.fullmatch(code):
            msg = f"{attribute.name}: a code is 1 to 64 of A-Z a-z 0-9 _ . -, not {code!r}"
            raise ValueError(msg)


def _separators(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value:
        msg = f"{attribute.name} must not be empty"
        raise ValueError(msg)


def _no_tokens(_: object, attribute: attrs.Attribute[frozenset[str]], value: frozenset[str]) -> None:
    if value & _TOKENS:
        msg = f"{attribute.name} must not name a token: it would be kept where nothing masks it"
        raise ValueError(msg)


@final
@attrs.frozen(kw_only=True)
class ReplyRules:
    """How one provider's answers differ from the standard's. The defaults are the strictest case.

    :raises ValueError: for a code that could not be shown safely, an empty separator, or a lifetime
        that is not positive.
    """

    dead_codes: frozenset[str] = attrs.field(
        default=frozenset({"invalid_grant"}), converter=_names, validator=_safe_codes
    )
    """The only error codes that mean: this refresh token is dead. They win over ``client_codes``."""
    client_codes: frozenset[str] = attrs.field(
        default=frozenset(
            {
                "bad_client_secret",
                "incorrect_client_credentials",
                "invalid_client",
                "invalid_client_id",
                "invalid_client_secret",
                "invalid_request",
                "invalid_scope",
                "redirect_uri_mismatch",
                "unauthorized_client",
                "unsupported_grant_type",
            }
        ),
        converter=_names,
        validator=_safe_codes,
    )
    """Error codes that mean: the application is registered or configured wrong."""
    scope_separator: str = attrs.field(default=" ", validator=_separators)
    """Characters that part scopes in an answer; a space always does."""
    default_lifetime: timedelta | None = attrs.field(
        default=None, validator=attrs.validators.optional(positive)
    )
    """How long access tokens work where the provider does not say and nothing else tells."""
    extra_fields: frozenset[str] = attrs.field(default=frozenset(), converter=_names, validator=_no_tokens)
    """Other members of an answer to keep in ``TokenSet.extra``."""
    dead_messages: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Texts that stand where an error code should, with the code that each stands for. Such a code means
    what the lists above say of it."""
    temporary_codes: frozenset[str] = attrs.field(
        default=frozenset(), converter=_names, validator=_safe_codes
    )
    """Error codes beside the standard's that promise another answer later."""
    throttles: Mapping[str, timedelta] = attrs.field(factory=dict[str, timedelta])
    """Error codes that mean "too often", and how long to wait then."""
    scope_fields: tuple[str, ...] = ("scope",)
    """Members that may name the granted scopes, the first that does."""
    lifetime_fields: tuple[str, ...] = ("expires_in",)
    """Members that may say how many seconds the access token works."""
    lifetime_in_milliseconds: bool = False
    expiry_field: str | None = None
    """A member that says when the access token expires, in seconds since 1970."""
    refresh_lifetime_fields: tuple[str, ...] = ("refresh_token_expires_in", "refresh_expires_in")
    """Members that may say how many seconds the refresh token works."""
    companions: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict[str, tuple[str, ...]])
    """Where further grants of their own stand in the answer to a code, by the name of their link."""
    access_token_refreshes_itself: bool = False
    """There is no refresh token, and the access token is presented in its place."""


@final
@attrs.frozen
class Reply:
    """A complete answer. Its ``repr`` shows the status only: the rest may hold secrets."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    """By lower-case name."""
    body: bytes = attrs.field(repr=False)


def judge(
    reply: Reply, rules: ReplyRules, *, asked_at: datetime, previous: TokenSet | None = None
) -> ExchangeOutcome:
    """Return what the answer means (RFC 6749 sections 5.1 and 5.2). Never raises.

    ``asked_at`` is the instant just before the request was sent; ``previous`` are the tokens that were
    refreshed. Members that the provider omitted are left out of the result.
    """
    members = read_members(reply.body) or {}
    access_token = members.get("access_token")
    has_token = isinstance(access_token, str) and bool(access_token)
    failed = reports_error(members)
    wait = retry_after(reply.headers, asked_at)
    if isinstance(access_token, str) and has_token and not failed:
        tokens = _tokens(members, access_token, rules, asked_at, previous)
        return Unknown("unstorable_tokens", wait) if tokens is None else Exchanged(tokens)
    status = f"http_{reply.status}"
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # It may come after the token was used up, from whatever stands before the provider.
        return Unknown(status, wait)
    if reply.status in TRY_LATER:
        return Deferred(status, wait)
    codes = frozenset(error_codes(members))
    if dead := min(codes & rules.dead_codes, default=None):
        return GrantRejected(dead)
    if client := min(codes & rules.client_codes, default=None):
        return ClientRejected(client)
    if temporary := min(codes & TEMPORARY_CODES, default=None):
        return Deferred(temporary, wait)
    if failed:
        # With a token beside it, an error that nobody knows may still have been a success.
        return Unknown(UNRECOGNIZED, wait) if has_token else Deferred(UNRECOGNIZED, wait)
    if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        return Unknown("unreadable_reply", wait)
    return Deferred(status, wait)


def _tokens(
    members: Mapping[str, object],
    access_token: str,
    rules: ReplyRules,
    asked_at: datetime,
    previous: TokenSet | None,
) -> TokenSet | None:
    """Return the tokens, or None if no store could keep them.

    An odd optional member is left out rather than the success thrown away: the rotation has happened.
    """
    refresh_token = members.get("refresh_token")
    token_type = members.get("token_type")
    try:
        return TokenSet(
            access_token=access_token,
            refresh_token=refresh_token if isinstance(refresh_token, str) else None,
            expires_at=expiry(
                members,
                access_token=access_token,
                asked_at=asked_at,
                previous=previous,
                default=rules.default_lifetime,
            ),
            scopes=granted_scopes(members, rules.scope_separator),
            token_type=(
                token_type
                if isinstance(token_type, str) and token_type and storable_json(token_type)
                else "Bearer"
            ),
            extra=_extra(members, rules.extra_fields),
            issued_at=asked_at,
        )
    except ValueError:
        return None


def _extra(members: Mapping[str, object], names: frozenset[str]) -> dict[str, JsonValue]:
    kept = {name: members[name] for name in sorted(names & members.keys())}
    # Parsed JSON is what JsonValue says; parsing alone cannot tell the type checker.
    return cast("dict[str, JsonValue]", {name: value for name, value in kept.items() if storable_json(value)})
