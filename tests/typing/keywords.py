"""Checked, never run: a keyword that there is not is an error, and so is a value of another type.

Each ``ignore`` would itself be one if nothing were wrong with its line.
"""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from yarl import URL

from extauth import LinkingService, TokenService, open_store
from extauth.adapters.discovery import ServerMetadata, mcp_provider
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2 import OAuth2Provider, ReplyRules
from extauth.adapters.providers import Preset, github, github_app, shopify

github_app(client_id="client", client_secret="s")
github_app(client_id="client", client_secrt="s")  # type: ignore[call-arg]
github(client_id="client", client_secret="s", replies=ReplyRules(), token_url=URL("https://p.example"))
github(client_id="client", client_secret="s", replies=ReplyRules)  # type: ignore[arg-type]
github(client_id="client", client_secret="s", client_auth="client_secret_pots")  # type: ignore[arg-type]
shopify(client_id="client", client_secret="s", shop="acme-store")
shopify(client_id="client", client_secret="s", shopp="acme-store")  # type: ignore[call-arg]

open_store("postgresql://db/links", max_size=3)
open_store("postgresql://db/links", max_sice=3)  # type: ignore[call-arg]
open_store(Path("links.db"), busy_timeout=timedelta(seconds=1))
open_store(Path("links.db"), busy_timeout=1)  # type: ignore[arg-type]
open_store(URL("sqlite:///links.db"))
open_store(b"sqlite:///links.db")  # type: ignore[arg-type]
open_store(None)  # type: ignore[arg-type]

provider = OAuth2Provider("p", client_id="client", client_secret="s", token_url=URL("https://p.example"))
store = MemoryLinkStore()
TokenService("sqlite:///links.db", [provider])  # type: ignore[arg-type]
TokenService(open_store("memory://"), [provider])  # type: ignore[arg-type]
TokenService(store, provider)  # type: ignore[arg-type]
TokenService(store, [github])  # type: ignore[list-item]
TokenService(store, None)  # type: ignore[arg-type]
LinkingService(store, [OAuth2Provider])  # type: ignore[list-item]


def a_preset_of_ones_own(forge: Preset) -> OAuth2Provider:
    """A variable of a name that no shipped preset has is given by name."""
    return forge(client_id="client", client_secret="s", variables={"region": "eu"})


async def what_is_found_out_takes_the_same_keywords(metadata: ServerMetadata) -> None:
    """And no others."""
    metadata.provider("p", client_id="client", replies=ReplyRules())
    metadata.provider("p", client_id="client", relpies=ReplyRules())  # type: ignore[call-arg]
    await mcp_provider(
        "https://mcp.example/mcp",
        redirect_uri="https://app.example/callback",
        store=store,
        client_name="An application",
        replys=ReplyRules(),  # type: ignore[call-arg]
    )
