"""Finding links that end soon, and writing the event once for each end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, final

import attrs

from extauth.domain.errors import UnknownProvider
from extauth.domain.health import Expiring, expiring, warned_ahead
from extauth.domain.outbox import EndingLink, OutboxScan
from extauth.domain.policy import ProviderTraits
from extauth.domain.ports import OAuthProvider
from extauth.services.providers import provider_of

PAGE: Final = 500


@final
@attrs.frozen
class ExpiryScan:
    """Looks through the links whose end is known, from ``ahead`` ago to ``ahead`` from now.

    What ended before that is no news.
    """

    outbox: OutboxScan
    providers: Mapping[str, OAuthProvider]
    ahead: timedelta

    async def run(self, now: datetime) -> int:
        """Write an event for each link that ends soon and has none yet, and return how many.

        :raises StoreUnavailable: try again later; what was written stays.
        """
        told, last = 0, None
        while True:
            page = await self.outbox.ending(last, since=now - self.ahead, before=now + self.ahead, limit=PAGE)
            for link in page:
                end = expiring(link.lifetimes, now, self._traits(link), ahead=self.ahead)
                if end is not None and is_news(link, end, self.ahead):
                    told += await self.outbox.tell_expiring(link, end.at, end.source)
            if len(page) < PAGE:
                return told
            last = page[-1]

    def _traits(self, link: EndingLink) -> ProviderTraits | None:
        try:
            return provider_of(self.providers, link.key.provider_id).traits
        except UnknownProvider:
            return None


def is_news(link: EndingLink, end: Expiring, ahead: timedelta) -> bool:
    """Whether this end is another than the application was told of last. Pure.

    Where each refresh puts the end off a little, it is the same one for as long as it was told ahead of.
    """
    return link.told is None or end.at >= link.told + warned_ahead(link.lifetimes, end, ahead)
