"""What place a text is sealed for: if that changed, nothing that is stored would open any more."""

from __future__ import annotations

import attrs
import pytest

from extauth import ResourceToken, TokenSet
from extauth.adapters.encryption import EncryptedStore, EncryptionKey
from extauth.adapters.encryption.keyring import Keyring
from extauth.adapters.encryption.sealing import seal
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.linking_outcomes import Taken
from tests.adapters.encryption.support import ALICE, TTL, pending, registration

KEY = EncryptionKey.generate("key")


async def sealed(text: str, *place: str) -> str:
    """Seal a text for a place as it is written in the data of every version."""
    return seal(await Keyring(KEY).primary(), text, place)


@pytest.fixture
def inner() -> MemoryLinkStore:
    """The store beneath."""
    return MemoryLinkStore()


async def test_the_places_of_a_links_texts(inner):
    """Link, column and member."""
    row = ("links", "github", "alice")
    await inner.put(
        ALICE,
        TokenSet(
            await sealed("at", *row, "access_token", ""),
            await sealed("rt", *row, "refresh_token", ""),
            extra={"id_token": await sealed('"id"', *row, "extra", "id_token")},
            resource_tokens={
                "https://a.example": ResourceToken(
                    await sealed("ra", *row, "resource_token", "https://a.example")
                )
            },
        ),
    )
    tokens = (await EncryptedStore(inner, KEY, plain_rows="refuse").get(ALICE)).tokens
    found = (tokens.access_token, tokens.refresh_token, tokens.extra["id_token"])
    assert found == ("at", "rt", "id")
    assert tokens.resource_tokens["https://a.example"].access_token == "ra"


async def test_the_places_of_a_clients_secrets(inner):
    """Name, issuer, client and column."""
    given = registration()
    row = ("registrations", "name", given.issuer, given.client_id)
    stored = attrs.evolve(
        given,
        client_secret=await sealed(given.client_secret, *row, "client_secret"),
        registration_token=await sealed(given.registration_token, *row, "registration_token"),
    )
    await inner.keep_registration("name", stored)
    assert await EncryptedStore(inner, KEY, plain_rows="refuse").registration("name") == given


async def test_the_place_of_a_salt(inner):
    """The state's hash, and whose it is."""
    begun = pending()
    salt = await sealed(begun.salt, "authorizations", begun.state_hash, "github", "alice", "salt")
    await inner.begin_authorization(attrs.evolve(begun, salt=salt), TTL)
    store = EncryptedStore(inner, KEY, plain_rows="refuse")
    assert await store.take_authorization(begun.state_hash) == Taken(begun)
