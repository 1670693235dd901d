"""Finding out what a server is like and registering at it, so that any server can become a provider."""

from __future__ import annotations

from extauth.extras import extra_needed

with extra_needed("aiohttp"):
    from extauth.adapters.discovery.client_document import client_document, client_document_url
    from extauth.adapters.discovery.mcp import mcp_provider, mcp_provider_id
    from extauth.adapters.discovery.metadata import ServerMetadata
    from extauth.adapters.discovery.registration import register_client
    from extauth.adapters.discovery.resources import ResourceMetadata, discover_resource
    from extauth.adapters.discovery.servers import discover
    from extauth.domain.challenges import Challenge, missing_scopes, parse_challenges

__all__ = [
    "Challenge",
    "ResourceMetadata",
    "ServerMetadata",
    "client_document",
    "client_document_url",
    "discover",
    "discover_resource",
    "mcp_provider",
    "mcp_provider_id",
    "missing_scopes",
    "parse_challenges",
    "register_client",
]
