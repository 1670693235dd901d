"""Refreshing links that are encrypted: what cannot be opened is no outcome of the provider's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from extauth import CannotDecrypt, TokenService
from extauth.adapters.encryption import EncryptedStore, EncryptionKey
from tests.services.conftest import KEY, Scene

OLD, NEW = EncryptionKey.generate("old"), EncryptionKey.generate("new")


def service(scene: Scene, *keys: EncryptionKey) -> TokenService:
    """Start a replica that has these keys."""
    store: Any = EncryptedStore(scene.inner, keys) if keys else scene.inner
    scene.replicas.append(TokenService(store, [scene.provider], clock=scene.clock, observer=scene))
    return scene.replicas[-1]


async def sealed(scene: Scene, *keys: EncryptionKey, **changes: Any) -> None:
    """Connect alice, encrypted, with a token that has expired unless it is said otherwise."""
    link = await scene.link(**changes)
    await EncryptedStore(scene.inner, keys).reseal(KEY, 1, link.tokens)


async def test_a_refresh_on_an_encrypted_store(scene):
    """The tokens that were opened are presented, and the new ones are sealed under the primary key."""
    await sealed(scene, OLD)
    token = await service(scene, NEW, OLD).access_token("scripted", "alice")
    stored = (await scene.stored()).tokens
    assert (stored.access_token_key_id, stored.refresh_token_key_id) == ("new", "new")
    assert (await EncryptedStore(scene.inner, NEW).get(KEY)).tokens.access_token == token


async def test_a_refresh_token_that_the_provider_did_not_renew(scene):
    """It is carried forward by services and opened under the new key's name: the old key may go."""
    scene.provider.grants.reuse = "non_rotating"
    await sealed(scene, OLD)
    refresh_token = (await EncryptedStore(scene.inner, OLD).get(KEY)).tokens.refresh_token
    await service(scene, NEW, OLD).access_token("scripted", "alice")
    link = await EncryptedStore(scene.inner, NEW).get(KEY)
    assert (link.version, link.tokens.refresh_token) == (2, refresh_token)


@pytest.mark.parametrize(
    "keys", [(), (NEW,), (EncryptionKey.generate("old"),)], ids=["none", "other", "wrong"]
)
@pytest.mark.parametrize("left", [timedelta(0), timedelta(minutes=1), timedelta(hours=1)])
async def test_without_the_key_nothing_is_presented_or_handed_out(scene, keys, left):
    """Whether the token has expired or not: an error that names the key, no mark, no lease, no exchange."""
    await sealed(scene, OLD, expires_in=left)
    before = await scene.stored()
    tokens = service(scene, *keys)
    for call in (
        tokens.access_token("scripted", "alice"),
        tokens.link("scripted", "alice"),
        tokens.refresh("scripted", "alice"),
        tokens.refresh("scripted", "alice", rejected="x"),
    ):
        with pytest.raises(CannotDecrypt, match="encrypted with the key 'old'") as caught:
            await call
        assert caught.value.key == KEY
    assert await scene.stored() == before
    assert scene.provider.presented == []
    assert await service(scene, OLD).access_token("scripted", "alice")


async def test_encrypted_between_read_and_claim(scene):
    """A replica without keys has read the row plain: what others have encrypted since is not presented."""
    link = await scene.link()
    encrypted = EncryptedStore(scene.inner, OLD)

    async def seal() -> None:
        await encrypted.reseal(KEY, 1, link.tokens)

    scene.store.before["claim"].append(seal)
    with pytest.raises(CannotDecrypt, match="no keys were given here") as caught:
        await scene.replica().access_token("scripted", "alice")
    assert (caught.value.key, caught.value.key_id, caught.value.reason) == (KEY, "old", "missing_key")
    assert scene.provider.presented == []
    assert (await scene.stored()).pending is None
    assert (await scene.stored()).failure is None
