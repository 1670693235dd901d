"""The servers that there are to run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from servers.running import Program

PROGRAMS: Final[Sequence[Program]] = (
    Program("Authlib", "the guide's wiring", "python/authlib_server.py"),
    Program("Authlib", "`INCLUDE_NEW_REFRESH_TOKEN`", "python/authlib_server.py", ("rotating",)),
    Program("django-allauth", "its identity provider on SQLite", "python/allauth_server.py"),
    Program("@node-oauth/oauth2-server", "in memory", "node/node_oauth.mjs"),
    Program("@jmondi/oauth2-server", "in memory", "node/jmondi.mjs"),
    Program("oidc-provider", "a client with a secret", "node/oidc_provider.mjs"),
    Program("oidc-provider", "`rotateRefreshToken: true`", "node/oidc_provider.mjs", ("rotating",)),
    Program("@better-auth/oauth-provider", "on SQLite", "node/better_auth.mjs"),
    Program("@cloudflare/workers-oauth-provider", "on workerd", "node/workers_oauth.mjs"),
    Program("oauth2-mock-server", "as its guide starts it", "node/mock_server.mjs"),
    Program("oauth2orize", "on Express, in memory", "node/oauth2orize.mjs"),
)
