"""What an MCP server says of the authorization servers that give tokens for it."""

from __future__ import annotations

from typing import Final

from extauth.adapters.discovery.fetching import Fetcher
from extauth.adapters.discovery.resources import ResourceMetadata, resource_found
from extauth.domain.errors import ProviderMisconfigured
from extauth.version import installed_version

_WHAT: Final = "protected resource"


async def mcp_resource(
    fetcher: Fetcher, server: str, expected: str, challenge: str | None, otherwise: str | None
) -> ResourceMetadata:
    """Do what :func:`~.resources.discover_resource` does, and ask by a message where GET needs no token.

    A server without a stream of its own answers GET with 405, and challenges who sends it something (MCP,
    "Streamable HTTP"). ``otherwise`` is the issuer of a server that has no document.
    """
    asked = challenge
    if asked is None:
        asked = await fetcher.challenges(server, _WHAT)
    if asked is None:
        try:
            return await resource_found(fetcher, server, expected, "")
        except ProviderMisconfigured as error:
            if error.reason != "no_metadata":
                raise
        asked = await fetcher.challenges(server, _WHAT, _initialize())
    return await resource_found(fetcher, server, expected, asked or "", otherwise=otherwise)


def _initialize() -> dict[str, object]:
    """Return what a client begins with (MCP, "Lifecycle")."""
    return {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "extauth", "version": installed_version()},
        },
    }
