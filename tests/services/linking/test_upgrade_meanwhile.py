"""A user is at the consent page while the application's settings for that provider change."""

from __future__ import annotations

import time
from typing import Any

import attrs
import pytest

from extauth import LinkingService
from extauth.adapters.oauth2 import AuthorizationRules, OAuth2Provider
from extauth.testing import AuthorizationServer

REDIRECT_URI = "https://app.example/callback"


def provider_of(server: AuthorizationServer, **changes: Any) -> OAuth2Provider:
    """Return the server as a provider, set as one version of the application has it."""
    return OAuth2Provider(
        "example",
        client_id=server.client_id,
        client_secret=server.client_secret,
        token_url=server.token_url,
        authorize_url=server.authorize_url,
        issuer=server.issuer,
        **changes,
    )


async def across(any_store: Any, server: AuthorizationServer, before: Any, after: Any, **begin: Any) -> Any:
    """Begin with one setting and complete, in a new process of the application, with another."""
    async with LinkingService(any_store, [before]) as old:
        url = await old.begin("example", "alice", REDIRECT_URI, **begin)
    callback = await server.visit(url)
    async with LinkingService(any_store, [after]) as new:
        return await new.complete(callback.url, user_id="alice")


def nonces_given(provider: Any) -> list[str | None]:
    """Return the nonces that the provider is to look for in ID tokens, as they come."""
    seen: list[str | None] = []
    exchange = provider.exchange_code

    async def exchange_code(code: str, **given: Any) -> Any:
        seen.append(given["nonce"])
        return await exchange(code, **given)

    provider.exchange_code = exchange_code
    return seen


PKCE = {"off": AuthorizationRules(pkce="off"), "allowed": AuthorizationRules()}


@pytest.mark.parametrize(("before", "after"), [("off", "allowed"), ("allowed", "off")])
async def test_pkce_is_switched_meanwhile(any_store: Any, before: str, after: str):
    """The code goes with the verifier of the challenge that was sent, and with none if none was."""
    async with AuthorizationServer() as server:
        old, new = (provider_of(server, authorization=PKCE[each]) for each in (before, after))
        link = await across(any_store, server, old, new)
        assert {link.tokens.access_token} == server.grants.live_access_tokens(time.monotonic())


@pytest.mark.parametrize(("before", "after"), [(False, True), (True, False)])
async def test_openid_is_switched_meanwhile(any_store: Any, before: bool, after: bool):
    """An ID token must carry the nonce that was sent, and none if none was sent."""
    async with AuthorizationServer() as server:
        old, new = (provider_of(server, openid=each) for each in (before, after))
        seen = nonces_given(new)
        link = await across(any_store, server, old, new, scopes=["openid"])
        assert link.tokens.scopes == {"openid"}
        assert [nonce is not None for nonce in seen] == [before]


async def test_what_was_not_noted_is_as_the_settings_say(any_store: Any, monkeypatch: pytest.MonkeyPatch):
    """An authorization that an older version has begun is completed as before, by the traits."""
    begin = type(any_store).begin_authorization

    async def begin_as_before(self: Any, pending: Any, ttl: Any, **options: Any) -> None:
        await begin(self, attrs.evolve(pending, sent_challenge=None, sent_nonce=None), ttl, **options)

    monkeypatch.setattr(type(any_store), "begin_authorization", begin_as_before)
    async with AuthorizationServer() as server:
        for rules in PKCE.values():
            provider = provider_of(server, authorization=rules, openid=True)
            seen = nonces_given(provider)
            link = await across(any_store, server, provider, provider, scopes=["openid"])
            assert link.tokens.access_token in server.grants.live_access_tokens(time.monotonic())
            assert None not in seen
