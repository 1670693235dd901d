"""An evil server shows a client's assertion to the honest one whose endpoint it names (rfc7523bis)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, final
from urllib.parse import parse_qs

import pytest
from aiohttp import ClientSession, web
from joserfc.jwk import RSAKey

from extauth import TokenSet
from extauth.adapters.discovery import discover
from extauth.adapters.oauth2 import OAuth2Provider, PrivateKey
from extauth.adapters.oauth2.client.client_auth import ClientCredentials
from extauth.testing import AuthorizationServer, ServerQuirks
from tests.adapters.discovery.conftest import Site, served_site
from tests.attacks.attack import Attack
from tests.attacks.fence import Fence

_BY_KEY: dict[str, Any] = {"client_auth": {"private_key_jwt"}}


@final
class World:
    """An honest server that knows the client by its key, and an evil one where it has the same id and key."""

    def __init__(self, honest: AuthorizationServer, evil: Site, key: PrivateKey) -> None:
        self.honest = honest
        self.evil = evil
        self.key = key

    def known(self) -> OAuth2Provider:
        """Return the application's provider for the honest server."""
        return OAuth2Provider(
            "honest",
            client_id=self.honest.client_id,
            client_auth="private_key_jwt",
            client_key=self.key,
            issuer=self.honest.issuer,
            token_url=self.honest.token_url,
        )

    async def lured(self) -> OAuth2Provider:
        """Return what discovery makes of the evil server, whose token endpoint is the honest one's."""
        document = self.evil.server_document(
            self.evil.url,
            token_endpoint=self.honest.token_url,
            revocation_endpoint=f"{self.evil.url}/revoke",
            device_authorization_endpoint=f"{self.evil.url}/device",
        )
        self.evil.publish("/.well-known/oauth-authorization-server", document)
        for path in ("/revoke", "/device"):
            self.evil.page(path, lambda: web.Response(status=400))
        metadata = await discover(self.evil.url)
        return metadata.provider(
            "evil",
            client_id=self.honest.client_id,
            client_auth="private_key_jwt",
            client_key=self.key,
        )

    async def replayed(self) -> object:
        """Show what the evil server was sent last to the honest one, with a refresh token that was stolen."""
        sent = parse_qs(self.evil.bodies[-1].decode())
        stolen = self.honest.new_grant("victim").refresh_token
        form = {
            "grant_type": "refresh_token",
            "refresh_token": stolen,
            "client_id": self.honest.client_id,
            "client_assertion_type": sent["client_assertion_type"][0],
            "client_assertion": sent["client_assertion"][0],
        }
        async with ClientSession() as http, http.post(self.honest.token_url, data=form) as answer:
            return (await answer.json()).get("access_token")


@asynccontextmanager
async def _world() -> AsyncIterator[World]:
    key = RSAKey.generate_key(2048)
    public, private = (key.as_pem(private=private).decode() for private in (False, True))
    quirks = ServerQuirks(**_BY_KEY)
    async with (
        AuthorizationServer(quirks=quirks, client_key=public) as honest,
        served_site() as evil,
    ):
        yield World(honest, evil, PrivateKey(private))


async def _by_revocation(_: Fence) -> object:
    async with _world() as world:
        provider = await world.lured()
        await provider.revoke(TokenSet("at", refresh_token="rt"))
        return await world.replayed()


async def _by_device_flow(_: Fence) -> object:
    async with _world() as world:
        provider = await world.lured()
        await provider.begin_device(frozenset())
        return await world.replayed()


async def _own_server(_: Fence) -> None:
    async with _world() as world:
        tokens = world.honest.new_grant("alice")
        await world.known().refresh(tokens)
        assert world.honest.grants.rotations == 1


def _token_endpoint(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ClientCredentials, "_audience", lambda self, _: self.token_endpoint)


ATTACKS = [
    Attack(
        name="assertion audience: a revocation's assertion is shown to the honest token endpoint",
        source="draft-ietf-oauth-rfc7523bis (audience injection), CVE-2025-27371",
        attempt=_by_revocation,
        honest=_own_server,
        without_guard=_token_endpoint,
    ),
    Attack(
        name="assertion audience: a device request's assertion is shown to the honest token endpoint",
        source="draft-ietf-oauth-rfc7523bis (audience injection), CVE-2025-27371",
        attempt=_by_device_flow,
        honest=_own_server,
        without_guard=_token_endpoint,
    ),
]
