"""What an authorization server knows of users who are asked: codes and device codes. No I/O."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Literal, TypeAlias, final

import attrs

from extauth.domain.linking_outcomes import CodeExpired, Denied, StillPending

Refusal: TypeAlias = Literal["unknown_code", "used_code", "other_redirect_uri", "other_verifier"]
"""Why a code is not accepted."""

SLOW_DOWN = timedelta(seconds=5)
"""What a poll that comes too soon adds to the interval (RFC 8628 section 3.5)."""


@final
@attrs.define(eq=False)
class Consent:
    """A user said yes to one authorization request, and the browser carries the code back."""

    subject: str
    scopes: frozenset[str]
    redirect_uri: str
    challenge: str | None
    nonce: str | None
    used: bool = False
    """Set by the first exchange that is granted."""
    given: str | None = attrs.field(default=None, repr=False)
    """The token that exchange gave, to be revoked if the code comes again (RFC 6749 section 4.1.2)."""

    def refusal(self, redirect_uri: str, verifier: str | None) -> Refusal | None:
        """Return why this exchange is refused; None if it is granted."""
        if self.used:
            return "used_code"
        if redirect_uri != self.redirect_uri:
            return "other_redirect_uri"
        # A verifier without a challenge hints at an attack, too (RFC 9700 section 2.1.1).
        if self.challenge != (None if verifier is None else _challenge(verifier)):
            return "other_verifier"
        return None


@final
@attrs.define(eq=False)
class Device:
    """A device waits for a user (RFC 8628)."""

    scopes: frozenset[str]
    expires_at: datetime
    interval: timedelta
    subject: str | None = None
    """Who said yes."""
    denied: bool = False
    used: bool = False
    """Set when a poll is granted."""
    polled_at: datetime | None = None

    def poll(self, now: datetime) -> StillPending | Denied | CodeExpired | None:
        """Take a poll; None if it is granted, which it is once."""
        too_soon = self.polled_at is not None and now < self.polled_at + self.interval
        self.polled_at = now
        if self.used or now >= self.expires_at:
            return CodeExpired()
        if self.denied:
            return Denied()
        if too_soon:
            self.interval += SLOW_DOWN
            return StillPending(slow_down=True)
        if self.subject is None:
            return StillPending()
        self.used = True
        return None


def _challenge(verifier: str) -> str:
    """Return the challenge by method S256 (RFC 7636 section 4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
