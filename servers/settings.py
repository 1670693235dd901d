"""What the application knows of the server that it is connected to."""

from __future__ import annotations

from extauth.adapters.oauth2 import OAuth2Provider
from servers.running import Site

PROVIDER = "server"
USER = "someone"


def provider(site: Site, *, secret: str | None = None) -> OAuth2Provider:
    """Return the provider, or one with a wrong secret."""
    return OAuth2Provider(
        PROVIDER,
        client_id=site.client_id,
        client_secret=secret or site.client_secret,
        authorize_url=site.authorize_url,
        token_url=site.token_url,
        revoke_url=site.revoke_url,
        scopes=site.scopes,
        issuer=site.issuer,
        openid=site.openid,
    )
