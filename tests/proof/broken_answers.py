"""Broken answers to callers, and tokens where nobody may see them."""

from __future__ import annotations

from contextlib import contextmanager

from extauth.domain.errors import ExtAuthError
from extauth.domain.events import RefreshFailed
from extauth.domain.link import LinkKey
from extauth.services.errors import provider_unavailable
from extauth.services.events import logger
from extauth.services.refresh import attempt
from extauth.services.refresh.exchange import RefreshExchange
from extauth.services.refresh.service import TokenService
from tests.proof.breaking import replacing

_refresh = TokenService.refresh
_once = RefreshExchange._once


async def _fresh_or_nothing(self, wanted, link):
    return (await self._fly(wanted, link, lambda _: False)).link


async def _fresh_or_whatever(self, wanted, link):
    try:
        return await _fresh_or_nothing(self, wanted, link)
    except ExtAuthError:
        return link


def _refused(link, retry_after, reason, *, works):
    raise provider_unavailable(link.key, reason, retry_after)


@contextmanager
def withheld():
    """Withhold a working token when its refresh fails."""
    with (
        replacing(attempt, "served", _refused)(),
        replacing(TokenService, "_fresh_or_working", _fresh_or_nothing)(),
    ):
        yield


expired_served = replacing(TokenService, "_fresh_or_working", _fresh_or_whatever)
"""When a refresh fails its callers get the expired token."""


async def _refreshed_or_whatever(self, provider_id, user_id, *, rejected=None, resource=None):
    try:
        return await _refresh(self, provider_id, user_id, rejected=rejected, resource=resource)
    except ExtAuthError:
        return await self._reads._healing.read(LinkKey(provider_id, user_id))


refused_served = replacing(TokenService, "refresh", _refreshed_or_whatever)
"""When a refresh fails its callers get the token that an API has refused."""


async def _logged(self, wanted, link):
    logger.warning("presenting %s", link.tokens.refresh_token)
    return await _once(self, wanted, link)


token_in_log = replacing(RefreshExchange, "_once", _logged)
"""A log line shows a refresh token."""


async def _told(self, wanted, link):
    self._emitter.emit(RefreshFailed(link.key, link.version, str(link.tokens.refresh_token), None))
    return await _once(self, wanted, link)


token_in_event = replacing(RefreshExchange, "_once", _told)
"""An event shows a refresh token."""


def _quoted(link, retry_after, reason, *, works):
    raise provider_unavailable(link.key, f"{reason}: {link.tokens.refresh_token}", retry_after)


token_in_error = replacing(attempt, "served", _quoted)
"""An error shows a refresh token."""
