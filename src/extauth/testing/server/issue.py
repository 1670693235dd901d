"""What the token endpoint gives, and the members of the answer that say so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import final

import attrs

from extauth.testing.provider_model.families import AccessToken
from extauth.testing.provider_model.faults import Fault
from extauth.testing.provider_model.redemption import IssuedTokens
from extauth.testing.server.consent import filled
from extauth.testing.server.identity import id_token
from extauth.testing.server.quirks import ExpiryForm, ServerQuirks
from extauth.testing.server.scopes import told_scopes
from extauth.testing.server.state import ServerState


@final
@attrs.frozen
class Issue:
    """Tokens on their way to the client."""

    pair: IssuedTokens | None
    """None: only ``second``."""
    asked: frozenset[str]
    """The scopes that the client asked for."""
    first: bool = True
    """Whether they are the first of their grant."""
    keeps: bool = False
    """Whether the refresh token is the one that was presented."""
    nonce: str | None = attrs.field(default=None, repr=False)
    second: IssuedTokens | None = None
    """The pair of the further grant that some providers give beside the first."""


def members_of(issue: Issue, state: ServerState, fault: Fault | None) -> dict[str, object]:
    """Return the members of a successful answer (RFC 6749 section 5.1), the provider's way."""
    quirks = state.quirks
    members: dict[str, object] = {"ok": True} if quirks.error_shape == "slack" else {}
    some = issue.pair or issue.second
    assert some is not None
    access = _record(state, some)
    if issue.pair is not None:
        members |= _pair(issue.pair, state, issue, fault)
        members |= told_scopes(quirks, access.scopes, issue.asked)
        if quirks.duplicate_token is not None:
            members[quirks.duplicate_token] = issue.pair.access_token
        signed = id_token(state, access, issue.nonce, issue.pair)
        members |= {} if signed is None else {"id_token": signed}
    account = state.accounts.of(access.family.subject)
    if issue.first or not quirks.extra_members_once:
        members |= {name: filled(value, account, state.url) for name, value in quirks.extra_members.items()}
    if issue.second is not None and quirks.second_grant is not None:
        scopes = _record(state, issue.second).scopes
        nested = {"id": account.id, "scope": quirks.scope_separator.join(sorted(scopes))}
        members[quirks.second_grant] = nested | _pair(issue.second, state, issue, fault)
    return members if quirks.wrapper is None else {quirks.wrapper: members}


def _record(state: ServerState, pair: IssuedTokens) -> AccessToken:
    record = state.grants.record(pair.access_token)
    assert isinstance(record, AccessToken)
    return record


def _pair(pair: IssuedTokens, state: ServerState, issue: Issue, fault: Fault | None) -> dict[str, object]:
    quirks, now = state.quirks, state.monotonic()
    terms = _record(state, pair).family.terms
    members: dict[str, object] = {
        "access_token": pair.access_token,
        "token_type": quirks.second_token_type if terms.second else quirks.token_type,
        **_lifetime(pair.expires_at - now, state.now().timestamp(), quirks),
    }
    if terms.offline and not pair.spent and not (issue.keeps and quirks.omits_kept_refresh_token):
        members["refresh_token"] = pair.refresh_token
        left = _seconds_left(state, pair.refresh_token)
        if quirks.refresh_expiry_member is not None and left is not None:
            members[quirks.refresh_expiry_member] = left
    return _spoilt(members, fault)


def _seconds_left(state: ServerState, refresh_token: str) -> int | None:
    record = state.grants.record(refresh_token)
    assert record is not None
    left = record.expires_at - state.monotonic()
    return None if math.isinf(left) else int(round(left, 3))


def _lifetime(seconds: float, epoch: float, quirks: ServerQuirks) -> dict[str, object]:
    """Return the members that say when the access token expires."""
    if math.isinf(seconds):
        return {name: 0 for name, form in quirks.expiry.items() if form == "zero"}
    # Rounded first, since the difference of two floats may be a hair below the whole seconds. And
    # 0 would be read as "unknown", which is longer than one second.
    whole = max(int(round(seconds, 3)), 1)
    return {name: _said(form, whole, int(epoch) + whole) for name, form in quirks.expiry.items()}


def _said(form: ExpiryForm, seconds: int, expires_at: int) -> object:
    said: Mapping[ExpiryForm, object] = {
        "seconds": seconds,
        "string": str(seconds),
        "zero": 0,
        "milliseconds": seconds * 1000,
        "epoch": expires_at,
        "epoch_string": str(expires_at),
        "iso8601": datetime.fromtimestamp(expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return said[form]


def _spoilt(members: dict[str, object], fault: Fault | None) -> dict[str, object]:
    """Return the members as the fault has them."""
    match fault:
        case Fault.OMITTED_REFRESH_TOKEN:
            members.pop("refresh_token", None)
        case Fault.EMPTY_REFRESH_TOKEN:
            members["refresh_token"] = ""
        case Fault.EXPIRES_IN_MISSING:
            members.pop("expires_in", None)
        case Fault.EXPIRES_IN_STRING:
            members["expires_in"] = str(members.get("expires_in"))
        case Fault.EXPIRES_IN_ZERO:
            members["expires_in"] = 0
        case Fault.EXPIRES_IN_NEGATIVE:
            members["expires_in"] = -1
        case _:
            pass
    return members
