"""The grant types of the token endpoint: what each asks for, and what it gives."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from collections.abc import Mapping
from typing import TypeAlias

from extauth.domain.link import Account
from extauth.testing.provider_model.families import RefreshToken, Terms, Wanted
from extauth.testing.provider_model.faults import KEEPING, Fault
from extauth.testing.provider_model.redemption import IssuedTokens
from extauth.testing.server.clients import Client
from extauth.testing.server.codes import Code
from extauth.testing.server.issue import Issue
from extauth.testing.server.refusals import Refusal
from extauth.testing.server.scopes import asked_scopes, wrong_resources
from extauth.testing.server.state import ServerState
from extauth.testing.server.token_request import missing

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

Outcome: TypeAlias = Issue | Refusal
Fields: TypeAlias = Mapping[str, str]

_BAD_REQUEST = Refusal("invalid_request")


def exchange_code(state: ServerState, client: Client, fields: Fields, resources: frozenset[str]) -> Outcome:
    """Give the first tokens for an authorization code (RFC 6749 section 4.1.3)."""
    quirks = state.quirks
    text = fields.get(quirks.code_field)
    if not text or missing(quirks.code_params, fields):
        return _BAD_REQUEST
    code = state.codes.get(text)
    if code is None or code.client is not client:
        return quirks.dead_code
    if code.gave:
        state.codes.reused += 1
        for refresh_token in code.gave:
            state.grants.revoke(refresh_token)
        return quirks.dead_code
    if state.monotonic() >= code.expires_at or not _belongs(code, fields, ignored=quirks.pkce == "ignored"):
        return quirks.dead_code
    if (wanted := _wanted(state, fields, None, code.resources, resources)) is None:
        return Refusal("invalid_target")
    offline = code.offline and not missing(quirks.offline_code_params, fields)
    if quirks.offline_code_params and not offline:
        wanted = Wanted(resources=wanted.resources, lifetime=math.inf)
    first = second = None
    if code.scopes or not code.second_scopes:
        terms = Terms(client, code.scopes, offline, code.redirect_uri, code.resources)
        first = state.grants.grant(code.account.id, state.monotonic(), terms, wanted)
    if quirks.second_grant is not None and code.second_scopes:
        terms = Terms(client, code.second_scopes, offline, code.redirect_uri, code.resources, second=True)
        second = state.grants.grant(code.account.id, state.monotonic(), terms, wanted)
    code.gave = [pair.refresh_token for pair in (first, second) if pair is not None]
    return Issue(first, code.asked_scopes, nonce=code.nonce, second=second)


def refresh(
    state: ServerState,
    client: Client,
    fields: Fields,
    resources: frozenset[str],
    *,
    fault: Fault | None,
    seen: int,
) -> Outcome:
    """Give new tokens for a refresh token (RFC 6749 section 6).

    ``seen`` is how many refresh tokens had been processed when the request arrived.
    """
    quirks, grants, now = state.quirks, state.grants, state.monotonic()
    if not (token := fields.get(quirks.refresh_field)) or missing(quirks.refresh_params, fields):
        return _BAD_REQUEST
    record = grants.record(token)
    known = record if isinstance(record, RefreshToken) else None
    terms = known.family.terms if known is not None else Terms()
    if terms.client not in (None, client):
        return quirks.dead_refresh_token
    if "redirect_uri" in quirks.refresh_params and fields["redirect_uri"] != terms.redirect_uri is not None:
        return quirks.dead_refresh_token
    asked = asked_scopes(quirks, quirks.scope_param, fields) or None
    if known is not None and asked is not None and not asked <= terms.scopes:
        return Refusal("invalid_scope")
    if (wanted := _wanted(state, fields, asked, terms.resources, resources)) is None:
        return Refusal("invalid_target")
    if known is not None and _throttled(state, known.family.number, now):
        return quirks.throttled
    if fault in KEEPING:
        redemption = grants.redeem_keeping(token, now, wanted)
    else:
        redemption = grants.redeem(token, now, wanted, seen=seen)
    if not isinstance(redemption, IssuedTokens):
        loser = quirks.pair_loser if redemption.in_a_pair else None
        return loser or quirks.dead_refresh_token
    if known is not None:
        state.refreshed_at[known.family.number].append(now)
    return Issue(redemption, asked or terms.scopes, first=False, keeps=redemption.refresh_token == token)


def poll_device(state: ServerState, client: Client, fields: Fields, resources: frozenset[str]) -> Outcome:
    """Answer a device that waits (RFC 8628 section 3.4)."""
    if not (text := fields.get("device_code")):
        return _BAD_REQUEST
    now = state.monotonic()
    code = state.devices.poll(text, client, now)
    if isinstance(code, str):
        return state.quirks.dead_code if code == "invalid_grant" else Refusal(code)
    assert isinstance(code.answer, Account)
    if (wanted := _wanted(state, fields, None, code.resources, resources)) is None:
        return Refusal("invalid_target")
    scopes = (code.scopes if code.granted is None else code.scopes & code.granted) | state.quirks.fixed_scopes
    terms = Terms(client, scopes, state.quirks.refresh_tokens, resources=code.resources)
    pair = state.grants.grant(code.answer.id, now, terms, wanted)
    code.answer = "used"
    return Issue(pair, code.scopes)


def exchange_access_token(state: ServerState, client: Client, fields: Fields) -> Outcome:
    """Give a new access token for one that works, as Facebook does instead of refreshing."""
    if not (token := fields.get(state.quirks.exchange_field)):
        return _BAD_REQUEST
    record = state.grants.record(token)
    if record is None or record.family.terms.client not in (None, client):
        return state.quirks.dead_refresh_token
    redemption = state.grants.extend(token, state.monotonic())
    if not isinstance(redemption, IssuedTokens):
        return state.quirks.dead_refresh_token
    return Issue(redemption, record.family.terms.scopes, first=False)


def _belongs(code: Code, fields: Fields, *, ignored: bool) -> bool:
    """Whether the one who brings the code is the one who asked for it (RFC 7636 section 4.6)."""
    redirect_uri = fields.get("redirect_uri")
    if redirect_uri != code.redirect_uri and (code.redirect_uri_said or redirect_uri is not None):
        return False
    verifier = fields.get("code_verifier")
    if code.challenge is None or verifier is None:
        # A verifier for a code that was asked for without a challenge: RFC 9700 section 2.1.1.
        return ignored or (code.challenge is None and verifier is None)
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return 43 <= len(verifier) <= 128 and hmac.compare_digest(digest, code.challenge)


def _wanted(
    state: ServerState,
    fields: Fields,
    scopes: frozenset[str] | None,
    allowed: frozenset[str],
    resources: frozenset[str],
) -> Wanted | None:
    """Return what the access token is asked to be; None if it cannot be for these resources."""
    if wrong_resources(state.quirks, resources) or (allowed and not resources <= allowed):
        return None
    chosen = fields.get(state.quirks.lifetime_param or "", "")
    lifetime = float(chosen) if chosen.isdecimal() and int(chosen) > 0 else None
    return Wanted(scopes, resources or allowed, lifetime)


def _throttled(state: ServerState, family: int, now: float) -> bool:
    if (limit := state.quirks.refresh_limit) is None:
        return False
    most, span = limit
    recent = [at for at in state.refreshed_at[family] if now - at < span.total_seconds()]
    return len(recent) >= most
