"""What the application knows of the server that it is connected to."""

from __future__ import annotations

from extauth import ProviderTraits
from extauth.adapters.oauth2 import OAuth2Provider, Revocation
from servers.running import Site

PROVIDER = "server"
USER = "someone"


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
        scopes=site.scopes,
        issuer=site.issuer,
        sends_issuer=site.sends_issuer,
        openid=site.openid,
        traits=ProviderTraits(reuse_revokes_account=site.reuse_revokes_account),
    )
