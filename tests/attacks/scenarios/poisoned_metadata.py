"""A server publishes a document that is another's, or has another's endpoints in it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest

from extauth import LinkingFailed, LinkingService, ProviderMisconfigured, TokenService
from extauth.adapters.discovery import discover, metadata, register_client
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.services.linking.endpoints import Endpoints
from extauth.testing import AuthorizationServer, Consent, ServerQuirks
from tests.attacks.attack import Attack
from tests.attacks.evil_site import EvilSite, evil_site
from tests.attacks.fence import Fence
from tests.support.raw_client import ask, bearer

OWN = {each: f"https://app.example/callback/{each}" for each in ("honest", "evil")}
VICTIM = Consent.approve("victim-there")
WITHOUT_ISS = ServerQuirks(sends_iss=False)


async def _another_issuer(_: Fence) -> object:
    """The document names the honest server, but for the token endpoint."""
    async with AuthorizationServer(quirks=WITHOUT_ISS) as server, evil_site() as site:
        site.publish(
            issuer=server.issuer, authorization_endpoint=server.authorize_url, registration_endpoint=None
        )
        site.token_url = server.token_url
        client = await register_client(
            await discover(server.issuer), redirect_uris=[OWN["honest"]], client_name="App"
        )
        found = await discover(site.url)
        await _link(server, [found.provider("honest", client_id=client.client_id)], "honest")
        return server.grants.subject_of(site.taken[0]["access_token"]) == "victim-there"


async def _honest_document(_: Fence) -> None:
    async with AuthorizationServer() as server:
        found = await discover(server.issuer)
        client = await register_client(found, redirect_uris=[OWN["honest"]], client_name="App")
        provider = found.provider("honest", client_id=client.client_id, client_secret=client.client_secret)
        assert await _link(server, [provider], "honest") == "victim-there"


async def _link(
    server: AuthorizationServer, providers: Sequence[OAuth2Provider], provider_id: str
) -> str | None:
    """Connect the victim; return whom the link acts as."""
    async with LinkingService(MemoryLinkStore(), providers) as linking:
        url = await linking.begin(provider_id, "victim", OWN[provider_id])
        link = await linking.complete((await server.visit(url, VICTIM)).url, user_id="victim")
        return server.grants.subject_of(link.tokens.access_token)


def _any_issuer(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(metadata, "check_issuer", lambda *_: None)


async def _poisoned(server: AuthorizationServer, site: EvilSite) -> OAuth2Provider:
    """Return what discovery makes of a document with the honest server's endpoints, and of a registration
    with a client that the attacker has there."""
    body = {"redirect_uris": [OWN["evil"]], "token_endpoint_auth_method": "none", "client_name": "App"}
    site.registration = (await ask("POST", server.registration_url, json=body)).json
    site.publish(
        authorization_endpoint=server.authorize_url,
        token_endpoint=server.token_url,
        token_endpoint_auth_methods_supported=["none"],
    )
    found = await discover(site.url)
    client = await register_client(found, redirect_uris=[OWN["evil"]], client_name="App")
    return found.provider("evil", client_id=client.client_id)


def _honest(server: AuthorizationServer) -> OAuth2Provider:
    return OAuth2Provider(
        "honest",
        client_id=server.client_id,
        client_secret=server.client_secret,
        authorize_url=server.authorize_url,
        token_url=server.token_url,
    )


async def _token_shown_to_the_api(*, services: int) -> object:
    """The application gets the victim's token for the evil server's API, and shows it there."""
    async with (
        AuthorizationServer(quirks=WITHOUT_ISS, redirect_uris=[OWN["honest"]]) as server,
        evil_site() as site,
        AsyncExitStack() as exits,
    ):
        store, honest, evil = MemoryLinkStore(), _honest(server), await _poisoned(server, site)
        beside = [honest] if services == 1 else []
        if services > 1:
            await exits.enter_async_context(LinkingService(store, [honest]))
        linking = await exits.enter_async_context(LinkingService(store, [*beside, evil]))
        url = await linking.begin("evil", "victim", OWN["evil"])
        await linking.complete((await server.visit(url, VICTIM)).url, user_id="victim")
        tokens = await exits.enter_async_context(TokenService(store, [honest, evil]))
        access_token = await tokens.access_token("evil", "victim")
        await ask("GET", f"{site.url}/api", headers=bearer(access_token))
        return server.accepts(site.bearers[0]) and server.grants.subject_of(site.bearers[0])


async def _in_one_service(_: Fence) -> object:
    return await _token_shown_to_the_api(services=1)


async def _in_a_service_of_its_own(_: Fence) -> object:
    return await _token_shown_to_the_api(services=2)


async def _honest_beside_evil(_: Fence) -> None:
    async with (
        AuthorizationServer(quirks=WITHOUT_ISS, redirect_uris=[OWN["honest"]]) as server,
        evil_site() as site,
    ):
        providers = [_honest(server), await _poisoned(server, site)]
        assert await _link(server, providers, "honest") == "victim-there"


def _any_endpoint(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Endpoints, "check", lambda *_: None)


ATTACKS = [
    Attack(
        name="poisoned metadata: another issuer's document with a token endpoint of one's own",
        source="RFC 8414 3.3 and 6.2",
        attempt=_another_issuer,
        honest=_honest_document,
        without_guard=_any_issuer,
        refused=(ProviderMisconfigured, LinkingFailed),
    ),
    Attack(
        name="poisoned metadata: another server's endpoints and a client there",
        source="RFC 8414 6.2, security-topics-update-03 (COAT)",
        attempt=_in_one_service,
        honest=_honest_beside_evil,
        without_guard=_any_endpoint,
        refused=ProviderMisconfigured,
    ),
    Attack(
        name="poisoned metadata: the same, in a service of its own on the same store",
        source="RFC 8414 6.2, security-topics-update-03 (COAT)",
        attempt=_in_a_service_of_its_own,
        honest=_honest_beside_evil,
        without_guard=_any_endpoint,
        refused=ProviderMisconfigured,
    ),
]
