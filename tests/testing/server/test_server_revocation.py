"""What ends with a revoked token, and what the revocation endpoint wants, as servers differ in it."""

from __future__ import annotations

import pytest

from extauth.testing import AuthorizationServer, Consent, Refusal
from tests.support.raw_client import api, ask, basic, connect, refresh, secret_of, serve


async def revoke(server: AuthorizationServer, token: str) -> int:
    """Revoke a token as the standard says, and return the status."""
    return (await ask("POST", server.revoke_url, data={"token": token, **secret_of(server)})).status


async def refreshable(server: AuthorizationServer, token: str) -> bool:
    """Whether a refresh token works."""
    return (await refresh(server, token)).status == 200


@pytest.mark.parametrize(
    ("reach", "access", "sibling"), [("token", 200, True), ("grant", 401, True), ("account", 401, False)]
)
async def test_what_ends_with_a_refresh_token(reach, access, sibling):
    """Itself, its access tokens too, or all that the account has granted; never another account's."""
    async with serve(revocation_reach=reach) as server:
        tokens, other = await connect(server), await connect(server)
        stranger = await connect(server, Consent.approve("stranger"))
        assert await revoke(server, tokens["refresh_token"]) == 200
        assert await api(server, tokens["access_token"]) == access
        assert not await refreshable(server, tokens["refresh_token"])
        assert await refreshable(server, other["refresh_token"]) is sibling
        assert await refreshable(server, stranger["refresh_token"])


@pytest.mark.parametrize(("reach", "rest"), [("token", True), ("grant", True), ("account", False)])
async def test_what_ends_with_an_access_token(reach, rest):
    """Itself alone, or all that the account has granted."""
    async with serve(revocation_reach=reach) as server:
        tokens = await connect(server)
        assert await revoke(server, tokens["access_token"]) == 200
        assert await api(server, tokens["access_token"]) == 401
        assert await refreshable(server, tokens["refresh_token"]) is rest


@pytest.mark.parametrize(
    ("consumed", "status", "newest", "sibling"),
    [("grant", 200, False, True), ("nothing", 400, True, True), ("account", 400, False, False)],
)
async def test_revoking_a_refresh_token_that_was_used(consumed, status, newest, sibling):
    """Ends its grant, or nothing, or all of the account; the latter two say that they do not know it."""
    unknown = Refusal("invalid_request", 400)
    async with serve(revoked_consumed=consumed, already_revoked=unknown) as server:
        tokens, other = await connect(server), await connect(server)
        new = (await refresh(server, tokens["refresh_token"])).json
        assert await revoke(server, tokens["refresh_token"]) == status
        assert await refreshable(server, new["refresh_token"]) is newest
        assert await refreshable(server, other["refresh_token"]) is sibling
        assert await revoke(server, "rt-nobody-knows") == 400


async def test_only_some_proofs_may_revoke():
    """And the metadata say which ones."""
    async with serve(revocation_auth=frozenset({"client_secret_basic"})) as server:
        tokens = await connect(server)
        assert await revoke(server, tokens["refresh_token"]) == 401
        form = {"token": tokens["refresh_token"]}
        header = basic(server.client_id, server.client_secret)
        assert (await ask("POST", server.revoke_url, data=form, headers=header)).status == 200
        metadata = (await ask("GET", f"{server.url}/.well-known/oauth-authorization-server")).json
        assert metadata["revocation_endpoint_auth_methods_supported"] == ["client_secret_basic"]
    async with serve() as server:
        metadata = (await ask("GET", f"{server.url}/.well-known/oauth-authorization-server")).json
        assert "revocation_endpoint_auth_methods_supported" not in metadata


@pytest.mark.parametrize("proof", ["none", "client_secret_basic"])
async def test_fields_that_must_be_there(proof):
    """An empty secret will do, beside another proof or without one."""
    async with serve(revocation_fields={"client_id", "client_secret"}, client_auth={proof}) as server:
        token = server.new_grant().refresh_token
        header = basic(server.client_id, server.client_secret) if proof != "none" else {}
        form = {"token": token, "client_id": server.client_id}
        assert (await ask("POST", server.revoke_url, data=form, headers=header)).status == 400
        form["client_secret"] = ""
        assert (await ask("POST", server.revoke_url, data=form, headers=header)).status == 200
        assert server.grants.live_refresh_tokens() == frozenset()
