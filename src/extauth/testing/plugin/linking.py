"""Connecting users in a test, as they would by their browser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, final

import attrs

from extauth.auth import Auth
from extauth.domain.link import Link
from extauth.domain.linking_ports import LinkingProvider
from extauth.testing.scripted.linking import ScriptedLinkingProvider

if TYPE_CHECKING:
    from extauth.testing.server.authorization_server import AuthorizationServer


@final
class Linker:
    """Connects users when it is called: ``link = await extauth_linked("alice")``."""

    def __init__(
        self, auth: Auth, providers: Sequence[LinkingProvider], server: AuthorizationServer | None
    ) -> None:
        self._auth = auth
        self._providers = {provider.provider_id: provider for provider in providers}
        self._server = server

    async def __call__(
        self, user_id: str = "alice", provider_id: str | None = None, *, scopes: Iterable[str] | None = None
    ) -> Link:
        """Have the user go to the provider, say yes and come back, and return the link.

        To the provider they are ``user_id``, too. Without ``provider_id`` it is the first provider.

        :raises LookupError: if there is no such provider, or one that is neither scripted nor
            ``extauth_server``: nobody can say yes there.
        """
        provider_id = next(iter(self._providers), "") if provider_id is None else provider_id
        provider = self._providers.get(provider_id)
        redirect_uri = f"https://app.example/callback/{provider_id}"
        if isinstance(provider, ScriptedLinkingProvider):
            url = await self._auth.begin(provider_id, user_id, redirect_uri, scopes=scopes)
            callback: str | dict[str, str] = provider.consent(url, user_id)
        elif provider is not None and self._server is not None:
            self._server.redirect_uris.add(redirect_uri)
            url = await self._auth.begin(provider_id, user_id, redirect_uri, scopes=scopes)
            if not url.startswith(self._server.authorize_url):
                raise LookupError(self._nobody(provider_id))
            # Whatever else the test has them answer there, such as a denial, is answered.
            answer = attrs.evolve(self._server.consent, account=user_id)
            callback = (await self._server.visit(url, answer)).params
        else:
            raise LookupError(self._nobody(provider_id))
        return await self._auth.complete(callback, user_id=user_id, provider_id=provider_id)

    def _nobody(self, provider_id: str) -> str:
        known = ", ".join(self._providers) or "none"
        return f"{provider_id!r} is no provider that a test can say yes at; extauth_providers has {known}"
