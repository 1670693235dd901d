"""Connecting and disconnecting users whose links are encrypted."""

from __future__ import annotations

from typing import Any

import pytest

from extauth import (
    Account,
    CannotDecrypt,
    ConfigurationError,
    LinkingService,
    LinkKey,
    ProviderTraits,
    TokenSet,
    UnlinkOutcome,
)
from extauth.adapters.encryption import EncryptedStore, EncryptionKey
from tests.services.linking.conftest import KEY, Scene

OLD, NEW = EncryptionKey.generate("old"), EncryptionKey.generate("new")


def service(scene: Scene, *keys: EncryptionKey, **changes: Any) -> LinkingService:
    """Start a replica that has these keys."""
    store: Any = EncryptedStore(scene.inner, keys)
    scene.replicas.append(
        LinkingService(store, [scene.provider], clock=scene.clock, observer=scene, **changes)
    )
    return scene.replicas[-1]


async def test_connecting_on_an_encrypted_store(scene):
    """The verifier comes of the salt that was opened; what is stored shows neither salt nor tokens."""
    connecting = service(scene, NEW)
    callback = await scene.authorized(connecting)
    [pending] = scene.begun()
    link = await connecting.complete(callback, user_id="alice")
    assert pending.salt.startswith("$extauth1$new$$")
    assert (await scene.stored()).tokens.refresh_token_key_id == "new"
    assert scene.provider.tokens.is_live(link.tokens)
    assert await connecting.links("alice") == [link]


async def test_a_refresh_token_that_lives_on_at_a_new_consent(scene):
    """It is carried into the new authorization, and opens under the new key's name."""
    scene.provider.accounts = {"alice-there": Account("1")}
    scene.provider.refresh_token_once = True
    scene.provider.tokens.traits = ProviderTraits(rotates=False)
    first = await scene.connect(service(scene, OLD))
    await scene.connect(service(scene, NEW, OLD))
    link = await EncryptedStore(scene.inner, NEW).get(KEY)
    assert (link.version, link.tokens.refresh_token) == (2, first.tokens.refresh_token)


async def test_a_callback_whose_salt_does_not_open(scene):
    """The error names the key; the code is not spent, nobody is connected, and a new beginning works."""
    callback = await scene.authorized(service(scene, OLD))
    with pytest.raises(CannotDecrypt, match="the authorization of 'alice' at scripted") as caught:
        await service(scene, NEW).complete(callback, user_id="alice")
    assert (caught.value.reason, caught.value.key_id, caught.value.key) == ("missing_key", "old", KEY)
    assert await scene.stored() is None
    assert (await scene.connect(service(scene, NEW))).key == KEY


async def test_a_link_that_does_not_open_is_not_connected_over(scene):
    """Whoever mends the keys finds it as it was: the authorization fails before its code is spent."""
    await scene.connect(service(scene, OLD))
    before = await scene.stored()
    with pytest.raises(CannotDecrypt, match="encrypted with the key 'old'"):
        await scene.connect(service(scene, NEW))
    assert await scene.stored() == before


async def test_unlinking_what_does_not_open(scene):
    """It is gone, and the error says that its tokens could not be revoked."""
    await scene.connect(service(scene, OLD))
    with pytest.raises(CannotDecrypt, match="encrypted with the key 'old'"):
        await service(scene, NEW).unlink("scripted", "alice")
    assert await scene.stored() is None
    assert (await scene.connect(service(scene, NEW))).version == 2


async def test_unlinking_what_nobody_serves_and_does_not_open(scene):
    """A user can leave a provider that was dropped, whatever became of the key."""
    gone = LinkKey("dropped", "alice")
    await EncryptedStore(scene.inner, OLD).put(gone, TokenSet("at", "rt"))
    with pytest.raises(CannotDecrypt):
        await service(scene, NEW).unlink("dropped", "alice")
    assert await scene.inner.get(gone) is None


async def test_without_keys_encrypted_tokens_are_sent_to_nobody(scene):
    """An unlink says that nothing was revoked, instead of believing a provider that knows no such token."""
    await scene.connect(service(scene, OLD))
    plain = scene.replica()
    with pytest.raises(CannotDecrypt, match="no keys were given here"):
        await plain.validate("scripted", "alice")
    unlinked = await plain.unlink("scripted", "alice")
    assert unlinked == UnlinkOutcome(KEY, existed=True, revoked=False, reason="encrypted")
    assert not scene.provider.revoking.is_set()


async def test_a_store_that_can_encrypt_nothing(scene):
    """The reason reaches the caller as it is, not as a store that is down."""
    connecting = scene.replica()
    callback = await scene.authorized(connecting)
    refusal = ConfigurationError("the key service refuses")
    scene.store.before["put"] = [refusal] * 100
    with pytest.raises(ConfigurationError) as caught:
        await connecting.complete(callback, user_id="alice")
    assert caught.value is refusal
