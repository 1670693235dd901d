"""Authorization codes and device codes: what each stands for, and whether it still does. No I/O."""

from __future__ import annotations

import secrets
from typing import Literal, TypeAlias, final

import attrs

from extauth.domain.link import Account
from extauth.testing.server.clients import Client

SLOWER = 5.0
"""Seconds that a poll which came too early adds to the interval (RFC 8628 section 3.5)."""

_USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""RFC 8628 section 6.1."""


@final
@attrs.define(eq=False)
class Code:
    """What one person allowed one client, until the client comes for the tokens."""

    client: Client
    account: Account
    scopes: frozenset[str]
    asked_scopes: frozenset[str]
    expires_at: float
    """By the server's monotonic clock."""
    second_scopes: frozenset[str] = frozenset()
    offline: bool = True
    redirect_uri: str | None = None
    redirect_uri_said: bool = False
    """Whether the authorization request named it; then the token request must too."""
    challenge: str | None = attrs.field(default=None, repr=False)
    nonce: str | None = attrs.field(default=None, repr=False)
    resources: frozenset[str] = frozenset()
    gave: list[str] = attrs.field(factory=list[str], repr=False)
    """The refresh tokens of the grants that it gave; empty: it was not used."""


@final
class Codes:
    """The authorization codes of one server."""

    def __init__(self) -> None:
        self.reused = 0
        """How often a code was presented that had given tokens before."""
        self._codes: dict[str, Code] = {}

    def add(self, code: Code) -> str:
        """Return the text that stands for ``code``."""
        text = f"code-{secrets.token_urlsafe(16)}"
        self._codes[text] = code
        return text

    def get(self, text: str) -> Code | None:
        """Return what the text stands for."""
        return self._codes.get(text)


@final
@attrs.define(eq=False)
class DeviceCode:
    """A device that waits for a person's answer."""

    client: Client
    scopes: frozenset[str]
    expires_at: float
    interval: float
    user_code: str = attrs.field(repr=False)
    resources: frozenset[str] = frozenset()
    polled_at: float | None = None
    answer: Account | Literal["waiting", "denied", "used"] = "waiting"
    granted: frozenset[str] | None = None


Poll: TypeAlias = Literal[
    "authorization_pending", "slow_down", "access_denied", "expired_token", "invalid_grant"
]


@final
class DeviceCodes:
    """The device codes of one server."""

    def __init__(self) -> None:
        self.polls: list[Poll | None] = []
        """What each poll was answered, in order; None: the tokens."""
        self._by_device_code: dict[str, DeviceCode] = {}

    def add(self, code: DeviceCode) -> str:
        """Return the device code that stands for ``code``."""
        text = f"device-{secrets.token_urlsafe(16)}"
        self._by_device_code[text] = code
        return text

    def shown(self, user_code: str) -> DeviceCode | None:
        """Return the device that shows this code, as a person types it."""
        typed = user_code.replace("-", "").upper()
        found = self._by_device_code.values()
        return next((code for code in found if code.user_code.replace("-", "") == typed), None)

    def poll(self, device_code: str, client: Client, now: float) -> DeviceCode | Poll:
        """Take a poll; the device is answered with tokens once (RFC 8628 section 3.5)."""
        found = self._poll(self._by_device_code.get(device_code), client, now)
        self.polls.append(None if isinstance(found, DeviceCode) else found)
        return found

    def _poll(self, code: DeviceCode | None, client: Client, now: float) -> DeviceCode | Poll:
        if code is None or code.client is not client or code.answer == "used":
            return "invalid_grant"
        early = code.polled_at is not None and now < code.polled_at + code.interval
        code.polled_at = now
        if now >= code.expires_at:
            return "expired_token"
        if early:
            code.interval += SLOWER
            return "slow_down"
        if code.answer == "denied":
            return "access_denied"
        return "authorization_pending" if code.answer == "waiting" else code


def new_user_code() -> str:
    """Return a code that a person can type."""
    half = ["".join(secrets.choice(_USER_CODE_LETTERS) for _ in range(4)) for _ in range(2)]
    return "-".join(half)
