"""What a user's other links have to lose if a refresh token is presented twice."""

from __future__ import annotations

from typing import final

from extauth.domain.link import Link
from extauth.domain.ports import LinkReader, OAuthProvider, WallClock
from extauth.domain.revocation import links_at_stake
from extauth.services.providers import links_at_same_client


@final
class Siblings:
    """Looks at them for a provider that takes a spent refresh token for a theft from the whole account."""

    def __init__(self, store: LinkReader, clock: WallClock) -> None:
        self._store = store
        self._clock = clock

    async def may_end(self, provider: OAuthProvider, link: Link) -> bool:
        """Whether one of them may be ended, at such a provider."""
        traits = provider.traits
        account_wide = traits.rotates and traits.reuse_revokes_account
        return account_wide and await self.at_stake(provider, link)

    async def at_stake(self, provider: OAuthProvider, link: Link) -> bool:
        """Whether a replay of ``link``'s refresh token could end another link, or there is no telling."""
        links = await links_at_same_client(self._store, provider, link.key.user_id)
        if links is None:
            return True
        others = [other for other in links if other.key != link.key]
        return bool(links_at_stake(link.account, others, self._clock.now()))
