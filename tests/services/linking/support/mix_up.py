"""An application with two servers, an honest one and an evil one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, final

from extauth import LinkingService, open_store
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.testing import AuthorizationServer, Callback, Consent, ServerQuirks
from tests.services.linking.conftest import parameters
from tests.services.linking.support.evil_server import EvilServer, evil_server, sent_on

SHARED = "https://app.example/callback"
OWN = {"honest": f"{SHARED}/honest", "evil": f"{SHARED}/evil"}
VICTIM_THERE = "victim-there"
ONE_URI = {"honest": SHARED, "evil": SHARED}


@final
class MixUpWorld:
    """An application, an honest server with a confidential client and PKCE, and an evil one."""

    def __init__(self, server: AuthorizationServer, evil: EvilServer, store: Any) -> None:
        self.server = server
        self.evil = evil
        self.store = store
        self.exits = AsyncExitStack()

    def honest(self, **traits: Any) -> OAuth2Provider:
        return OAuth2Provider(
            "honest",
            client_id=self.server.client_id,
            client_secret=self.server.client_secret,
            authorize_url=self.server.authorize_url,
            token_url=self.server.token_url,
            **traits,
        )

    async def service(self, *providers: OAuth2Provider, **options: Any) -> LinkingService:
        service = LinkingService(self.store, providers, **options)
        return await self.exits.enter_async_context(service)

    async def lured(self, linking: Any, redirect_uris: dict[str, str], asked: str | None = None) -> Callback:
        """Let mallory begin at the honest server, and the victim at the evil one; return the victim's
        callback. ``asked`` is the redirect URI that the evil server has the victim's browser ask for."""
        self.evil.lure = await linking.begin("honest", "mallory", redirect_uris["honest"])
        self.evil.redirect_uri = asked
        url = await linking.begin("evil", "victim", redirect_uris["evil"])
        # The victim is signed in at the honest server, which knows the application.
        return await self.server.visit(await sent_on(url), Consent.approve(VICTIM_THERE))

    async def injected(self, linking: Any, **options: Any) -> str | None:
        """Let mallory complete their own flow with what was stolen; return whom their link acts as."""
        callback = {"code": self.evil.stolen[0], "state": parameters(self.evil.lure)["state"]}
        link = await linking.complete(callback, user_id="mallory", **options)
        return self.server.grants.subject_of(link.tokens.access_token)

    def begun(self) -> int:
        """Return how many authorizations the store knows."""
        return len(self.store._authorizations._begun)

    async def connected(self, linking: Any, user_id: str, redirect_uri: str) -> str | None:
        """Connect a user at the honest server; return whom their link acts as."""
        url = await linking.begin("honest", user_id, redirect_uri)
        callback = await self.server.visit(url, Consent.approve(f"{user_id}-there"))
        link = await linking.complete(callback.url, user_id=user_id)
        return self.server.grants.subject_of(link.tokens.access_token)


@asynccontextmanager
async def mix_up_world(*, sends_iss: bool = False) -> AsyncIterator[MixUpWorld]:
    """Run both servers; ``sends_iss``: the honest one says its issuer in its answer (RFC 9207)."""
    async with (
        AuthorizationServer(
            quirks=ServerQuirks(sends_iss=sends_iss), redirect_uris=[SHARED, OWN["honest"]]
        ) as server,
        evil_server() as evil,
        open_store("memory://") as store,
    ):
        made = MixUpWorld(server, evil, store)
        async with made.exits:
            yield made
