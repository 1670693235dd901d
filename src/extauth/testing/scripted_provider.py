"""A provider in memory whose every answer the test decides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TypeAlias, final

from extauth.domain.link import GrantOrigin, TokenSet
from extauth.domain.outcomes import (
    Exchanged,
    ExchangeOutcome,
    GrantRejected,
    Unknown,
)
from extauth.domain.policy import ProviderTraits

Answer: TypeAlias = (
    "ExchangeOutcome | BaseException | Callable[[TokenSet], ExchangeOutcome | Awaitable[ExchangeOutcome]]"
)
"""What one exchange shall come to: an outcome, an exception to raise, or a function of the tokens."""


@final
class ScriptedProvider:
    """An :class:`~extauth.domain.ports.OAuthProvider` with strict rotation, in memory.

    Without a script it behaves like a provider that detects reuse: each refresh gives a new pair and kills
    the old one, and presenting a dead refresh token revokes its whole family. ``script`` holds answers for
    the next exchanges, first come first served; ``gate``, while set and not open, holds every exchange up
    *before* the provider acts, and ``reply_gate`` *after* it. What happened is in the attributes.
    """

    def __init__(
        self,
        provider_id: str = "scripted",
        *,
        lifetime: timedelta | None = timedelta(hours=1),
        traits: ProviderTraits | None = None,
        origin: GrantOrigin | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.provider_id = provider_id
        self.traits = traits or ProviderTraits()
        self.origin = origin
        self.lifetime = lifetime
        self.script: list[Answer] = []
        self.gate: asyncio.Event | None = None
        self.reply_gate: asyncio.Event | None = None
        self.exchanging = asyncio.Event()
        """Set when an exchange begins."""
        self.presented: list[str] = []
        """Every refresh token presented, in order."""
        self.revoked: list[TokenSet] = []
        """What extauth asked to revoke, in order."""
        self.replays = 0
        """How often a dead refresh token was presented."""
        self.families_revoked = 0
        self._now = now
        self._numbers = count(1)
        self._family_of: dict[str, int] = {}
        self._live: dict[int, TokenSet] = {}

    @property
    def exchanges(self) -> int:
        """How many exchanges were begun."""
        return len(self.presented)

    def grant(self) -> TokenSet:
        """Authorize: return the first tokens of a new family."""
        return self._issue(next(self._numbers))

    def is_live(self, tokens: TokenSet) -> bool:
        """Whether a family's newest tokens are these and it is not revoked."""
        live = self._live.get(self._family_of.get(tokens.refresh_token or "", 0))
        return live is not None and live.refresh_token == tokens.refresh_token

    async def refresh(self, tokens: TokenSet) -> ExchangeOutcome:
        """Present the refresh token; see :class:`~extauth.domain.ports.OAuthProvider`."""
        self.presented.append(tokens.refresh_token or "")
        self.exchanging.set()
        if self.gate is not None:
            await self.gate.wait()
        answer: Answer = self.script.pop(0) if self.script else self.rotate
        if isinstance(answer, BaseException):
            raise answer
        outcome = answer(tokens) if callable(answer) else answer
        if isinstance(outcome, Awaitable):
            outcome = await outcome
        if self.reply_gate is not None:
            await self.reply_gate.wait()
        return outcome

    async def revoke(self, tokens: TokenSet) -> bool:
        """Revoke the tokens' family."""
        self.revoked.append(tokens)
        self._live.pop(self._family_of.get(tokens.refresh_token or "", 0), None)
        return True

    def rotate(self, tokens: TokenSet) -> ExchangeOutcome:
        """Answer as the provider itself would: rotate, or revoke the family of a dead token."""
        family = self._family_of.get(tokens.refresh_token or "")
        if family is None or family not in self._live:
            self.replays += family is not None
            return GrantRejected("invalid_grant")
        if not self.is_live(tokens) and self.traits.rotates:
            self.replays += 1
            self.families_revoked += 1
            del self._live[family]
            return GrantRejected("invalid_grant")
        return Exchanged(self._issue(family))

    def lose_reply(self, tokens: TokenSet) -> ExchangeOutcome:
        """Rotate, but let the answer get lost."""
        self.rotate(tokens)
        return Unknown("reply_lost")

    def _issue(self, family: int) -> TokenSet:
        number = next(self._numbers)
        now = self._now()
        tokens = TokenSet(
            access_token=f"at-{family}-{number}",
            refresh_token=f"rt-{family}-{number}",
            expires_at=None if self.lifetime is None else now + self.lifetime,
            issued_at=now,
        )
        self._family_of[f"rt-{family}-{number}"] = family
        self._live[family] = tokens
        return tokens
