"""Where the service has a link from: new tokens not saved yet, memory, or the store."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import final

from extauth.domain.at_a_glance import Glance
from extauth.domain.freshness import SERVE, Decision, Serve
from extauth.domain.link import Link, LinkKey
from extauth.domain.policy import RefreshPolicy
from extauth.domain.ports import Clock
from extauth.services.providers import is_own_grant
from extauth.services.refresh.healing import Healing
from extauth.services.refresh.remembered import Remembered, RememberedLinks, timestamps_of
from extauth.services.refresh.request import TokenRequest
from extauth.services.refresh.unsaved import UnsavedTokens
from extauth.services.serving import Serving


@final
class AtOnce:
    """Serves remembered links to those who need not be asked who they are, and of whom no trail is kept."""

    def __init__(self, serving: Serving, remembered: RememberedLinks | None) -> None:
        self._serving = serving
        self._remembered = None if serving.asks or serving.tells else remembered

    def found(self, provider_id: str, user_id: str) -> Remembered | None:
        """Return a link whose own token is served as it is: all that a remembered call costs. None: ask on.

        :raises RuntimeError: on another event loop, and when the service is closed.
        """
        if self._remembered is None:
            return None
        self._serving.check()
        return self._remembered.served(provider_id, user_id)


@final
class LinkReads:
    """Reads links for requests, and gives each request back as it is served: by the provider with the client
    that the link was made with, but from memory as it came."""

    def __init__(
        self,
        healing: Healing,
        unsaved_tokens: UnsavedTokens,
        remembered: RememberedLinks | None,
        clock: Clock,
        policy: RefreshPolicy,
    ) -> None:
        self._healing = healing
        self._unsaved_tokens = unsaved_tokens
        self._remembered = remembered
        self._clock = clock
        self._policy = policy
        self._glance = Glance(policy)
        self._timestamp = timestamps_of(clock)

    def served(self, request: TokenRequest, key: LinkKey) -> tuple[TokenRequest, Link] | None:
        """Return a remembered link if what is wanted of it is served as it is."""
        if self._remembered is None:
            return None
        found = self._remembered.recall(key.provider_id, key.user_id)
        if found is None:
            return None
        # By the traits of whichever client: no exchange is under way, so that they decide nothing here.
        decision = request.decide(found.link, self._clock.now(), self._policy)
        return (request, found.copied()) if isinstance(decision, Serve) else None

    def read(self, request: TokenRequest, key: LinkKey) -> Awaitable[tuple[TokenRequest, Link]]:
        """Return the link as it is stored, which is remembered, if links are.

        :raises LinkNotFound: if there is none.
        """
        if self._remembered is None or self._unsaved_tokens.unsaved(key) is not None:
            return self._read(request, key)
        return self._read_to_remember(self._remembered, request, key)

    async def read_anew(self, request: TokenRequest, key: LinkKey) -> tuple[TokenRequest, Link]:
        """Return the link as it is stored, and forget what was remembered of it; this is not remembered.

        :raises LinkNotFound: if there is none.
        """
        if self._remembered is not None:
            self._remembered.forget(key)
        return await self._read(request, key)

    def decide(self, request: TokenRequest, link: Link) -> Decision:
        """Say what to do for the request."""
        if request.is_plain and self._glance.serves(link, self._timestamp()):
            return SERVE
        return request.decide(link, self._clock.now(), self._policy)

    async def _read(self, request: TokenRequest, key: LinkKey) -> tuple[TokenRequest, Link]:
        link = self._unsaved_tokens.unsaved(key) or await self._healing.read(key)
        if not is_own_grant(request.provider, link):  # hardly ever: not worth a coroutine each time
            request = await request.for_link(link)
        return request, link

    async def _read_to_remember(
        self, remembered: RememberedLinks, request: TokenRequest, key: LinkKey
    ) -> tuple[TokenRequest, Link]:
        begun = remembered.begin(key)
        good = None
        try:
            request, link = await self._read(request, key)
            good = link
        finally:
            remembered.end(key, begun, good, request.provider)
        return request, link
