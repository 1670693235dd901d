"""A server that a victim was led to connect never gets a code of an honest one (RFC 9700 section 4.4)."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator

import pytest

from extauth import InvalidCallback, IssuerMismatch, LinkingFailed, LinkingService, open_store
from extauth.services.linking.begun_redirects import BegunRedirects
from extauth.services.linking.redirect_uris import RedirectUris
from extauth.testing import Consent
from extauth.testing.server.browser import VisitRefused
from tests.services.linking.support.mix_up import (
    ONE_URI,
    OWN,
    SHARED,
    VICTIM_THERE,
    MixUpWorld,
    mix_up_world,
)


@pytest.fixture(params=[False])
async def world(request) -> AsyncIterator[MixUpWorld]:
    """The honest server says its issuer if the parameter is true."""
    async with mix_up_world(sends_iss=request.param) as made:
        yield made


async def test_one_redirect_uri_for_two_servers(world: MixUpWorld):
    """Neither provider may begin with it; nothing is stored, and the error says what to do."""
    linking = await world.service(world.honest(), world.evil.provider(), redirect_uris=[SHARED])
    for provider_id in ("honest", "evil"):
        with pytest.raises(ValueError, match=rf"\.\.\./callback/{provider_id}") as refused:
            await linking.begin(provider_id, "victim", SHARED)
        assert "redirect_uris={" in str(refused.value)
    assert world.begun() == 0


async def test_the_attack_without_the_guard(world: MixUpWorld, monkeypatch):
    """With one redirect URI the evil server gets the code, and the attacker's link acts as the victim."""
    linking = await world.service(world.honest(), world.evil.provider())
    monkeypatch.setattr(RedirectUris, "check", lambda *_: None)
    monkeypatch.setattr(RedirectUris, "needs_location", lambda _: False)
    monkeypatch.setattr(BegunRedirects, "note", lambda *_: None)
    callback = await world.lured(linking, ONE_URI)
    with pytest.raises(LinkingFailed):
        await linking.complete(callback.url, user_id="victim")
    assert await world.injected(linking) == VICTIM_THERE


async def test_with_redirect_uris_of_their_own(world: MixUpWorld):
    """The honest server does not send a code to the evil one's, and what comes to its own is refused for the
    evil one's flow."""
    linking = await world.service(world.honest(), world.evil.provider())
    with pytest.raises(VisitRefused, match="invalid_redirect_uri"):
        await world.lured(linking, OWN)
    callback = await world.lured(linking, OWN, asked=OWN["honest"])
    with pytest.raises(InvalidCallback, match=r"came to .*/callback/honest and not to .*/callback/evil"):
        await linking.complete(callback.url, user_id="victim")
    callback = await world.lured(linking, OWN, asked=OWN["honest"])
    with pytest.raises(IssuerMismatch, match="another provider"):
        await linking.complete(callback.params, user_id="victim", provider_id="honest")
    assert world.evil.stolen == []


async def test_a_callback_that_does_not_say_where_it_came_to(world: MixUpWorld, monkeypatch):
    """It is refused with its state untouched: redirect URIs of one's own help where they are looked at."""
    linking = await world.service(world.honest(), world.evil.provider())
    callback = await world.lured(linking, OWN, asked=OWN["honest"])
    for given in (callback.params, callback.url.removeprefix("https://app.example")):
        with pytest.raises(ValueError, match="needs provider_id"):
            await linking.complete(given, user_id="victim")
    assert world.evil.stolen == []
    monkeypatch.setattr(RedirectUris, "needs_location", lambda _: False)
    with pytest.raises(LinkingFailed):
        await linking.complete(callback.params, user_id="victim")
    assert await world.injected(linking) == VICTIM_THERE


async def test_the_honest_twin(world: MixUpWorld):
    """With a redirect URI of its own the honest provider is connected, by URL and by route."""
    linking = await world.service(world.honest(), world.evil.provider())
    for user in ("alice", "bob"):
        url = await linking.begin("honest", user, OWN["honest"])
        callback = await world.server.visit(url, Consent.approve(f"{user}-there"))
        given = {"callback": callback.url} if user == "alice" else {"callback": callback.params}
        by_route = {} if user == "alice" else {"provider_id": "honest"}
        link = await linking.complete(**given, user_id=user, **by_route)
        assert world.server.grants.subject_of(link.tokens.access_token) == f"{user}-there"


@pytest.mark.parametrize("world", [True], indirect=True)
async def test_servers_that_say_who_they_are(world: MixUpWorld):
    """They may share a redirect URI: an answer that names another is refused (RFC 9207)."""
    honest = world.honest(issuer=world.server.issuer, sends_issuer=True)
    evil = world.evil.provider(issuer=world.evil.url, sends_issuer=True)
    linking = await world.service(honest, evil)
    callback = await world.lured(linking, ONE_URI)
    with pytest.raises(IssuerMismatch):
        await linking.complete(callback.params, user_id="victim")
    assert world.evil.stolen == []
    callback = await world.server.visit(world.evil.lure, Consent.approve("mallory-there"))
    assert (await linking.complete(callback.params, user_id="mallory")).version == 1


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("first", ["honest", "evil"])
async def test_a_service_for_each_provider(world: MixUpWorld, first, closed):
    """On one store the second server is refused the first one's redirect URI, whichever it is and also when
    the first one's service is closed and gone."""
    providers = {"honest": world.honest(), "evil": world.evil.provider()}
    one = await world.service(providers.pop(first))
    await one.begin(first, "victim", SHARED)
    if closed:
        await one.aclose()
        del one
        gc.collect()
    [(second, provider)] = providers.items()
    other = await world.service(provider)
    with pytest.raises(ValueError, match=r"cannot share the redirect URI .* with 127"):
        await other.begin(second, "victim", SHARED)
    assert world.begun() == 1
    await other.begin(second, "victim", OWN[second])


async def test_services_on_other_stores(world: MixUpWorld):
    """They have nothing to do with each other: no state of the one is known to the other."""
    one = await world.service(world.honest())
    await one.begin("honest", "victim", SHARED)
    async with open_store("memory://") as store, LinkingService(store, [world.evil.provider()]) as other:
        await other.begin("evil", "victim", SHARED)
