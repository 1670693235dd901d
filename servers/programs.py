"""The servers that there are to run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from servers.running import PYTHON, Program

PROGRAMS: Final[Sequence[Program]] = (
    Program("Authlib", "the guide's wiring", "python/authlib_server.py"),
    Program("Authlib", "`INCLUDE_NEW_REFRESH_TOKEN`", "python/authlib_server.py", ("rotating",)),
    Program("django-allauth", "its identity provider on SQLite", "python/allauth_server.py"),
    Program("nanoidp", "its guide's configuration", "python/nanoidp_server.py"),
    Program("canaille", "in memory", "python/canaille_server.py"),
    Program("idpyoidc", "its examples' settings, in memory", "python/idpyoidc_server.py"),
    Program("idpyoidc", "`revoke_refresh_on_issue`", "python/idpyoidc_server.py", ("revoking",)),
    Program(
        "oidc-provider-mock",
        "a registered client",
        "python/oidc_mock_server.py",
        needs="Python 3.12 or newer: make servers PYTHON=python3.12",
        shown_by=(
            PYTHON,
            "-c",
            "from importlib import metadata as m; print(m.version('oidc-provider-mock'))",
        ),
    ),
    Program("django-mcp-oauth", "its guide's wiring, on SQLite", "python/django_mcp_server.py"),
    Program("mcp", "storage in memory", "python/mcp_server.py", ("mcp",)),
    Program("fastmcp", "in memory", "python/mcp_server.py", ("fastmcp",)),
    Program("fastmcp", "as a proxy", "python/mcp_server.py", ("fastmcp-proxy",)),
    Program("django-oauth-toolkit", "`REFRESH_TOKEN_REUSE_PROTECTION`", "python/toolkit_server.py"),
    Program("@node-oauth/oauth2-server", "in memory", "node/node_oauth.mjs"),
    Program("@jmondi/oauth2-server", "in memory", "node/jmondi.mjs"),
    Program("oidc-provider", "a client with a secret", "node/oidc_provider.mjs"),
    Program("oidc-provider", "`rotateRefreshToken: true`", "node/oidc_provider.mjs", ("rotating",)),
    Program("@better-auth/oauth-provider", "on SQLite", "node/better_auth.mjs"),
    Program("@cloudflare/workers-oauth-provider", "on workerd", "node/workers_oauth.mjs"),
    Program("@openauthjs/openauth", "storage in memory", "node/openauth.mjs"),
    Program("oauth2-mock-server", "as its guide starts it", "node/mock_server.mjs"),
    Program("oauth2orize", "on Express, in memory", "node/oauth2orize.mjs"),
    Program(
        "glewlwyd",
        "Debian's, OpenID Connect plugin on SQLite",
        "debian/glewlwyd_server.py",
        needs="Debian 12: apt-get install glewlwyd",
        shown_by=("glewlwyd", "--version"),
        released="2.7.5",
    ),
    Program(
        "glewlwyd",
        "Debian's, with `refresh-token-one-use`",
        "debian/glewlwyd_server.py",
        ("one-use",),
        needs="Debian 12: apt-get install glewlwyd",
        shown_by=("glewlwyd", "--version"),
        released="2.7.5",
    ),
    Program(
        "lemonldap-ng",
        "Debian's, its portal on plackup",
        "debian/lemonldap_server.py",
        needs="Debian 12: apt-get install lemonldap-ng",
        shown_by=("dpkg-query", "--show", "lemonldap-ng"),
        released="2.16.1",
    ),
)
