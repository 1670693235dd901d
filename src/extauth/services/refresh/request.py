"""What a caller wants of a grant: which of its access tokens, and which one not."""

from __future__ import annotations

from datetime import datetime
from typing import cast, final

import attrs

from extauth.domain.freshness import Decision, access_token_works, decide
from extauth.domain.link import Link
from extauth.domain.outcomes import ExchangeOutcome
from extauth.domain.policy import RefreshPolicy
from extauth.domain.ports import OAuthProvider, ResourceProvider
from extauth.domain.resources import seen_for
from extauth.domain.storable import masked, storable_text
from extauth.domain.token_set import TokenSet


@final
@attrs.frozen(eq=False)
class TokenRequest:
    """An access token of a provider's grant, for one resource (RFC 8707) or for none.

    :raises ValueError: for a resource that cannot be one, or a provider that gives no tokens for resources.
    """

    provider: OAuthProvider
    resource: str | None = None
    rejected: str | None = attrs.field(default=None, repr=masked)
    """An access token that an API refuses; wherever it turns up, it does not count as working."""

    def __attrs_post_init__(self) -> None:
        if self.resource is None:
            return
        if not storable_text(self.resource, "resource"):
            msg = "resource must not be empty"
            raise ValueError(msg)
        if not hasattr(self.provider, "refresh_for"):
            msg = f"{self.provider.provider_id} gives no access tokens for single resources (RFC 8707)"
            raise ValueError(msg)

    def seen(self, link: Link) -> Link:
        """Return the link as whoever wants this sees it."""
        return seen_for(link, self.resource)

    def works(self, link: Link, now: datetime) -> bool:
        """Say whether the link has this token, and it can be expected to work."""
        view = self.seen(link)
        return access_token_works(view, now, rejected=view.tokens.access_token == self.rejected)

    def decide(self, link: Link, now: datetime, policy: RefreshPolicy) -> Decision:
        """Say what to do for whoever wants this."""
        view = self.seen(link)
        rejected = view.tokens.access_token == self.rejected
        return decide(view, now, policy, self.provider.traits, rejected=rejected)

    async def exchange(self, tokens: TokenSet) -> ExchangeOutcome:
        """Present the refresh token once, for this."""
        if self.resource is None:
            return await self.provider.refresh(tokens)
        return await cast("ResourceProvider", self.provider).refresh_for(tokens, self.resource)
