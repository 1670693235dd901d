"""Revoking by RFC 7009 at servers that do less than it recommends, over real HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from extauth.adapters.discovery import discover
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.domain.token_set import ResourceToken, TokenSet
from extauth.testing import AuthorizationServer, Refusal, ServerQuirks
from tests.support.clocks import LeapingClock

HOUR = timedelta(hours=1)


def serve(**quirks: Any) -> AuthorizationServer:
    """Return a server with these quirks."""
    return AuthorizationServer(quirks=ServerQuirks(**quirks))


def client(server: AuthorizationServer, **options: Any) -> OAuth2Provider:
    """Return the server's own client."""
    options.setdefault("revoke_url", None if "revocation" in options else server.revoke_url)
    if options.get("client_auth") != "none":
        options["client_secret"] = server.client_secret
    return OAuth2Provider("p", client_id=server.client_id, token_url=server.token_url, **options)


async def test_an_access_token_that_would_live_on() -> None:
    """Where revoking the refresh token leaves it, it is revoked as well."""
    async with serve(revocation_reach="token") as server:
        tokens = server.new_grant()
        assert await client(server).revoke(tokens) is True
        assert not server.accepts(tokens.access_token)
        assert server.grants.live_refresh_tokens() == frozenset()


async def test_an_access_token_alone_is_not_all() -> None:
    """If the refresh token's revocation is not confirmed, the access token's does not make up for it."""
    async with serve(already_revoked=Refusal("invalid_request", 400)) as server:
        tokens = attrs.evolve(server.new_grant(), refresh_token="rt-unknown")
        assert await client(server).revoke(tokens) is False
        assert not server.accepts(tokens.access_token)


async def test_access_tokens_for_resources() -> None:
    """Those that were got under the same grant are revoked, too; one that has expired needs nothing."""
    clock = LeapingClock()
    async with serve(revocation_reach="token") as server:
        first, second = server.new_grant(), server.new_grant()
        over, later = clock.now(), clock.now() + HOUR
        tokens = attrs.evolve(
            first,
            resource_tokens={
                "https://a.example": ResourceToken(second.access_token, later),
                "https://b.example": ResourceToken("expired", over),
            },
        )
        assert await client(server, clock=clock).revoke(tokens) is True
        assert not server.accepts(first.access_token)
        assert not server.accepts(second.access_token)


async def test_one_is_enough_where_the_provider_says_so() -> None:
    """No second request is made, and the access token is believed dead."""
    async with serve(revocation_reach="token") as server:
        tokens = server.new_grant()
        rules = Revocation.standard(server.revoke_url, access_tokens="end")
        assert await client(server, revocation=rules).revoke(tokens) is True
        assert server.accepts(tokens.access_token)


@pytest.mark.parametrize("expired", [False, True])
async def test_access_tokens_that_nobody_can_revoke(expired: bool) -> None:
    """All is revoked only when they have expired, by themselves."""
    clock = LeapingClock()
    async with serve(revocation_reach="token") as server:
        tokens = attrs.evolve(server.new_grant(), expires_at=clock.now() + (-HOUR if expired else HOUR))
        rules = Revocation.standard(server.revoke_url, access_tokens="live")
        assert await client(server, revocation=rules, clock=clock).revoke(tokens) is expired
        assert server.grants.live_refresh_tokens() == frozenset()


@pytest.mark.parametrize(("validated", "reach", "certain"), [
    (True, "grant", True),
    (True, "token", False),
    (False, "grant", False),
])  # fmt: skip
async def test_the_provider_is_asked_whether_it_is_dead(validated: bool, reach: str, certain: bool) -> None:
    """Where it confirms the refresh token alone, an access token that it refuses is dead all the same."""
    unknown = Refusal("unsupported_token_type", 400)
    async with serve(revocation_reach=reach, already_revoked=unknown) as server:
        tokens = server.new_grant()
        rules = Revocation.standard(server.revoke_url)
        if reach == "token":
            rules = attrs.evolve(rules, access_tokens="live")
        asking = ValidationRules(call=Call(url=server.resource_url)) if validated else None
        assert await client(server, revocation=rules, validation=asking).revoke(tokens) is certain
        assert server.grants.live_refresh_tokens() == frozenset()


@pytest.mark.parametrize(("done_codes", "confirmed"), [({"invalid_request"}, True), (set(), False)])
async def test_a_token_that_the_server_does_not_know(done_codes: set[str], confirmed: bool) -> None:
    """An error code that means that is success where the rules name it, and otherwise is none."""
    async with serve(already_revoked=Refusal("invalid_request", 400)) as server:
        rules = Revocation.standard(server.revoke_url, done_codes=frozenset(done_codes))
        provider = client(server, revocation=rules)
        assert await provider.revoke(TokenSet("at-unknown", "rt-unknown")) is confirmed
        # With the refresh token its access token ends, which is then unknown itself.
        assert await provider.revoke(server.new_grant()) is confirmed


@pytest.mark.parametrize("proof", ["none", "client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize("wants_secret", [True, False])
async def test_a_secret_that_is_wanted_of_every_client(proof: Any, wants_secret: bool) -> None:
    """A client that has none, or proves itself otherwise, sends an empty one where the rules say so."""
    fields = {"client_id", "client_secret"}
    async with serve(revocation_fields=fields, client_auth={proof}) as server:
        rules = Revocation.standard(server.revoke_url, wants_secret=wants_secret)
        provider = client(server, revocation=rules, client_auth=proof)
        confirmed = await provider.revoke(server.new_grant())
        assert confirmed is (wants_secret or proof == "client_secret_post")
        assert (server.grants.live_refresh_tokens() == frozenset()) is confirmed


@pytest.mark.parametrize("proof", ["client_secret_basic", "client_secret_post"])
async def test_the_metadata_say_how_to_authenticate(proof: Any) -> None:
    """A revocation endpoint may take another proof than the token endpoint."""
    other = ({"client_secret_basic", "client_secret_post"} - {proof}).pop()
    async with serve(revocation_auth=frozenset({proof}), client_auth={other}, registration=False) as server:
        found = await discover(server.issuer)
        assert found.revocation_auth_methods == (proof,)
        assert found.client_auth_methods == (other,)
        provider = found.provider("p", client_id=server.client_id, client_secret=server.client_secret)
        assert await provider.revoke(server.new_grant()) is True
        assert server.grants.live_refresh_tokens() == frozenset()


async def test_the_metadata_say_nothing_or_the_same() -> None:
    """Then the client authenticates as ever; one that the application describes itself wins."""
    async with serve() as server:
        found = await discover(server.issuer)
        own: dict[str, Any] = {"client_id": server.client_id, "client_secret": server.client_secret}
        assert found.revocation_auth_methods is None
        assert await found.provider("p", **own).revoke(server.new_grant()) is True
        mute = found.provider("p", **own, revoke_url=f"{server.issuer}/nowhere")
        assert await mute.revoke(server.new_grant()) is False
        rules = Revocation.standard(server.revoke_url, whole_grant=True)
        assert found.provider("p", **own, revocation=rules).linking.revokes_whole_grant
        none = found.provider("p", **own, revocation=None)
        assert await none.revoke(server.new_grant()) is False


@pytest.mark.parametrize("secret", ["hidden", None])
async def test_a_proof_that_the_client_does_not_have(secret: str | None) -> None:
    """A list in which nothing is the client's changes nothing: it authenticates as it does elsewhere."""
    async with serve(revocation_auth=frozenset({"private_key_jwt"})) as server:
        found = await discover(server.issuer)
        provider = found.provider("p", client_id=server.client_id, client_secret=secret)
        assert await provider.revoke(server.new_grant()) is False


async def test_a_public_client_stays_one() -> None:
    """It has no secret to send, whatever the endpoint lists."""
    async with serve(client_auth={"none"}) as server:
        found = attrs.evolve(await discover(server.issuer), revocation_auth_methods=("client_secret_basic",))
        provider = found.provider("p", client_id=server.client_id)
        assert await provider.revoke(server.new_grant()) is True


def test_what_becomes_of_access_tokens_is_one_of_three() -> None:
    """A slip is told at once."""
    with pytest.raises(ValueError, match="access_tokens must be one of ask, end, live"):
        Revocation.standard("https://p.example/r", access_tokens="die")  # type: ignore[arg-type]
