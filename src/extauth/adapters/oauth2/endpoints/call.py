"""Calls to a provider's own endpoints: revoking, identifying, validating, listing what a token reaches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Final, NoReturn, final

import attrs
from aiohttp import ClientSession

from extauth.adapters.oauth2.client.client_auth import ClientCredentials
from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.calls import Call, NotMade
from extauth.adapters.oauth2.endpoints.identity import IdentityRules
from extauth.adapters.oauth2.endpoints.installations import InstallationRules, next_page
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.adapters.oauth2.http.addresses import Reach
from extauth.adapters.oauth2.http.phases import HttpTimeouts
from extauth.adapters.oauth2.http.reply import Reply
from extauth.adapters.oauth2.http.request import HttpRequest
from extauth.adapters.oauth2.http.transport import send
from extauth.adapters.oauth2.reading.json_reading import read_json
from extauth.adapters.oauth2.reading.retry_after import retry_after
from extauth.domain.errors import ProviderUnavailable
from extauth.domain.link import Account
from extauth.domain.linking import Installation
from extauth.domain.linking_outcomes import TokenInvalid, TokenUnverified, TokenValid, Validity
from extauth.domain.outcomes import NotSent, Unknown
from extauth.domain.ports import WallClock
from extauth.domain.token_set import TokenSet

_JUST_ISSUED: Final = timedelta(seconds=5)
"""How new an access token is that a lagging replica of the provider may not know."""
_LAG_PAUSES: Final = (0.05, 0.1, 0.2, 0.3, 0.35)
"""In seconds, before asking such a replica again; one second in all."""


def _succeeded(reply: Reply) -> bool:
    return HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES


@final
@attrs.frozen(kw_only=True)
class ProviderCalls:
    """What one client asks of one provider's endpoints, beside tokens."""

    credentials: ClientCredentials
    clock: WallClock
    session: ClientSession | None
    timeouts: HttpTimeouts
    api: ApiRules
    revocation: Revocation | None
    identity: IdentityRules
    validation: ValidationRules | None
    installation_rules: InstallationRules | None
    reach: Reach
    """Which addresses the endpoints may have that the configuration names."""
    answered_reach: Reach
    """Which addresses those may have that an answer of the provider named."""
    callback_fields: frozenset[str] = frozenset()
    """What the browser's word is kept of: no call with a secret in it goes where that leads."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def __attrs_post_init__(self) -> None:
        rules = (self.revocation, self.identity, self.validation, self.installation_rules)
        for rule in rules:
            call = None if rule is None else rule.call
            if call is not None and call.led_by(self.callback_fields):
                msg = "a call must not go to a host that comes from callback_fields: a browser could name any"
                raise ValueError(msg)

    def headers(self, tokens: TokenSet) -> dict[str, str]:
        """Return the headers that show these tokens to the provider's API."""
        return self.api.headers_for(tokens, self.credentials.client_id)

    async def revoke(
        self, tokens: TokenSet, renew: Callable[[TokenSet], Awaitable[TokenSet]] | None = None
    ) -> bool:
        """Ask to revoke these tokens, for each no more than once. Returns whether it is certain that none
        works any more; raises nothing.

        Where it takes an access token that works to end the grant, and this one has expired, ``renew`` gets
        another. An access token whose revocation the provider does not confirm is shown to it: if it is
        refused, it is dead all the same.
        """
        rules = self.revocation
        if rules is None:
            return False
        now = self.clock.now()
        over = tokens.expires_at is not None and tokens.expires_at <= now
        if over and renew is not None and rules.by_access_token:
            tokens = await renew(tokens)
        reply = await self._ask(rules.call, tokens)
        if not isinstance(reply, Reply):
            return False
        confirmed = rules.confirmed_by(reply)
        for single in rules.also_asked(tokens, now):
            reply = await self._ask(rules.call, single)
            revoked = isinstance(reply, Reply) and rules.confirmed_by(reply)
            confirmed = (revoked or await self._is_refused(single)) and confirmed
        for single in rules.left_alive(tokens, now):
            confirmed = confirmed and await self._is_refused(single)
        return confirmed

    async def _is_refused(self, tokens: TokenSet) -> bool:
        if self.validation is None:
            return False
        return isinstance(await self._validate(self.validation, tokens), TokenInvalid)

    async def identify(self, tokens: TokenSet) -> Account | Unknown | None:
        """Ask whose tokens these are. None without a call that they may make, ``Unknown`` without an answer;
        raises nothing.

        Asked once, but where the provider's replicas lag, a new token that is refused is shown again.
        """
        if self.identity.call is None or not self.identity.may_call(tokens.scopes):
            return None
        reply = await self._ask(self.identity.call, tokens)
        for pause in self._lag_pauses(tokens):
            if not isinstance(reply, Reply) or reply.status != HTTPStatus.UNAUTHORIZED:
                break
            await self.sleep(pause)
            reply = await self._ask(self.identity.call, tokens)
        if not isinstance(reply, Reply):
            return Unknown("cannot_ask" if isinstance(reply, NotMade) else reply.code)
        if not _succeeded(reply):
            return Unknown(f"http_{reply.status}")
        return self._account_in(reply) or Unknown("unreadable_reply")

    async def validate(self, tokens: TokenSet) -> Validity:
        """Ask whether the access token is accepted; raises nothing.

        Where the provider's replicas lag, a new token that is refused is shown again for about a
        second. ``Unverified("no_validation")`` without rules for it.
        """
        if self.validation is None:
            return TokenUnverified("no_validation")
        validity = await self._validate(self.validation, tokens)
        for pause in self._lag_pauses(tokens):
            if not isinstance(validity, TokenInvalid):
                break
            await self.sleep(pause)
            validity = await self._validate(self.validation, tokens)
        return validity

    async def installations(self, tokens: TokenSet) -> tuple[Installation, ...]:
        """Return all that the access token reaches, in the provider's order.

        :raises ProviderUnavailable: if there is no telling, be it for one page of several or since the
            access token is refused: a part of the list would be a lie.
        :raises ValueError: if the provider has no such list.
        """
        rules = self.installation_rules
        if rules is None:
            msg = "this provider has no list of installations"
            raise ValueError(msg)
        request = self._request(rules.call, tokens)
        if isinstance(request, NotMade):
            _cannot_tell("cannot_ask")
        found: list[Installation] = []
        for _ in range(rules.most_pages):
            reply = await send(request, session=self.session, timeouts=self.timeouts)
            if not isinstance(reply, Reply):
                _cannot_tell(reply.code)
            if not _succeeded(reply):
                limited = reply.status == HTTPStatus.TOO_MANY_REQUESTS
                wait = retry_after(reply.headers, self.clock.now(), limited=limited)
                _cannot_tell(f"http_{reply.status}", wait)
            page = rules.found_in(reply)
            if page is None:
                _cannot_tell("unreadable_reply")
            found += page
            try:
                url = next_page(reply, request.url)
            except ValueError:
                _cannot_tell("unreadable_reply")
            if url is None:
                return tuple(found)
            # Such a URL is the provider's, who may have put anything into its query.
            request = attrs.evolve(request, url=url, shown_url=url.partition("?")[0])
        return _cannot_tell("too_many_pages")

    async def _validate(self, rules: ValidationRules, tokens: TokenSet) -> Validity:
        reply = await self._ask(rules.call, tokens)
        if isinstance(reply, NotMade):
            return TokenUnverified("cannot_ask")
        if not isinstance(reply, Reply):
            return TokenUnverified(reply.code)
        validity = rules.verdict(reply, self.clock.now())
        if isinstance(validity, TokenValid) and rules.call == self.identity.call:
            return TokenValid(self._account_in(reply))
        return validity

    def _lag_pauses(self, tokens: TokenSet) -> tuple[float, ...]:
        """Return how long to wait each time before these tokens are shown again."""
        lags = self.validation is not None and self.validation.replica_lag
        issued_at = tokens.issued_at
        if not lags or issued_at is None or abs(self.clock.now() - issued_at) > _JUST_ISSUED:
            return ()
        return _LAG_PAUSES

    def _account_in(self, reply: Reply) -> Account | None:
        if not _succeeded(reply):
            return None
        return self.identity.in_answer.account(read_json(reply.body), reply.headers)

    def _request(self, call: Call, tokens: TokenSet) -> HttpRequest | NotMade:
        request = call.request(tokens, self.credentials, self.api)
        if isinstance(request, NotMade):
            return request
        return attrs.evolve(request, reach=self.answered_reach if call.led_by_answers else self.reach)

    async def _ask(self, call: Call, tokens: TokenSet) -> Reply | NotSent | Unknown | NotMade:
        request = self._request(call, tokens)
        if isinstance(request, NotMade):
            return request
        return await send(request, session=self.session, timeouts=self.timeouts)


def _cannot_tell(code: str, wait: timedelta | None = None) -> NoReturn:
    # The code alone: the provider's own text goes nowhere.
    msg = f"what the token reaches could not be found out: {code}"
    raise ProviderUnavailable(msg, retry_after=wait) from None
