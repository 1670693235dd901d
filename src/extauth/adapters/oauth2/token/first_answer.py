"""What the first answer of a grant means: the tokens, and whose they are. Pure.

Only this answer has the user's identity, an ID token that is for this authorization, and companions.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import final

import attrs

from extauth.adapters.oauth2.endpoints.identity import AccountPaths, IdentityRules
from extauth.adapters.oauth2.http.reply import Reply
from extauth.adapters.oauth2.reading.id_token import checked_claims
from extauth.adapters.oauth2.reading.json_paths import opened
from extauth.adapters.oauth2.reading.members import granted_scopes, grants_no_scope
from extauth.adapters.oauth2.token.judge import judge
from extauth.adapters.oauth2.token.reply_rules import ReplyRules
from extauth.adapters.oauth2.token.token_endpoint import REMEMBERED_REDIRECT_URI
from extauth.domain.link import Account
from extauth.domain.linking_outcomes import IdTokenRejected
from extauth.domain.outcomes import Exchanged, ExchangeOutcome
from extauth.domain.policy import ProviderTraits
from extauth.domain.token_set import TokenSet

_CLAIMS = AccountPaths()


@final
@attrs.frozen(kw_only=True)
class FirstAnswers:
    """How one provider's first answers are judged."""

    rules: ReplyRules
    traits: ProviderTraits
    identity: IdentityRules
    client_id: str
    issuer: str | None
    openid: bool
    """Whether an ID token in an answer is looked at although no nonce was sent."""

    def judge(
        self, reply: Reply, *, asked_at: datetime, nonce: str | None = None
    ) -> ExchangeOutcome | IdTokenRejected:
        """Return what the answer means. With ``nonce`` it must have an ID token that carries it, unless it
        names the granted scopes without ``openid``, which the user may have unticked. Never raises.

        The account is the answer's own, or else the ID token's (OpenID Connect Core section 5.1).
        """
        outcome = judge(reply, self.rules, asked_at=asked_at, traits=self.traits)
        if not isinstance(outcome, Exchanged):
            return outcome
        members = opened(reply.members(), self.rules.tokens_at)
        account = None
        if self.identity.in_reply is not None:
            account = self.identity.in_reply.account(members)
        expects_token = nonce is not None or self.openid or self.identity.in_id_token
        signed = None
        if expects_token:
            signed = self._signed_account(members, outcome.tokens.access_token, asked_at, nonce)
        if isinstance(signed, IdTokenRejected):
            return signed
        return attrs.evolve(outcome, account=account or signed)

    def _signed_account(
        self, members: Mapping[str, object], access_token: str, now: datetime, nonce: str | None
    ) -> Account | IdTokenRejected | None:
        id_token = members.get("id_token")
        if not id_token:
            required = nonce is not None and self._grants_openid(members)
            return IdTokenRejected("id_token_missing") if required else None
        claims = checked_claims(
            id_token,
            client_id=self.client_id,
            issuer=self.issuer,
            nonce=nonce,
            access_token=access_token,
            now=now,
        )
        return claims if isinstance(claims, IdTokenRejected) else _CLAIMS.account(claims)

    def _grants_openid(self, members: Mapping[str, object]) -> bool:
        separator, fields = self.rules.scope_separator, self.rules.scope_fields
        granted = granted_scopes(members, separator, fields)
        # An answer that says nothing of scopes grants those that were asked for (RFC 6749 section 5.1).
        return "openid" in granted or (not granted and not grants_no_scope(members, separator, fields))


def remembering(outcome: Exchanged, redirect_uri: str) -> Exchanged:
    """Return the same with the redirect URI among what is kept, for refreshes to repeat."""

    def kept(tokens: TokenSet) -> TokenSet:
        return attrs.evolve(tokens, extra={**tokens.extra, REMEMBERED_REDIRECT_URI: redirect_uri})

    companions = {name: kept(tokens) for name, tokens in outcome.companions.items()}
    return attrs.evolve(outcome, tokens=kept(outcome.tokens), companions=companions)
