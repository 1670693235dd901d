"""What each key is in use for, and whether one may be taken away."""

from __future__ import annotations

import re

import pytest

from extauth import ConfigurationError, KeyInUse, LinkKey, TokenSet
from extauth.adapters.encryption import EncryptedStore
from extauth.adapters.memory import MemoryLinkStore
from extauth.keys import KeysStatus, KeyStatus, KeyUse, ensure_key_unused, keys_status, rotate
from tests.adapters.encryption.support import (
    ALICE,
    BOB,
    LOST,
    NEW,
    OLD,
    TTL,
    begin_expired,
    pending,
    registration,
    tokens,
)


async def test_what_each_key_is_in_use_for(any_store):
    """The primary first, then those that were given, then those that rows name; what is plain apart."""
    old = EncryptedStore(any_store, OLD)
    await old.put(ALICE, tokens())
    await old.put(BOB, tokens())
    await old.keep_registration("client", registration())
    await EncryptedStore(any_store, LOST).put(LinkKey("github", "carol"), tokens())
    await any_store.put(LinkKey("github", "dave"), TokenSet("at"))
    store = EncryptedStore(any_store, [NEW, OLD])
    await store.put(LinkKey("github", "erin"), tokens())
    status = await keys_status(store)
    assert status == KeysStatus(
        keys=(
            KeyStatus("new", primary=True, given=True, use=KeyUse(links=1)),
            KeyStatus("old", primary=False, given=True, use=KeyUse(links=2, registrations=1)),
            KeyStatus("lost", primary=False, given=False, use=KeyUse(links=1)),
        ),
        plain=KeyUse(links=1),
        unknown=KeyUse(),
        remaining=KeyUse(links=4, registrations=1),
    )
    assert (status.remaining.rows, str(status.remaining)) == (5, "4 links, 1 registered client")


async def test_a_row_under_two_keys_counts_for_both():
    """What is left of a row that was encrypted anew in part is found."""
    inner = MemoryLinkStore()
    link = await EncryptedStore(inner, OLD).put(ALICE, tokens())
    store = EncryptedStore(inner, [NEW, OLD])
    await store.reseal(ALICE, 1, TokenSet(link.tokens.access_token, link.tokens.refresh_token))
    status = await keys_status(store)
    assert [(key.key_id, key.use.links) for key in status.keys] == [("new", 1), ("old", 1)]
    assert status.remaining == KeyUse(links=1)


async def test_without_keys():
    """There is no primary key, and everything that is not plain is under keys that are not there."""
    inner = MemoryLinkStore()
    await EncryptedStore(inner, OLD).put(ALICE, tokens())
    await inner.put(BOB, TokenSet("at"))
    status = await keys_status(inner)
    assert status.keys == (KeyStatus("old", primary=False, given=False, use=KeyUse(links=1)),)
    assert (status.plain, status.remaining) == (KeyUse(links=1), KeyUse(links=2))
    with pytest.raises(KeyInUse):
        await ensure_key_unused(inner, "old")


async def test_a_key_in_use_cannot_go(any_store):
    """The error says how many rows there are, and of authorizations until when; afterwards it can."""
    old, store = EncryptedStore(any_store, OLD), EncryptedStore(any_store, [NEW, OLD])
    await old.put(ALICE, tokens())
    await old.keep_registration("client", registration())
    await old.begin_authorization(pending(), TTL)
    with pytest.raises(KeyInUse, match="1 link, 1 registered client, 1 authorization") as caught:
        await ensure_key_unused(store, "old")
    assert (caught.value.code, caught.value.key_id, caught.value.use.rows) == ("key_in_use", "old", 3)
    await rotate(store)
    with pytest.raises(KeyInUse, match=r"1 authorization \(the last expires at 20\d\d-.*Z\)") as caught:
        await ensure_key_unused(store, "old")
    expiry = caught.value.use.latest_expiry
    assert expiry is not None
    assert expiry - await any_store.time() <= TTL
    await store.take_authorization("hash-1")
    await ensure_key_unused(store, "old")
    await ensure_key_unused(store, "never heard of")


async def test_an_expired_authorization_counts_until_it_is_purged(any_store):
    """A rotation purges it."""
    await begin_expired(EncryptedStore(any_store, OLD), pending())
    store = EncryptedStore(any_store, [NEW, OLD])
    with pytest.raises(KeyInUse):
        await ensure_key_unused(store, "old")
    await rotate(store)
    await ensure_key_unused(store, "old")


async def test_the_primary_key_cannot_go():
    """Not even where nothing is stored yet: what is written next is encrypted with it."""
    with pytest.raises(ConfigurationError, match=re.escape("'new' is the primary key")):
        await ensure_key_unused(EncryptedStore(MemoryLinkStore(), [NEW, OLD]), "new")
