"""Each exchange with the token endpoint: one request, and its answer judged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Self, TypeVar, final

import attrs
from aiohttp import ClientSession

from extauth.adapters.oauth2.client.client_auth import ClientCredentials
from extauth.adapters.oauth2.client.configuration import sendable
from extauth.adapters.oauth2.endpoints.identity import IdentityRules
from extauth.adapters.oauth2.http.addresses import Reach
from extauth.adapters.oauth2.http.phases import HttpTimeouts
from extauth.adapters.oauth2.http.reply import Reply
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
from extauth.adapters.oauth2.token.device import judge_device_codes, judge_poll
from extauth.adapters.oauth2.token.first_answer import FirstAnswers, remembering
from extauth.adapters.oauth2.token.judge import judge
from extauth.adapters.oauth2.token.reply_rules import ReplyRules
from extauth.adapters.oauth2.token.request_rules import TokenRequests
from extauth.adapters.oauth2.token.token_endpoint import TokenEndpoint
from extauth.domain.linking_outcomes import BeginDeviceOutcome, CodeOutcome, PollOutcome
from extauth.domain.outcomes import ClientRejected, Exchanged, ExchangeOutcome
from extauth.domain.policy import ProviderTraits
from extauth.domain.ports import WallClock
from extauth.domain.token_set import TokenSet

_O = TypeVar("_O")

_WRONG_PROOF: Final = frozenset(
    {
        "bad_client_secret",
        "incorrect_client_credentials",
        "invalid_client",
        "invalid_client_secret",
        "unauthorized_client",
    }
)
"""Codes for a client whose proof is not accepted."""


@final
@attrs.frozen(kw_only=True)
class Exchanges:
    """One client's exchanges. Nothing is retried, or raised for what the network or the provider does.

    Lifetimes count from just before a request is sent.
    """

    endpoint: TokenEndpoint
    answers: FirstAnswers
    authorization: AuthorizationRules
    scopes: tuple[str, ...]
    """Asked for where none are named."""
    clock: WallClock

    @classmethod
    def at(
        cls,
        url: str,
        credentials: ClientCredentials,
        *,
        requests: TokenRequests,
        authorization: AuthorizationRules,
        replies: ReplyRules,
        traits: ProviderTraits,
        identity: IdentityRules,
        scopes: tuple[str, ...],
        issuer: str | None,
        openid: bool,
        session: ClientSession | None,
        timeouts: HttpTimeouts,
        reach: Reach,
        clock: WallClock,
    ) -> Self:
        """Return those of the client with these credentials, at the token endpoint with this URL."""
        return cls(
            endpoint=TokenEndpoint(
                url=url,
                credentials=credentials,
                requests=requests,
                resource_param=authorization.resource_param,
                session=session,
                timeouts=timeouts,
                reach=reach,
            ),
            answers=FirstAnswers(
                rules=replies,
                traits=traits,
                identity=identity,
                client_id=credentials.client_id,
                issuer=issuer,
                openid=openid,
            ),
            authorization=authorization,
            scopes=scopes,
            clock=clock,
        )

    async def code(
        self,
        code: str,
        *,
        redirect_uri: str,
        code_verifier: str | None,
        nonce: str | None,
        resources: tuple[str, ...],
    ) -> CodeOutcome:
        """Exchange an authorization code (RFC 6749 section 4.1.3).

        :raises ValueError: for what is empty or not valid Unicode.
        """
        given = {"code": code, "redirect_uri": redirect_uri, "code_verifier": code_verifier, "nonce": nonce}
        for name, value in given.items():
            if value is not None:
                sendable(value, name)
        for resource in resources:
            sendable(resource, "resources")
        asked_at = self.clock.now()
        reply = await self.endpoint.redeem_code(
            code, redirect_uri=redirect_uri, code_verifier=code_verifier, resources=resources
        )
        if not isinstance(reply, Reply):
            return reply
        outcome = self._explained(self.answers.judge(reply, asked_at=asked_at, nonce=nonce))
        if isinstance(outcome, Exchanged) and "redirect_uri" in self.endpoint.requests.refresh_repeats:
            return remembering(outcome, redirect_uri)
        return outcome

    async def device_codes(self, url: str, scopes: frozenset[str]) -> BeginDeviceOutcome:
        """Ask for a device code (RFC 8628 section 3.1)."""
        asked_at = self.clock.now()
        reply = await self.endpoint.request_device_code(url, scope=self.scope_text(scopes))
        if not isinstance(reply, Reply):
            return reply
        return self._explained(judge_device_codes(reply, self.answers.rules, asked_at=asked_at))

    async def device_code(self, device_code: str) -> PollOutcome:
        """Ask whether the user has decided (RFC 8628 section 3.4).

        :raises ValueError: for an empty code.
        """
        asked_at = self.clock.now()
        reply = await self.endpoint.redeem_device_code(sendable(device_code, "device_code"))
        if not isinstance(reply, Reply):
            return reply
        return self._explained(judge_poll(reply, self.answers.judge(reply, asked_at=asked_at)))

    async def refresh_token(self, tokens: TokenSet, resources: tuple[str, ...] = ()) -> ExchangeOutcome:
        """Present the refresh token (RFC 6749 section 6).

        :raises ValueError: if there is none, or for an empty resource.
        """
        if tokens.refresh_token is None:
            msg = "there is no refresh token to present"
            raise ValueError(msg)
        for resource in resources:
            sendable(resource, "resource")
        asked_at = self.clock.now()
        reply = await self.endpoint.redeem_refresh_token(
            tokens, scope=self.scope_text(tokens.scopes), resources=resources
        )
        if not isinstance(reply, Reply):
            return reply
        outcome = judge(
            reply,
            self.answers.rules,
            asked_at=asked_at,
            previous=tokens,
            resource=next(iter(resources), None),
            traits=self.answers.traits,
        )
        return self._explained(outcome)

    async def renewed(self, tokens: TokenSet) -> TokenSet:
        """Return the tokens that one refresh gives, or these if it gives none."""
        if tokens.refresh_token in {None, tokens.access_token}:
            return tokens
        outcome = await self.refresh_token(tokens)
        return outcome.tokens.succeeding(tokens) if isinstance(outcome, Exchanged) else tokens

    def _explained(self, outcome: _O) -> _O | ClientRejected:
        """Say with a rejection of the client's proof how the way of sending it may be the cause."""
        if isinstance(outcome, ClientRejected) and outcome.code in _WRONG_PROOF:
            return attrs.evolve(outcome, suspicion=self.endpoint.credentials.suspicion())
        return outcome

    def scope_text(self, scopes: Iterable[str]) -> str:
        """Return these scopes as they are sent, or the provider's own if there are none."""
        return self.authorization.scope_text(frozenset(scopes) or self.scopes, self.scopes)
