"""What a caller wants of a grant: which of its access tokens, and which one not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import final

import attrs

from extauth.domain.freshness import REFRESH, Decision, blocked, decide, outlived, too_short
from extauth.domain.link import Link
from extauth.domain.optional_keywords import takes
from extauth.domain.outcomes import ExchangeOutcome
from extauth.domain.policy import RefreshPolicy, positive
from extauth.domain.ports import OAuthProvider
from extauth.domain.resources import RejectedToken, seen_for, token_works
from extauth.domain.storable import storable_text
from extauth.domain.token_set import TokenSet
from extauth.services.providers import is_own_grant
from extauth.services.registered_clients import own_provider


@final
@attrs.frozen(eq=False)
class TokenRequest:
    """An access token of a provider's grant, for one resource (RFC 8707) or for none.

    :raises ValueError: for a resource that cannot be one, a provider that gives no tokens for resources, or
        a ``valid_for`` that is not positive.
    :raises TypeError: for a ``valid_for`` that is no ``timedelta``.
    """

    provider: OAuthProvider
    resource: str | None = None
    rejected: RejectedToken | None = None
    """An access token that an API refuses; wherever it turns up, it does not count as working."""
    valid_for: timedelta | None = attrs.field(default=None, validator=attrs.validators.optional(positive))
    """For how long it should work, where the provider's tokens live so long."""

    def __attrs_post_init__(self) -> None:
        if self.resource is None:
            return
        if not storable_text(self.resource, "resource"):
            msg = "resource must not be empty"
            raise ValueError(msg)
        if not takes(self.provider.refresh, "resource"):
            msg = (
                f"{self.provider.provider_id} gives no access tokens for single resources (RFC 8707): the"
                f" method refresh of {type(self.provider).__name__} takes no resource"
            )
            raise ValueError(msg)

    @property
    def is_plain(self) -> bool:
        """Whether this is the grant's own token, for however long."""
        return self.resource is None and self.valid_for is None and self.rejected is None

    def token(self, link: Link) -> str | None:
        """Return the token that the link has for this, working or not; None if it has none yet."""
        view = seen_for(link, self.resource)
        return None if view is None else view.tokens.access_token

    def seen(self, link: Link) -> Link:
        """Return the link, once it has the token, as whoever wants this gets it."""
        view = seen_for(link, self.resource)
        if view is None:
            raise AssertionError(link)
        return view

    def refused(self, link: Link) -> bool:
        """Say whether the link has the very token that an API refuses."""
        return self.rejected is not None and self.rejected.stands_in(link, self.resource)

    def works(self, link: Link, now: datetime) -> bool:
        """Say whether the link has this token, and it can be expected to work."""
        return token_works(link, self.resource, now, rejected=self.rejected)

    def works_for(self, link: Link, now: datetime) -> float:
        """Return for how many seconds the link's token for this can be expected to work."""
        if not self.works(link, now):
            return 0.0
        expires_at = self.seen(link).tokens.expires_at
        return float("inf") if expires_at is None else (expires_at - now).total_seconds()

    def decide(self, link: Link, now: datetime, policy: RefreshPolicy) -> Decision:
        """Say what to do for whoever wants this."""
        view = seen_for(link, self.resource)
        if view is None:
            return blocked(link, now) or REFRESH
        rejected = self.refused(link)
        return decide(view, now, policy, self.provider.traits, rejected=rejected, valid_for=self.valid_for)

    def too_short(self, link: Link, now: datetime) -> bool:
        """Say whether the link's token for this should be replaced by one that works for longer."""
        view = seen_for(link, self.resource)
        return view is not None and too_short(view, now, self.valid_for)

    def worked(self, link: Link, asked: datetime) -> bool:
        """Say whether the token for this, even if it is the rejected one, did when it was asked for."""
        return token_works(link, self.resource, asked) and not self.too_short(link, asked)

    def outlived(self, link: Link) -> timedelta | None:
        """Return how long the provider's tokens live, if they cannot be had for ``valid_for``."""
        return None if self.valid_for is None else outlived(self.seen(link), self.valid_for)

    async def for_link(self, link: Link) -> TokenRequest:
        """Return this with the provider that has the client which the link was made with.

        :raises ProviderMisconfigured: with ``grant_of_another_client`` if there is none.
        :raises StoreUnavailable: if there is no telling now.
        """
        if is_own_grant(self.provider, link):
            return self  # as nearly always
        return attrs.evolve(self, provider=await own_provider(self.provider, link))

    async def exchange(self, tokens: TokenSet) -> ExchangeOutcome:
        """Present the refresh token once, for this."""
        if self.resource is None:
            return await self.provider.refresh(tokens)
        return await self.provider.refresh(tokens, resource=self.resource)
