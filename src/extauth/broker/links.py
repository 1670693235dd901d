"""Getting the token of a link for a request, and another one if the API refuses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import attrs

from extauth.auth import Auth
from extauth.broker.targets import Target
from extauth.domain.errors import ConfigurationError, ReauthorizationRequired, TemporarilyUnavailable
from extauth.domain.hidden import Hidden, NamesOnly
from extauth.domain.link import Link
from extauth.services.providers import provider_of


@final
@attrs.frozen
class LinkTokens:
    """The tokens of the link that a request names."""

    auth: Auth
    target: Target

    async def current(self) -> Link:
        """Return the link, whose token works as far as is known.

        :raises ExtAuthError: as :meth:`extauth.Auth.link`.
        """
        return await self.auth.link(self.target.provider_id, self.target.user_id)

    async def after_refusal(self, link: Link) -> Link | None:
        """Return the link with another token than the one that the API has refused; None if there is none, or
        it refuses new ones as well."""
        if self.auth.tokens.refused_anew.in_vain(link.key, link.tokens):
            return None
        rejected = Hidden(link.tokens.access_token)
        try:
            link = await self.auth.refresh(
                self.target.provider_id, self.target.user_id, rejected=rejected.value
            )
        except (ReauthorizationRequired, TemporarilyUnavailable, ConfigurationError):
            return None  # the API's own answer is what there is to tell
        return None if link.tokens.access_token == rejected.value else link

    def refused_again(self, link: Link) -> None:
        """Take note that the API refused what :meth:`after_refusal` gave."""
        self.auth.tokens.refused_anew.note(link.key, link.tokens)

    def shown(self, link: Link) -> Mapping[str, str]:
        """Return the headers that show the token to the API."""
        provider = provider_of(self.auth.tokens.providers, self.target.provider_id)
        headers: Mapping[str, str] | None = None
        if (api_headers := getattr(provider, "api_headers", None)) is not None:
            headers = api_headers(link.tokens)
        return NamesOnly(headers or {"Authorization": f"Bearer {link.tokens.access_token}"})
