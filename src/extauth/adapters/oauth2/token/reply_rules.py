"""How one provider's answers to token requests differ from the standard's, as data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, final

import attrs

from extauth.adapters.oauth2.reading.json_paths import Path
from extauth.adapters.oauth2.reading.member_names import snake_case
from extauth.adapters.oauth2.token.refusal_rules import ALREADY_PROCESSING, RefusalRule
from extauth.domain.linking import ACCOUNT_SEPARATOR
from extauth.domain.policy import positive

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TOKENS = frozenset({"access_token", "refresh_token"})

DEAD_CODES = frozenset({"invalid_grant"})
"""Dead everywhere (RFC 6749 section 5.2)."""

RESTART_CODES = frozenset({"bad_verification_code"})
"""An authorization code that is wrong or over, everywhere: GitHub's word for it, which others took over."""

CLIENT_CODES = frozenset(
    {
        "bad_client_secret",
        "device_flow_disabled",
        "incorrect_client_credentials",
        "invalid_client",
        "invalid_client_id",
        "invalid_client_secret",
        "invalid_request",
        "invalid_resource",
        "invalid_scope",
        "invalid_target",
        "redirect_uri_mismatch",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)
"""A wrong registration, secret or request, unless a provider is known to mean something else by it."""

TEMPORARY_CODES = frozenset({"temporarily_unavailable", "server_error", "slow_down", ALREADY_PROCESSING})
"""Codes that promise another answer later (RFC 6749 section 4.1.2.1, RFC 8628 section 3.5), and our own word
for another request with the same token."""


def _names(values: Iterable[str]) -> frozenset[str]:
    if isinstance(values, str):
        msg = "give a collection of names, not one str"
        raise ValueError(msg)  # noqa: TRY004 - one exception type for every refused value
    return frozenset(values)


def _names_in_order(values: Iterable[str]) -> tuple[str, ...]:
    ordered = tuple(values)
    _names(values)
    return ordered


def _rules(values: Iterable[RefusalRule]) -> tuple[RefusalRule, ...]:
    return tuple(values)


def _safe_codes(_: object, attribute: attrs.Attribute[Any], value: Iterable[str]) -> None:
    for code in value:
        if not _CODE.fullmatch(code):
            msg = f"{attribute.name}: a code is 1 to 64 of A-Z a-z 0-9 _ . -, not {code!r}"
            raise ValueError(msg)


def _message_codes(value: Mapping[str, str]) -> dict[str, str]:
    return {text.strip().casefold(): code for text, code in value.items()}


def _safe_mapped_codes(
    _: object, attribute: attrs.Attribute[Mapping[str, str]], value: Mapping[str, str]
) -> None:
    if "" in value:
        msg = f"{attribute.name} must not hold an empty text"
        raise ValueError(msg)
    _safe_codes(_, attribute, value.values())


def _waits(
    _: object, attribute: attrs.Attribute[Mapping[str, timedelta]], value: Mapping[str, timedelta]
) -> None:
    _safe_codes(_, attribute, value)
    if any(wait <= timedelta(0) for wait in value.values()):
        msg = f"{attribute.name} must be longer than zero"
        raise ValueError(msg)


def _companion_paths(
    _: object,
    attribute: attrs.Attribute[Any],
    value: Mapping[str, object],
) -> None:
    for name, path in value.items():
        if not name or ACCOUNT_SEPARATOR in name or not path or not isinstance(path, tuple):
            msg = (
                f"{attribute.name}: a name without {ACCOUNT_SEPARATOR!r} and a tuple of members, not {name!r}"
            )
            raise ValueError(msg)


def _separators(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value:
        msg = f"{attribute.name} must not be empty"
        raise ValueError(msg)


def _no_tokens(_: object, attribute: attrs.Attribute[frozenset[str]], value: frozenset[str]) -> None:
    if any(snake_case(name) in _TOKENS for name in value):
        msg = f"{attribute.name} must not name a token: it would be kept where nothing masks it"
        raise ValueError(msg)


@final
@attrs.frozen(kw_only=True)
class ReplyRules:
    """How one provider's answers differ from the standard's. The defaults are the strictest case.

    :raises ValueError: for a code that could not be shown safely, an empty separator, a span that is not
        positive, a message or refusal whose code is on no list, or a companion without a name or a place.
    """

    dead_codes: frozenset[str] = attrs.field(default=DEAD_CODES, converter=_names, validator=_safe_codes)
    """The only error codes that mean: this refresh token is dead. They win over ``client_codes``."""
    restart_codes: frozenset[str] = attrs.field(
        default=RESTART_CODES, converter=_names, validator=_safe_codes
    )
    """Error codes beside those that mean: this authorization code is wrong or over. They say nothing of
    a refresh token."""
    client_codes: frozenset[str] = attrs.field(default=CLIENT_CODES, converter=_names, validator=_safe_codes)
    """Error codes that mean: the application is registered or configured wrong."""
    link_codes: frozenset[str] = attrs.field(
        default=frozenset[str](), converter=_names, validator=_safe_codes
    )
    """Error codes that are one user's or one tenant's trouble, whatever code stands beside them. They win
    over ``client_codes``: the link is tried again later, and nothing is concluded about the application."""
    scope_separator: str = attrs.field(default=" ", validator=_separators)
    """Characters that part scopes in an answer; white space always does."""
    default_lifetime: timedelta | None = attrs.field(
        default=None, validator=attrs.validators.optional(positive)
    )
    """How long access tokens work where the provider does not say and nothing else tells."""
    extra_fields: frozenset[str] = attrs.field(default=frozenset(), converter=_names, validator=_no_tokens)
    """Other members of an answer to keep in ``TokenSet.extra``, without any tokens inside them."""
    dead_messages: Mapping[str, str] = attrs.field(
        factory=dict[str, str], converter=_message_codes, validator=_safe_mapped_codes
    )
    """Texts that stand where an error code should, with the code that each stands for. Such a code means
    what the lists here say of it. A text must match whole, but for case and white space around it."""
    refusals: tuple[RefusalRule, ...] = attrs.field(default=(), converter=_rules)
    """Refusals that no code tells: an empty body, a bare status, a plain text, members that mean something
    together only. The first that describes an answer counts."""
    temporary_codes: frozenset[str] = attrs.field(
        default=frozenset[str](), converter=_names, validator=_safe_codes
    )
    """Error codes beside the standard's that promise another answer later."""
    throttles: Mapping[str, timedelta] = attrs.field(factory=dict[str, timedelta], validator=_waits)
    """Error codes that mean "too often", and how long to wait if the answer does not say. They win over all
    others: like status 429 they say nothing about the grant. The wait is that grant's alone."""
    scope_fields: tuple[str, ...] = attrs.field(default=("scope",), converter=_names_in_order)
    """Members that may name the granted scopes, the first that does."""
    lifetime_fields: tuple[str, ...] = attrs.field(default=("expires_in",), converter=_names_in_order)
    """Members that may say how many seconds the access token works, the first that does."""
    lifetime_in_milliseconds: bool = False
    """Whether ``lifetime_fields`` count milliseconds."""
    expiry_field: str | None = "expires_at"
    """A member that says when the access token expires, in seconds since 1970 or as a date and time
    (ISO 8601, UTC if it names no offset). It depends on the clocks of both sides, so a lifetime is believed
    first."""
    refresh_lifetime_fields: tuple[str, ...] = attrs.field(
        default=("refresh_token_timeout", "refresh_token_expires_in", "refresh_expires_in"),
        converter=_names_in_order,
    )
    """Members that may say how many seconds the refresh token works, the first that does
    (``refresh_token_timeout``: draft-ietf-oauth-refresh-token-expiration-03)."""
    refresh_expiry_field: str | None = "refresh_token_expires_at"
    """A member that says when the refresh token expires, as ``expiry_field`` does; a lifetime is believed
    first."""
    grant_lifetime_fields: tuple[str, ...] = attrs.field(
        default=("authorization_expires_in",), converter=_names_in_order
    )
    """Members that may say for how many seconds the user's authorization lasts, however often it is refreshed
    (draft-ietf-oauth-refresh-token-expiration-03). No refresh token outlives it."""
    tokens_at: Path = ()
    """Where in an answer the object stands that has the tokens and what goes with them, as in Withings'
    ``{"status": 0, "body": {...}}``. Members of the answer itself count where that has none."""
    companions: Mapping[str, tuple[str, ...]] = attrs.field(
        factory=dict[str, tuple[str, ...]], validator=_companion_paths
    )
    """Where further grants of their own stand in the answer to a code, by the name of their link."""
    access_token_refreshes_itself: bool = False
    """There is no refresh token, and the access token is presented in its place: it is kept as both."""

    def __attrs_post_init__(self) -> None:
        known = (
            self.dead_codes | self.restart_codes | self.client_codes | self.temporary_codes | TEMPORARY_CODES
        )
        for name, codes in (
            ("dead_messages", self.dead_messages.values()),
            ("refusals", [rule.code for rule in self.refusals]),
        ):
            if unknown := frozenset(codes) - known - self.throttles.keys():
                msg = f"{name}: {', '.join(sorted(unknown))} is on no list of codes"
                raise ValueError(msg)
