"""A code that was caught on its way is injected into the attacker's own flow, or redeemed at once."""

from __future__ import annotations

from typing import Any

import pytest

from extauth import LinkingFailed, LinkingService, ProviderMisconfigured
from extauth.adapters.discovery import ServerMetadata, discover, register_client
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2 import IdentityRules, OAuth2Provider
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
from extauth.adapters.providers import box
from extauth.testing import AuthorizationServer, Consent, ServerQuirks
from tests.attacks.attack import Attack
from tests.attacks.evil_site import EvilSite, evil_site, no_nonce
from tests.attacks.fence import Fence
from tests.services.linking.conftest import parameters
from tests.support.raw_client import ask

CALLBACK = "https://app.example/callback"
VICTIM = Consent.approve("victim-there")


async def _caught_code(linking: LinkingService, server: AuthorizationServer, provider_id: str) -> str:
    """Let the victim begin; return the code, which reaches the attacker before the application."""
    url = await linking.begin(provider_id, "victim", CALLBACK)
    return (await server.visit(url, VICTIM)).params["code"]


async def _injected(server: AuthorizationServer, provider: OAuth2Provider) -> object:
    """Let the attacker finish their own flow with it; return whether their link acts as the victim."""
    async with LinkingService(MemoryLinkStore(), [provider]) as linking:
        code = await _caught_code(linking, server, provider.provider_id)
        own = await linking.begin(provider.provider_id, "mallory", CALLBACK)
        callback = {"code": code, "state": parameters(own)["state"]}
        if server.issuer == provider.linking.issuer:
            callback["iss"] = server.issuer
        link = await linking.complete(callback, user_id="mallory")
        return server.grants.subject_of(link.tokens.access_token) == "victim-there"


async def _connected(server: AuthorizationServer, provider: OAuth2Provider) -> None:
    async with LinkingService(MemoryLinkStore(), [provider]) as linking:
        url = await linking.begin(provider.provider_id, "victim", CALLBACK)
        link = await linking.complete((await server.visit(url, VICTIM)).url, user_id="victim")
        assert server.grants.subject_of(link.tokens.access_token) == "victim-there"


def _preset(server: AuthorizationServer) -> OAuth2Provider:
    """Return a confidential client by a preset whose provider does not speak of PKCE."""
    return box(
        client_id=server.client_id,
        client_secret=server.client_secret,
        client_auth="client_secret_basic",
        authorize_url=server.authorize_url,
        token_url=server.token_url,
        identity=IdentityRules(),
    )


async def _at_a_preset(_: Fence) -> object:
    async with AuthorizationServer(redirect_uris=[CALLBACK]) as server:
        return await _injected(server, _preset(server))


async def _honest_preset(_: Fence) -> None:
    for pkce in ("allowed", "ignored"):
        async with AuthorizationServer(quirks=ServerQuirks(pkce=pkce), redirect_uris=[CALLBACK]) as server:
            await _connected(server, _preset(server))


def _no_challenge(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AuthorizationRules, "takes_challenge", lambda *_, **__: False)


async def _discovered(server: AuthorizationServer) -> OAuth2Provider:
    found = await discover(server.issuer)
    return found.provider(
        "company", client_id=server.client_id, client_secret=server.client_secret, scopes=["openid"]
    )


async def _challenge_ignored(_: Fence) -> object:
    quirks = ServerQuirks(pkce="ignored")
    async with AuthorizationServer(quirks=quirks, redirect_uris=[CALLBACK]) as server:
        return await _injected(server, await _discovered(server))


async def _honest_openid(_: Fence) -> None:
    quirks = ServerQuirks(pkce="ignored")
    async with AuthorizationServer(quirks=quirks, redirect_uris=[CALLBACK]) as server:
        await _connected(server, await _discovered(server))


async def _public_provider(server: AuthorizationServer, site: EvilSite, **members: Any) -> OAuth2Provider:
    """Return a client without a secret at a server whose document has these members."""
    site.publish(
        authorization_endpoint=server.authorize_url,
        token_endpoint=server.token_url,
        registration_endpoint=server.registration_url,
        token_endpoint_auth_methods_supported=["none"],
        **members,
    )
    found = await discover(site.url)
    client = await register_client(found, redirect_uris=[CALLBACK], client_name="App")
    return found.provider("company", client_id=client.client_id)


async def _redeemed(**members: Any) -> object:
    """Let the attacker bring the code that they caught, without a verifier, before the application does."""
    quirks = ServerQuirks(pkce="ignored", sends_iss=False)
    async with AuthorizationServer(quirks=quirks) as server, evil_site() as site:
        provider = await _public_provider(server, site, **members)
        async with LinkingService(MemoryLinkStore(), [provider]) as linking:
            code = await _caught_code(linking, server, provider.provider_id)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        answer = await ask("POST", server.token_url, data={**form, "client_id": provider.client_id})
        return server.grants.subject_of(answer.json["access_token"]) == "victim-there"


async def _only_plain(_: Fence) -> object:
    return await _redeemed(code_challenge_methods_supported=["plain"])


async def _no_method(_: Fence) -> object:
    return await _redeemed(code_challenge_methods_supported=None)


async def _honest_public_client(_: Fence) -> None:
    quirks = ServerQuirks(sends_iss=False)
    async with AuthorizationServer(quirks=quirks) as server, evil_site() as site:
        methods = ["plain", "S256"]
        await _connected(
            server, await _public_provider(server, site, code_challenge_methods_supported=methods)
        )


def _any_method(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ServerMetadata, "_check_pkce", lambda *_, **__: None)


ATTACKS = [
    Attack(
        name="a caught code is injected at a preset whose provider does not speak of PKCE",
        source="RFC 9700 4.5, RFC 7636 1",
        attempt=_at_a_preset,
        honest=_honest_preset,
        without_guard=_no_challenge,
        refused=LinkingFailed,
    ),
    Attack(
        name="PKCE downgrade: the server ignores the challenge, and a caught code is injected",
        source="RFC 9700 4.8.2 and 4.5.3.2",
        attempt=_challenge_ignored,
        honest=_honest_openid,
        without_guard=no_nonce,
        refused=LinkingFailed,
    ),
    Attack(
        name="PKCE downgrade: the metadata offers plain alone",
        source="RFC 9700 2.1.1, RFC 7636 7.2",
        attempt=_only_plain,
        honest=_honest_public_client,
        without_guard=_any_method,
        refused=ProviderMisconfigured,
    ),
    Attack(
        name="a code of a client without a secret is redeemed where PKCE is not offered",
        source="RFC 9700 2.1.1, RFC 8252 8.1",
        attempt=_no_method,
        honest=_honest_public_client,
        without_guard=_any_method,
        refused=ProviderMisconfigured,
    ),
]
