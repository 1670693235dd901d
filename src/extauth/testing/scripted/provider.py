"""A provider in memory whose every answer the test decides."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, final

from extauth.domain.link import GrantOrigin
from extauth.domain.outcomes import (
    ClientRejected,
    Deferred,
    Exchanged,
    ExchangeOutcome,
    GrantRejected,
    NotSent,
    Unknown,
)
from extauth.domain.policy import ProviderTraits
from extauth.domain.token_set import TokenSet
from extauth.testing.provider_model.families import AccessToken, Namer, Wanted, numbered
from extauth.testing.provider_model.faults import KEEPING, NO_LIFETIME, Fault, Faults
from extauth.testing.provider_model.grants import Grants
from extauth.testing.provider_model.redemption import IssuedTokens, LiveAccess, Refused
from extauth.testing.provider_model.reuse import Reuse

Answer: TypeAlias = (
    "ExchangeOutcome | BaseException | Callable[..., ExchangeOutcome | Awaitable[ExchangeOutcome]]"
)
"""What one exchange shall come to: an outcome, an exception to raise, or a function of the tokens and, if it
is for one, of the resource."""

UNPROCESSED: Mapping[Fault | None, ExchangeOutcome] = {
    Fault.NOT_SENT: NotSent("connect_failed"),
    Fault.UNAVAILABLE_BEFORE: Unknown("http_503"),
    Fault.WRONG_CLIENT: ClientRejected("invalid_client"),
    Fault.ERROR_IN_200: Deferred("unrecognized_error"),
}
"""What the OAuth client reports where the provider did nothing; a rate limit beside them."""

UNREADABLE: Mapping[Fault | None, ExchangeOutcome] = {
    Fault.LOST_REPLY: Unknown("reply_lost"),
    Fault.CUT_REPLY: Unknown("reply_lost"),
    Fault.UNAVAILABLE_AFTER: Unknown("http_503"),
    Fault.JUNK_BODY: Unknown("unreadable_reply"),
    Fault.OVERSIZED_BODY: Unknown("reply_too_large"),
}
"""What the OAuth client reports where the provider did its work and the client cannot know it."""


@final
class ScriptedProvider:
    """An :class:`~extauth.domain.ports.OAuthProvider` in memory.

    It treats reused refresh tokens as ``reuse`` says (see :data:`~..provider_model.reuse.Reuse`) and
    fails as ``faults`` say. ``script`` holds answers for the next exchanges, first come first served,
    and goes before the faults; ``gate``, while set and not open, holds every exchange up *before* the
    provider acts, and ``reply_gate`` *after* it. ``pause`` awaits the delays of the faults. What
    happened is in the attributes and in ``grants``.

    ``traits`` are what extauth believes of the provider and ``reuse`` is what it does. Where only one
    is given, the other follows from it, also when ``traits`` are set later. ``replay_window`` is for
    the habit of that name; by default the traits', or 30 seconds. Tokens have names like ``rt-1-2``:
    the family, and a number that counts its authorization as 1.
    """

    def __init__(
        self,
        provider_id: str = "scripted",
        *,
        lifetime: timedelta | None = timedelta(hours=1),
        reuse: Reuse | None = None,
        replay_window: timedelta | None = None,
        traits: ProviderTraits | None = None,
        origin: GrantOrigin | None = None,
        faults: Faults | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
        namer: Namer = lambda kind, family, number: numbered(kind, family, number + 1),
    ) -> None:
        self.provider_id = provider_id
        self.origin = origin
        self.faults = Faults() if faults is None else faults
        self.script: list[Answer] = []
        self.gate: asyncio.Event | None = None
        self.reply_gate: asyncio.Event | None = None
        self.exchanging = asyncio.Event()
        """Set when an exchange begins."""
        self.presented: list[str] = []
        """Every refresh token presented, in order, whatever came of it."""
        self.asked_for: list[str | None] = []
        """Beside it, the resource that a token was asked for; None: the grant's own."""
        self.revoked: list[TokenSet] = []
        """What extauth asked to revoke, in order."""
        self.grants = Grants(access_token_lifetime=0.0, namer=namer)
        """What the provider knows to be true. Its seconds are those since this object was made."""
        self._now = now
        self._pause = pause
        self._start = now()
        self._reuse: Reuse | None = reuse
        self._window = replay_window
        self.lifetime = lifetime
        self.traits = traits if traits is not None else _traits(reuse, replay_window)

    @property
    def lifetime(self) -> timedelta | None:
        """How long access tokens given out from now on work; None: for ever, and nothing is said."""
        seconds = self.grants.access_token_lifetime
        return None if math.isinf(seconds) else timedelta(seconds=seconds)

    @lifetime.setter
    def lifetime(self, value: timedelta | None) -> None:
        self.grants.access_token_lifetime = math.inf if value is None else value.total_seconds()

    @property
    def traits(self) -> ProviderTraits:
        """What extauth believes of the provider."""
        return self._traits

    @traits.setter
    def traits(self, value: ProviderTraits) -> None:
        self._traits = value
        self.grants.reuse = _reuse(value) if self._reuse is None else self._reuse
        self.grants.refresh_revokes_access_token = value.refresh_revokes_access_token
        if (window := self._window or value.replay_window) is not None:
            self.grants.replay_window = window.total_seconds()

    @property
    def exchanges(self) -> int:
        """How many exchanges were begun."""
        return len(self.presented)

    @property
    def replays(self) -> int:
        """How often a refresh token was presented that had given a new pair before."""
        return self.grants.replays

    @property
    def families_revoked(self) -> int:
        """How many families died because of a replay."""
        return self.grants.families_revoked

    @property
    def rejected(self) -> Mapping[str, int]:
        """How often each refresh token was answered that it is dead."""
        return self.grants.rejected

    def grant(self, subject: str = "someone") -> TokenSet:
        """Authorize: return the first tokens of a new family."""
        pair = self.grants.grant(subject, self._seconds(self._now()))
        return self._tokens(pair, None, None)

    def is_live(self, tokens: TokenSet) -> bool:
        """Whether a family's newest refresh token is this and the family is not revoked."""
        return self.grants.refreshable(tokens.refresh_token or "")

    def subject_of(self, token: str) -> str | None:
        """Return whom an access or refresh token was issued for; None if it never was."""
        return self.grants.subject_of(token)

    def issued_for(self, refresh_token: str) -> str | None:
        """Return the refresh token whose presentation gave this one; None for a family's first."""
        return self.grants.issued_for(refresh_token)

    def access_token_works(self, token: str, at: datetime) -> bool:
        """Whether an API would accept the access token at that instant."""
        return isinstance(self.grants.access(token, self._seconds(at)), LiveAccess)

    def works_now(self, access_token: str) -> bool:
        """Whether an API would accept the access token."""
        return self.access_token_works(access_token, self._now())

    def resource_of(self, access_token: str) -> str | None:
        """Return the only resource that an access token is for; None if it is for none in particular."""
        record = self.grants.record(access_token)
        return next(iter(record.resources), None) if isinstance(record, AccessToken) else None

    async def refresh(self, tokens: TokenSet, *, resource: str | None = None) -> ExchangeOutcome:
        """Present the refresh token; see :class:`~extauth.domain.ports.OAuthProvider`.

        An answer of the script that can be called is called with the tokens, and with the resource if one
        was asked for.
        """
        named = () if resource is None else (resource,)
        self._present(tokens, *named)
        self.exchanging.set()
        if self.gate is not None:
            await self.gate.wait()
        answer: Answer = self.script.pop(0) if self.script else self._by_fault
        if isinstance(answer, BaseException):
            raise answer
        outcome = answer(tokens, *named) if callable(answer) else answer
        if isinstance(outcome, Awaitable):
            outcome = await outcome
        if self.reply_gate is not None:
            await self.reply_gate.wait()
        return outcome

    async def revoke(self, tokens: TokenSet) -> bool:
        """Revoke the tokens' family."""
        self.revoked.append(tokens)
        self.grants.revoke(tokens.refresh_token or tokens.access_token)
        return True

    def answer(
        self, tokens: TokenSet, fault: Fault | None = None, *, resource: str | None = None
    ) -> ExchangeOutcome:
        """Take one presentation under ``fault`` at once, and return what the OAuth client would report.

        Neither gates nor the script nor the planned faults are asked, and a delay takes no time.
        """
        self._present(tokens, resource)
        return self._answer(tokens, fault, resource)

    def rotate(self, tokens: TokenSet, resource: str | None = None) -> ExchangeOutcome:
        """Answer as the provider itself would, with no fault; for a ``script``."""
        return self._answer(tokens, None, resource)

    def lose_reply(self, tokens: TokenSet, resource: str | None = None) -> ExchangeOutcome:
        """Refresh, but let the answer get lost; for a ``script``."""
        return self._answer(tokens, Fault.LOST_REPLY, resource)

    def _present(self, tokens: TokenSet, resource: str | None = None) -> None:
        self.presented.append(tokens.refresh_token or "")
        self.asked_for.append(resource)

    async def _by_fault(self, tokens: TokenSet, resource: str | None = None) -> ExchangeOutcome:
        fault = self.faults.deal()
        if fault is Fault.DELAYED_BEFORE:
            await self._pause(self.faults.delay.total_seconds())
        outcome = self._answer(tokens, fault, resource)
        if fault is Fault.DELAYED_AFTER:
            await self._pause(self.faults.delay.total_seconds())
        return outcome

    def _answer(self, tokens: TokenSet, fault: Fault | None, resource: str | None) -> ExchangeOutcome:
        if fault is Fault.RATE_LIMITED:
            return Deferred("http_429", self.faults.retry_after)
        if fault in UNPROCESSED:
            return UNPROCESSED[fault]
        redeem = self.grants.redeem_keeping if fault in KEEPING else self.grants.redeem
        wanted = Wanted(resources=frozenset() if resource is None else frozenset({resource}))
        redemption = redeem(tokens.refresh_token or "", self._seconds(self._now()), wanted)
        if fault is Fault.OVERSIZED_BODY and isinstance(redemption, Refused):
            return Deferred("http_400")  # a refusal by its status, however long its body is
        if fault in UNREADABLE:
            return UNREADABLE[fault]
        if isinstance(redemption, Refused):
            return GrantRejected("invalid_grant")
        if fault in KEEPING and redemption.refresh_token != tokens.refresh_token:
            fault = None
        return Exchanged(self._tokens(redemption, fault, tokens))

    def _seconds(self, at: datetime) -> float:
        return (at - self._start).total_seconds()

    def _tokens(self, pair: IssuedTokens, fault: Fault | None, previous: TokenSet | None) -> TokenSet:
        now = self._now()
        if fault in NO_LIFETIME or math.isinf(pair.expires_at):
            span = _last_known_lifetime(previous)
            expires_at = None if span is None else now + span
        else:
            expires_at = self._start + timedelta(seconds=pair.expires_at)
        return TokenSet(
            access_token=pair.access_token,
            refresh_token=None if fault in KEEPING or pair.spent else pair.refresh_token,
            expires_at=expires_at,
            issued_at=now,
        )


def _last_known_lifetime(previous: TokenSet | None) -> timedelta | None:
    """Return what the OAuth client assumes where the reply says nothing."""
    if previous is None or previous.expires_at is None or previous.issued_at is None:
        return None
    span = previous.expires_at - previous.issued_at
    return span if span > timedelta(0) else None


def _reuse(traits: ProviderTraits) -> Reuse:
    """Return the strictest habit that is as the traits say."""
    if not traits.rotates:
        return "non_rotating"
    if traits.replay_window is not None:
        return "replay_window"
    return "strict_account" if traits.reuse_revokes_account else "strict"


def _traits(reuse: Reuse | None, replay_window: timedelta | None) -> ProviderTraits:
    """Return what one should know of a provider with this habit."""
    if reuse == "replay_window":
        return ProviderTraits(replay_window=replay_window or timedelta(seconds=30))
    return ProviderTraits(rotates=reuse != "non_rotating", reuse_revokes_account=reuse == "strict_account")
