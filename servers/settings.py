"""What the application knows of the server that it is connected to."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import final

import attrs

import extauth
from extauth import Auth, ProviderTraits
from extauth.adapters.discovery import mcp_provider
from extauth.adapters.oauth2 import ClientAuth, OAuth2Provider, PrivateKey, Revocation
from extauth.adapters.oauth2.options import AuthenticatedOptions
from extauth.domain.linking_ports import RegistrationStore
from extauth.domain.ports import Observer
from servers.running import REDIRECT_URI, Site

PROVIDER = "server"
USER = "someone"
NAME = "An application"


@final
@attrs.frozen
class McpClient:
    """How the application's client comes to an id at an MCP server: without any of this it registers."""

    client_id: str | None = None
    """Of a client that was registered by hand."""
    client_secret: str | None = attrs.field(default=None, repr=False)
    client_auth: ClientAuth | None = None
    document_url: str | None = None
    key: str | None = attrs.field(default=None, repr=False)
    """What the client of a document proves itself with, as PEM text; None for a public one."""

    @property
    def private_key(self) -> PrivateKey | None:
        """The key, to sign with."""
        return None if self.key is None else PrivateKey(self.key, "a-key", "ES256")


@asynccontextmanager
async def application(
    store: str, site: Site, client: McpClient | None, observer: Observer | None = None
) -> AsyncGenerator[tuple[Auth, OAuth2Provider]]:
    """Open the application: with the server as it knows it, or as it finds it for a client of MCP."""
    async with extauth.open_store(store, keys="plain") as opened:
        known = provider(site) if client is None else await found(site, opened, client)
        async with extauth.open(opened, [known], observer=observer) as auth:
            yield auth, known


async def found(site: Site, store: RegistrationStore, client: McpClient) -> OAuth2Provider:
    """Return the provider that the URL of its MCP server leads to."""
    assert site.mcp_url is not None
    given: AuthenticatedOptions = {}
    if client.client_auth is not None:
        given["client_auth"] = client.client_auth
    if client.key is not None:
        given["client_key"] = client.private_key
    return await mcp_provider(
        site.mcp_url,
        redirect_uri=REDIRECT_URI,
        store=store,
        client_name=NAME,
        provider_id=PROVIDER,
        client_id=client.client_id,
        client_secret=client.client_secret,
        client_document_url=client.document_url,
        **given,
    )


def provider(site: Site, *, secret: str | None = None) -> OAuth2Provider:
    """Return the provider, or one with a wrong secret."""
    revocation = None
    if site.revoke_url is not None:
        revocation = Revocation.standard(site.revoke_url, done_codes=frozenset(site.unknown_token_codes))
    return OAuth2Provider(
        PROVIDER,
        client_id=site.client_id,
        client_secret=secret or site.client_secret,
        authorize_url=site.authorize_url,
        token_url=site.token_url,
        revocation=revocation,
        client_auth="none" if site.client_secret is None else site.client_auth,
        scopes=site.scopes,
        issuer=site.issuer,
        sends_issuer=site.sends_issuer,
        openid=site.openid,
        traits=ProviderTraits(reuse_revokes_account=site.reuse_revokes_account),
    )
