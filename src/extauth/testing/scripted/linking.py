"""A provider in memory that users can be connected to, and whose every answer the test decides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, TypeVar, final
from urllib.parse import parse_qs, urlencode, urlsplit

import attrs

from extauth.domain.link import Account, GrantOrigin
from extauth.domain.linking import AuthorizationRequest, DeviceCodes, LinkingTraits
from extauth.domain.linking_outcomes import (
    BeginDeviceOutcome,
    CodeExpired,
    CodeOutcome,
    IdTokenRejected,
    PollOutcome,
    TokenInvalid,
    TokenValid,
    Validity,
)
from extauth.domain.outcomes import Exchanged, ExchangeOutcome, GrantRejected, Unknown
from extauth.domain.policy import ProviderTraits
from extauth.domain.token_set import TokenSet
from extauth.testing.provider_model.consents import Consent, Device
from extauth.testing.scripted.provider import ScriptedProvider

_O = TypeVar("_O", CodeOutcome, PollOutcome)

LinkingAnswer: TypeAlias = _O | BaseException | Callable[[], _O | Awaitable[_O]]
"""What one request shall come to: an outcome, an exception to raise, or a function that returns one."""

_AUTHORIZE_URL = "https://provider.example/authorize"


@final
class ScriptedLinkingProvider:
    """A :class:`~extauth.domain.linking_ports.LinkingProvider` in memory.

    It behaves as a good authorization server: a code is good for one exchange, with its redirect URI, code
    verifier and nonce, and a code that comes again revokes what it gave. Users do what the test says:
    :meth:`consent` and :meth:`deny` are the consent page, and return the URL that the browser is sent back
    to; :meth:`approve_device` and :meth:`deny_device` are the page where user codes are typed in.

    ``code_script`` and ``poll_script`` hold answers for the next exchanges of a code and polls, first come
    first served. ``gate``, while set and not open, holds each of them up *before* the provider acts, and
    ``reply_gate`` *after* it; ``revoke_gate``, ``identify_gate`` and ``validate_gate`` do the same for those.
    Refreshing and the books are those of ``tokens``, a
    :class:`~extauth.testing.scripted.provider.ScriptedProvider`.
    """

    def __init__(
        self,
        provider_id: str = "scripted",
        *,
        linking: LinkingTraits = LinkingTraits(device=True),  # noqa: B008 - frozen
        traits: ProviderTraits | None = None,
        lifetime: timedelta | None = timedelta(hours=1),
        origin: GrantOrigin | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.tokens = ScriptedProvider(provider_id, traits=traits, lifetime=lifetime, origin=origin, now=now)
        """Refreshing, revocation and what the provider knows to be true."""
        self.linking = linking
        self.code_script: list[LinkingAnswer[CodeOutcome]] = []
        self.poll_script: list[LinkingAnswer[PollOutcome]] = []
        self.gate: asyncio.Event | None = None
        self.reply_gate: asyncio.Event | None = None
        self.revoke_gate: asyncio.Event | None = None
        self.identify_gate: asyncio.Event | None = None
        self.validate_gate: asyncio.Event | None = None
        self.exchanging = asyncio.Event()
        """Set when a code is presented or a poll comes."""
        self.revoking = asyncio.Event()
        self.identifying = asyncio.Event()
        self.validating = asyncio.Event()
        self.asked: list[AuthorizationRequest] = []
        """The authorization requests that URLs were made of, in order."""
        self.presented: list[str] = []
        """Every code presented, in order, whatever came of it."""
        self.polls: list[datetime] = []
        """When each poll came."""
        self.accounts: dict[str, Account] = {}
        """Whose account each subject is, where the provider says so."""
        self.unidentified: str | None = None
        """Why nobody can be told whose account it is, as a code, while that is so."""
        self.says_account = False
        """Whether the token answer itself says whose account it is."""
        self.says_scopes = True
        """Whether the token answer names the scopes."""
        self.refresh_token_once = False
        """Whether a subject's later consents give no refresh token."""
        self.interval = timedelta(seconds=5)
        """Between two polls of device codes given out from now on."""
        self.device_lifetime = timedelta(minutes=10)
        self.validity: Validity | None = None
        """What validation shall come to; by the books if it is None."""
        self._now = now
        self._consents: dict[str, Consent] = {}
        self._devices: dict[str, Device] = {}
        self._subjects: set[str] = set()

    @property
    def provider_id(self) -> str:
        """The provider part of this provider's link keys."""
        return self.tokens.provider_id

    @property
    def traits(self) -> ProviderTraits:
        """What extauth believes of the provider's refreshing."""
        return self.tokens.traits

    @property
    def origin(self) -> GrantOrigin | None:
        """Which client this is."""
        return self.tokens.origin

    def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return a URL that :meth:`consent` and :meth:`deny` understand."""
        self.asked.append(request)
        params = {
            "response_type": "code",
            "redirect_uri": request.redirect_uri,
            "state": request.state,
            "scope": " ".join(sorted(request.scopes)),
            "code_challenge": request.code_challenge or "",
            "nonce": request.nonce or "",
            **request.params,
        }
        query = urlencode({name: value for name, value in params.items() if value})
        return f"{_AUTHORIZE_URL}?{query}"

    def consent(self, url: str, subject: str = "someone", **answer: str) -> str:
        """Let the user say yes, and return where the browser is sent; ``answer`` adds parameters to it."""
        asked = _asked(url)
        code = f"code-{len(self._consents) + 1}"
        self._consents[code] = Consent(
            subject,
            frozenset(asked.get("scope", "").split()),
            asked["redirect_uri"],
            asked.get("code_challenge"),
            asked.get("nonce"),
        )
        return self._back(asked, {"code": code, **answer})

    def deny(self, url: str, error: str = "access_denied", **answer: str) -> str:
        """Let the user say no, or the provider refuse, and return where the browser is sent."""
        return self._back(_asked(url), {"error": error, **answer})

    async def exchange_code(
        self,
        code: str,
        *,
        redirect_uri: str,
        code_verifier: str | None = None,
        nonce: str | None = None,
        resources: tuple[str, ...] = (),  # noqa: ARG002 - the port's; this provider has one resource
    ) -> CodeOutcome:
        self.presented.append(code)
        return await self._answer(
            self.code_script, lambda: self._exchange(code, redirect_uri, code_verifier, nonce)
        )

    async def begin_device(self, scopes: frozenset[str]) -> BeginDeviceOutcome:
        number = len(self._devices) + 1
        device = Device(scopes, self._now() + self.device_lifetime, self.interval)
        self._devices[f"device-{number}"] = device
        return DeviceCodes(
            device_code=f"device-{number}",
            user_code=f"USER-{number}",
            verification_uri="https://provider.example/device",
            verification_uri_complete=f"https://provider.example/device?user_code=USER-{number}",
            expires_in=self.device_lifetime,
            interval=self.interval,
        )

    def approve_device(self, user_code: str, subject: str = "someone") -> None:
        """Let the user type the code in and say yes."""
        self._device(user_code).subject = subject

    def deny_device(self, user_code: str) -> None:
        """Let the user type the code in and say no."""
        self._device(user_code).denied = True

    async def poll_device(self, device_code: str) -> PollOutcome:
        self.polls.append(self._now())
        return await self._answer(self.poll_script, lambda: self._poll(device_code))

    async def refresh(self, tokens: TokenSet, *, resource: str | None = None) -> ExchangeOutcome:
        return await self.tokens.refresh(tokens, resource=resource)

    async def revoke(self, tokens: TokenSet) -> bool:
        await _at(self.revoking, self.revoke_gate)
        subject = self.tokens.subject_of(tokens.access_token)
        if self.linking.revokes_whole_grant and subject is not None:
            self.tokens.grants.revoke_subject(subject)
        return await self.tokens.revoke(tokens)

    async def identify(self, tokens: TokenSet) -> Account | Unknown | None:
        await _at(self.identifying, self.identify_gate)
        if self.unidentified is not None:
            return Unknown(self.unidentified)
        return self.accounts.get(self.tokens.subject_of(tokens.access_token) or "")

    async def validate(self, tokens: TokenSet) -> Validity:
        await _at(self.validating, self.validate_gate)
        if self.validity is not None:
            return self.validity
        if not self.tokens.access_token_works(tokens.access_token, self._now()):
            return TokenInvalid()
        return TokenValid(self.accounts.get(self.tokens.subject_of(tokens.access_token) or ""))

    def _back(self, asked: dict[str, str], answer: dict[str, str]) -> str:
        if self.linking.issuer is not None:
            answer.setdefault("iss", self.linking.issuer)
        uri = asked["redirect_uri"]
        return f"{uri}{'&' if '?' in uri else '?'}{urlencode({'state': asked['state'], **answer})}"

    async def _answer(self, script: list[LinkingAnswer[_O]], by_the_books: Callable[[], _O]) -> _O:
        await _at(self.exchanging, self.gate)
        answer: LinkingAnswer[_O] = script.pop(0) if script else by_the_books
        if isinstance(answer, BaseException):
            raise answer
        outcome = answer() if callable(answer) else answer
        if isinstance(outcome, Awaitable):
            outcome = await outcome
        if self.reply_gate is not None:
            await self.reply_gate.wait()
        return outcome

    def _exchange(self, code: str, redirect_uri: str, verifier: str | None, nonce: str | None) -> CodeOutcome:
        consent = self._consents.get(code)
        refusal = "unknown_code" if consent is None else consent.refusal(redirect_uri, verifier)
        if consent is None or refusal is not None:
            if consent is not None and consent.given is not None and refusal == "used_code":
                self.tokens.grants.revoke(consent.given)
            return GrantRejected("invalid_grant")
        consent.used = True
        exchanged = self._grant(consent.subject, consent.scopes)
        consent.given = exchanged.tokens.refresh_token or exchanged.tokens.access_token
        if consent.nonce is not None and nonce != consent.nonce:
            return IdTokenRejected("nonce_mismatch")
        return exchanged

    def _poll(self, device_code: str) -> PollOutcome:
        device = self._devices.get(device_code)
        if device is None:
            return CodeExpired()
        answer = device.poll(self._now())
        if answer is not None or device.subject is None:
            return answer or CodeExpired()
        return self._grant(device.subject, device.scopes)

    def _grant(self, subject: str, scopes: frozenset[str]) -> Exchanged:
        tokens = self.tokens.grant(subject)
        if self.says_scopes:
            tokens = attrs.evolve(tokens, scopes=scopes)
        if self.refresh_token_once and subject in self._subjects:
            tokens = attrs.evolve(tokens, refresh_token=None)
        self._subjects.add(subject)
        return Exchanged(
            tokens,
            account=self.accounts.get(subject) if self.says_account else None,
            companions={name: self.tokens.grant(subject) for name in self.linking.companions},
        )

    def _device(self, user_code: str) -> Device:
        return self._devices[user_code.replace("USER", "device")]


async def _at(reached: asyncio.Event, gate: asyncio.Event | None) -> None:
    reached.set()
    if gate is not None:
        await gate.wait()


def _asked(url: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
