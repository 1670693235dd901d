"""Saying once a provider that its tokens live for less than a caller wants."""

from __future__ import annotations

from typing import final

from extauth.domain.link import Link
from extauth.services.events import logger
from extauth.services.refresh.request import TokenRequest


@final
class ShortLives:
    """Warns of tokens that live for less than some caller wanted."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        """By provider."""

    def look_at(self, request: TokenRequest, link: Link) -> None:
        """Warn if the token handed out cannot be had for as long as was asked."""
        provider_id, lifetime = request.provider.provider_id, request.outlived(link)
        if lifetime is not None and provider_id not in self._told:
            self._told.add(provider_id)
            logger.warning(
                "access tokens of %s live for %s: valid_for=%s is more than they can be had for, so what"
                " there is is handed out",
                provider_id,
                lifetime,
                request.valid_for,
            )
