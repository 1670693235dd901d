"""A grant's tokens go only to the client, token endpoint and resource that it belongs to."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from extauth import GrantOrigin, LinkKey, ProviderMisconfigured
from tests.support.faulty_store import down

KEY = LinkKey("scripted", "alice")
WHO = ("scripted", "alice")
FRESH = timedelta(minutes=30)
OWN = GrantOrigin("client", "https://as.example/token", "https://mcp.example")

FOREIGN = {
    "client id": attrs.evolve(OWN, client_id="other"),
    "token endpoint": attrs.evolve(OWN, token_endpoint="https://other.example/token"),
    "resource": attrs.evolve(OWN, resource="https://other.example"),
}


@pytest.mark.parametrize("differing", FOREIGN)
async def test_a_token_is_handed_out_to_its_own_alone(scene, differing):
    """However long it works, and also where an older one was refused."""
    scene.provider.origin = OWN
    await scene.inner.put(KEY, (await scene.link(expires_in=FRESH)).tokens, origin=FOREIGN[differing])
    tokens = scene.replica()
    asking = (
        tokens.access_token(*WHO),
        tokens.link(*WHO),
        tokens.refresh(*WHO),
        tokens.refresh(*WHO, rejected="another"),
    )
    for asked in asking:
        with pytest.raises(ProviderMisconfigured, match=f"another {differing} than") as caught:
            await asked
        assert caught.value.reason == "grant_of_another_client"
    assert scene.provider.exchanges == 0


async def test_nor_is_one_that_a_refresh_finds(scene):
    """A new authorization with another configuration, found instead of the link that was to be refreshed."""
    scene.provider.origin = OWN
    await scene.inner.put(KEY, (await scene.link()).tokens, origin=OWN)
    theirs = attrs.evolve((await scene.stored()).tokens, expires_at=None)
    put = lambda: scene.inner.put(KEY, theirs, origin=FOREIGN["resource"])  # noqa: E731
    scene.store.before["claim"] = [put]
    with pytest.raises(ProviderMisconfigured) as caught:
        await scene.replica().access_token(*WHO)
    assert caught.value.reason == "grant_of_another_client"
    assert scene.provider.exchanges == 0


@pytest.mark.parametrize("before", [None, attrs.evolve(OWN, resource=None), FOREIGN["token endpoint"]])
async def test_a_refresh_says_whose_a_link_is(scene, before):
    """Put without an origin, before resources were kept, or before a move: it is served, then its own."""
    scene.provider.origin = OWN
    scene.provider.formerly = [FOREIGN["token endpoint"]]
    scene.store = scene.inner  # which says what it takes
    link = await scene.inner.put(KEY, (await scene.link(expires_in=FRESH)).tokens, origin=before)
    tokens = scene.replica()
    assert await tokens.access_token(*WHO) == link.tokens.access_token
    assert (await scene.stored()).origin == before
    assert (await tokens.refresh(*WHO)).origin == OWN
    assert (await scene.stored()).origin == OWN


async def test_a_store_that_cannot_be_told_keeps_the_tokens(scene):
    """An application's own store may not know the keyword yet: the tokens count, not the origin."""

    class Older:
        def __init__(self, store):
            self._store = store

        def __getattr__(self, name):
            return getattr(self._store, name)

        async def save(self, key, version, tokens):
            return await self._store.save(key, version, tokens)

    scene.provider.origin = OWN
    scene.store = Older(scene.inner)
    await scene.link()
    link = await scene.replica().link(*WHO)
    assert (link.version, link.origin) == (2, None)
    assert await scene.stored() == link


@pytest.mark.parametrize("before", [None, OWN])
async def test_tokens_that_are_not_saved_yet_are_its_own_already(scene, before):
    """Whoever is served while the store is down gets the link as it will be."""
    scene.provider.origin = OWN
    await scene.inner.put(KEY, (await scene.link()).tokens, origin=before)
    scene.store.before["save"] = down()
    assert (await scene.replica().refresh(*WHO)).origin == OWN
