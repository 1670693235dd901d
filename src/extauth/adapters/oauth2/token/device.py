"""What the answers of the device flow mean (RFC 8628). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from extauth.adapters.oauth2.http.reply import TRY_LATER, Reply
from extauth.adapters.oauth2.reading.json_kinds import is_filled
from extauth.adapters.oauth2.reading.members import (
    error_codes,
    error_messages,
    reports_error,
    storable_json,
)
from extauth.adapters.oauth2.reading.redirects import is_redirect
from extauth.adapters.oauth2.token.expiry import lifetime
from extauth.adapters.oauth2.token.judge import judge_refusal
from extauth.adapters.oauth2.token.reply_rules import ReplyRules
from extauth.domain.linking import DeviceCodes
from extauth.domain.linking_outcomes import (
    BeginDeviceOutcome,
    CodeExpired,
    Denied,
    IdTokenRejected,
    PollOutcome,
    StillPending,
)
from extauth.domain.outcomes import ClientRejected, Exchanged, ExchangeOutcome, GrantRejected

DEFAULT_INTERVAL: Final = timedelta(seconds=5)
"""Between polls, where the provider names none (RFC 8628 section 3.2)."""

SHORTEST_INTERVAL: Final = timedelta(seconds=1)
"""A server that names less would have itself asked without pause, by the application."""

_DENIED: Final = frozenset({"access_denied", "authorization_declined", "consent_required"})
_EXPIRED: Final = frozenset({"expired_token", "incorrect_device_code", "bad_verification_code"})


def judge_device_codes(reply: Reply, rules: ReplyRules, *, asked_at: datetime) -> BeginDeviceOutcome:
    """Return the codes in an answer of the device endpoint (RFC 8628 section 3.2), or why there are none.

    ``verification_url`` counts as ``verification_uri``, as Google says it. It must be a web address, since it
    is shown to the user as one. Never raises.
    """
    members = reply.members()
    codes = None if reports_error(members) else _device_codes(members)
    if codes is not None:
        return codes
    refusal = judge_refusal(reply, rules, asked_at=asked_at)
    # There is no grant yet that could be dead.
    return ClientRejected(refusal.code) if isinstance(refusal, GrantRejected) else refusal


def _device_codes(members: Mapping[str, object]) -> DeviceCodes | None:
    device_code, user_code = members.get("device_code"), members.get("user_code")
    uri = _web_address(members.get("verification_uri")) or _web_address(members.get("verification_url"))
    expires_in = lifetime(members.get("expires_in"))
    if not is_filled(device_code) or not is_filled(user_code) or uri is None or expires_in is None:
        return None
    if not storable_json([device_code, user_code]) or not is_shown_safely(user_code):
        return None
    return DeviceCodes(
        device_code=device_code,
        user_code=user_code,
        verification_uri=uri,
        verification_uri_complete=_web_address(members.get("verification_uri_complete")),
        expires_in=expires_in,
        interval=max(lifetime(members.get("interval")) or DEFAULT_INTERVAL, SHORTEST_INTERVAL),
    )


def is_shown_safely(text: str) -> bool:
    """Whether text can be shown to the user, be it on a terminal: no line ends and no control characters."""
    return text.isprintable()


def _web_address(value: object) -> str | None:
    if is_filled(value) and value.startswith(("https://", "http://")) and is_shown_safely(value):
        return value
    return None


def judge_poll(reply: Reply, judged: ExchangeOutcome | IdTokenRejected) -> PollOutcome:
    """Return what the answer to a poll means (RFC 8628 section 3.5), given what the judge of any token answer
    made of it. The codes count with whatever status, as GitHub sends them with 200, and as a message, as
    Twitch has them. Never raises.
    """
    outcome: PollOutcome = CodeExpired() if isinstance(judged, GrantRejected) else judged
    if isinstance(judged, (Exchanged, IdTokenRejected)) or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return outcome
    if is_redirect(reply.status):
        return outcome
    members = reply.members()
    codes = frozenset((*error_codes(members), *error_messages(members)))
    if "slow_down" in codes:
        # GitHub says the new interval, which a process that was restarted may have fallen behind.
        return StillPending(slow_down=True, interval=lifetime(members.get("interval")))
    if "authorization_pending" in codes:
        return StillPending()
    if reply.status in TRY_LATER:
        return outcome
    if codes & _DENIED:
        return Denied()
    return CodeExpired() if codes & _EXPIRED else outcome
