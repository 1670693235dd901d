"""What is stored, which key it names, and what happens where it does not open. On a SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from extauth import CannotDecrypt, LinkKey, RefreshFailure, TokenSet, open_store
from extauth.adapters.encryption import EncryptedStore, EncryptionKey, Keyring
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.due import DueBy
from extauth.domain.imports import ImportedLink
from extauth.domain.link import Account
from extauth.domain.linking_outcomes import Taken
from extauth.domain.outcomes import Absent, Claimed, Held, Resealed, Saved, Stale
from tests.adapters.encryption.support import (
    ALICE,
    BOB,
    LOST,
    NEW,
    OLD,
    SOON,
    TTL,
    pending,
    registration,
    tokens,
)

OTHER = "UPDATE external_auth_registrations SET"
SELECT = "SELECT {} FROM external_auth_links WHERE user_id = ?"
UPDATE = "UPDATE external_auth_links SET {}"


class File:
    """A SQLite file, its rows as they are, and stores on it with any keys."""

    def __init__(self, path) -> None:
        self.path = path

    @asynccontextmanager
    async def store(self, *keys: EncryptionKey, **options: Any) -> AsyncGenerator[Any]:
        async with open_store(f"sqlite:///{self.path}", keys="plain") as store:
            yield EncryptedStore(store, keys, **options) if keys else store

    def sql(self, statement: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            return connection.execute(statement, values).fetchall()

    def column(self, name: str, key: LinkKey = ALICE) -> Any:
        return self.sql(SELECT.format(name), key.user_id)[0][0]


@pytest.fixture
def file(tmp_path) -> File:
    """A SQLite file that stores with any keys can be opened on."""
    return File(tmp_path / "links.db")


async def test_nothing_secret_is_stored_plain(file):
    """Tokens, resource tokens, all of extra, salts and clients' secrets are sealed; ids and names are not."""
    async with file.store(NEW) as store:
        await store.put(ALICE, tokens())
        await store.begin_authorization(pending(), TTL)
        await store.keep_registration("https://as.example", registration())
        with closing(sqlite3.connect(file.path)) as database:
            dump = "\n".join(database.iterdump())
        assert await store.registration("https://as.example") == registration()
        assert await store.take_authorization("hash-1") == Taken(pending())
        link = await store.get(ALICE)
    assert "canary" not in dump
    assert dump.count("$extauth1$new$$") == 2 + 2 + 2 + 1 + 2
    assert {name for name in ("alice", "id_token", "https://a.example", "client-1") if name in dump} == {
        "alice",
        "id_token",
        "https://a.example",
        "client-1",
    }
    assert link.tokens == tokens()


async def test_key_ids_are_those_of_the_keys(file):
    """The columns name the primary key, whatever ids the tokens came with, and what is read names none."""
    foreign = tokens(access_token_key_id="of another", refresh_token_key_id="of another")
    async with file.store(NEW, OLD) as store:
        link = await store.put(ALICE, foreign)
        names = file.column("oauth_access_token_key_id"), file.column("oauth_refresh_token_key_id")
        assert link.tokens == (await store.get(ALICE)).tokens == tokens()
        await store.save(ALICE, 1, TokenSet("at"))
    assert names == ("new", "new")
    assert file.column("oauth_refresh_token_key_id") is None


async def test_a_refresh_token_that_is_carried_forward_can_be_opened(file):
    """After the primary key has changed, a token carried into a save is under the new one, by name too."""
    async with file.store(OLD) as store:
        await store.put(ALICE, tokens("first"))
    async with file.store(NEW, OLD) as store:
        link = await store.get(ALICE)
        carried = TokenSet("at-2").succeeding(link.tokens)
        await store.save(ALICE, 1, carried)
    assert file.column("oauth_refresh_token_key_id") == "new"
    assert file.column("oauth_refresh_token").startswith("$extauth1$new$$")
    async with file.store(NEW) as store:
        assert (await store.get(ALICE)).tokens == carried
        assert carried.refresh_token == "rt-canary-first"


async def test_reseal_brings_everything_under_the_primary_key(file):
    """Resource tokens and extra included, at the same version: the old key can go."""
    async with file.store(OLD) as store:
        before = await store.put(ALICE, tokens())
    async with file.store(NEW, OLD) as store:
        link = await store.get(ALICE)
        assert await store.reseal(ALICE, 1, link.tokens) == Resealed(link) == Resealed(before)
    row = file.sql("SELECT * FROM external_auth_links")
    assert "$extauth1$old" not in repr(row)
    async with file.store(NEW) as store:
        assert await store.get(ALICE) == before


PLACES = ["oauth_access_token", "oauth_refresh_token", "oauth_extra", "oauth_resource_tokens"]


@pytest.mark.parametrize("column", PLACES)
async def test_a_text_moved_to_another_row_does_not_open(file, column):
    """Another user's text in the same column is refused, by name, and nothing of it is shown."""
    async with file.store(NEW) as store:
        await store.put(ALICE, tokens("a"))
        bob = await store.put(BOB, tokens("b"))
        file.sql(UPDATE.format(f"{column} = ? WHERE user_id = 'alice'"), file.column(column, BOB))
        with pytest.raises(
            CannotDecrypt, match="'alice' to github is encrypted with the key 'new'"
        ) as caught:
            await store.get(ALICE)
        assert (caught.value.reason, caught.value.key_id, caught.value.key) == ("not_authentic", "new", ALICE)
        assert await store.get(BOB) == bob
    assert "canary" not in repr(caught.value)
    assert "$extauth1" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("where", "provider"), [("access to refresh", "github"), ("refresh to access", "github"), ("", "gitlab")]
)
async def test_a_text_moved_to_another_column_or_provider_does_not_open(file, where, provider):
    """Not even within one user's own rows."""
    async with file.store(NEW) as store:
        await store.put(ALICE, tokens())
        await store.put(LinkKey("gitlab", "alice"), tokens())
        moves = {
            "access to refresh": "oauth_refresh_token = oauth_access_token",
            "refresh to access": "oauth_access_token = oauth_refresh_token",
            "": "oauth_access_token = (SELECT oauth_access_token FROM external_auth_links"
            " WHERE provider_id = 'github')",
        }
        file.sql(UPDATE.format(f"{moves[where]} WHERE provider_id = ?"), provider)
        with pytest.raises(CannotDecrypt) as caught:
            await store.get(LinkKey(provider, "alice"))
    assert caught.value.reason == "not_authentic"


@pytest.mark.parametrize("column", ["oauth_extra", "oauth_resource_tokens"])
async def test_members_cannot_change_places(file, column):
    """One resource's token under another resource, one member of extra under another's name."""
    swaps = {"oauth_extra": ("id_token", "team"), "oauth_resource_tokens": ("a.example", "b.example")}
    one, other = swaps[column]
    async with file.store(NEW) as store:
        await store.put(ALICE, tokens())
        swapped = file.column(column).replace(one, "~").replace(other, one).replace("~", other)
        file.sql(UPDATE.format(f"{column} = ?"), swapped)
        with pytest.raises(CannotDecrypt) as caught:
            await store.get(ALICE)
    assert caught.value.reason == "not_authentic"


async def test_texts_cannot_change_tables(file):
    """A salt is no client's secret, a client's secret no token, a token no salt."""
    async with file.store(NEW) as store:
        await store.put(ALICE, tokens())
        await store.begin_authorization(pending(), TTL)
        await store.keep_registration("name", registration())
        salt = file.sql("SELECT salt FROM external_auth_authorizations")[0][0]
        secret = file.sql("SELECT client_secret FROM external_auth_registrations")[0][0]
        token = file.column("oauth_access_token")
        file.sql("UPDATE external_auth_authorizations SET salt = ?", token)
        file.sql("UPDATE external_auth_registrations SET client_secret = ?", salt)
        file.sql("UPDATE external_auth_links SET oauth_access_token = ?", secret)
        calls = store.get(ALICE), store.take_authorization("hash-1"), store.registration("name")
        errors = await asyncio.gather(*calls, return_exceptions=True)
    assert [error.reason for error in errors] == ["not_authentic"] * 3
    assert [error.key for error in errors] == [ALICE, ALICE, None]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE external_auth_authorizations SET user_id = 'mallory'",
        "UPDATE external_auth_authorizations SET provider_id = 'gitlab'",
        """UPDATE external_auth_authorizations SET salt = (SELECT max(salt) FROM external_auth_authorizations
WHERE state_hash = 'hash-2')""",
    ],
)
async def test_whose_an_authorization_is_cannot_be_changed(file, change):
    """Whoever can write the database cannot have another user's consent linked to themselves."""
    async with file.store(NEW) as store:
        await store.begin_authorization(pending(), TTL)
        await store.begin_authorization(pending("2", BOB), TTL)
        file.sql(change)
        with pytest.raises(CannotDecrypt):
            await store.take_authorization("hash-1")


async def test_what_is_imported_is_encrypted(file):
    """As what is put."""
    async with file.store(NEW) as store:
        await store.imports.add(ImportedLink(ALICE, tokens()))
        assert (await store.get(ALICE)).tokens == tokens()
        assert await store.sealed.links("old", limit=1) == [ALICE]
        await store.put(BOB, tokens())
        assert await store.sealed.links("old", limit=1) == [ALICE]
    with closing(sqlite3.connect(file.path)) as database:
        assert "canary" not in "\n".join(database.iterdump())


@pytest.mark.parametrize("column", ["issuer", "client_id", "name"])
async def test_whose_a_secret_is_cannot_be_changed(file, column):
    """A client's secret opens for its own server and client alone."""
    async with file.store(NEW) as store:
        await store.keep_registration("name", registration())
        file.sql(f"{OTHER} {column} = 'other'")
        with pytest.raises(CannotDecrypt, match="the client that is registered as") as caught:
            await store.registration("other" if column == "name" else "name")
    assert (caught.value.reason, caught.value.key) == ("not_authentic", None)


@asynccontextmanager
async def with_lost_key(file: File):
    """Alice's and Carol's rows under a key that is lost, Bob's and Dave's under the one that there is."""
    carol, dave = LinkKey("github", "carol"), LinkKey("github", "dave")
    async with file.store(LOST) as store:
        for key in (ALICE, carol):
            await store.put(key, tokens(key.user_id))
    async with file.store(NEW) as store:
        for key in (BOB, dave, LinkKey("gitlab", "alice")):
            await store.put(key, tokens(key.user_id))
        yield store


async def test_a_missing_key_is_its_rows_trouble_alone(file):
    """Reads put together: an error that names link and key for the one, and the links of the others."""
    async with with_lost_key(file) as store:
        alice, bob, again = await asyncio.gather(
            store.get(ALICE), store.get(BOB), store.get(ALICE), return_exceptions=True
        )
        for error in (alice, again):
            assert (error.reason, error.key_id, error.key) == ("missing_key", "lost", ALICE)
            assert str(error).startswith(
                "the link of 'alice' to github is encrypted with the key 'lost', which is none of those given"
            )
        assert bob.tokens == tokens("bob")
        with pytest.raises(CannotDecrypt):
            await store.links_of("alice")
        assert [link.key for link in await store.links_of("bob")] == [BOB]


async def test_due_needs_no_key(file):
    """It reads no tokens, so that upkeep goes on beyond a link that does not open."""
    async with with_lost_key(file) as store:
        due = await store.due("github", DueBy.EXPIRY, SOON + TTL)
    assert [each.key.user_id for each in due] == ["alice", "bob", "carol", "dave"]


async def test_what_does_not_open_loses_nothing(file):
    """Every call on it fails, or does what needs no tokens; with the right key it is as it was."""
    mark = RefreshFailure("http_503", datetime(2026, 1, 1, tzinfo=UTC), 1, retry_at=SOON)
    async with with_lost_key(file) as store:
        for call in (
            store.claim(ALICE, 1, "owner", TTL, takeover=False),
            store.claim(ALICE, 2, "owner", TTL),
            store.save(ALICE, 2, tokens("x")),
            store.reseal(ALICE, 2, tokens("x")),
            store.record_failure(ALICE, 2, attrs.evolve(mark, version=2)),
            store.record_account(ALICE, 2, Account("1")),
            store.wait_for_change(ALICE, 1, timedelta(0)),
        ):
            with pytest.raises(CannotDecrypt):
                await call
        assert await store.lift_failure("github") == 0
        assert await store.release(ALICE, 1, "owner") is False
    async with file.store(NEW, LOST) as store:
        link = await store.get(ALICE)
        assert (link.version, link.tokens, link.failure) == (1, tokens("alice"), None)
        claimed = await store.claim(ALICE, 1, "owner-2", TTL)
        assert isinstance(claimed, Claimed)


async def test_a_claim_of_what_does_not_open_leaves_no_lease(file):
    """Nobody waits for it; but an exchange may be under way, since the claim may be a repeated one."""
    async with with_lost_key(file) as store:
        with pytest.raises(CannotDecrypt):
            await store.claim(ALICE, 1, "owner", TTL, takeover=False)
    async with file.store(LOST) as store:
        link = await store.get(ALICE)
        assert link.pending is not None
        assert link.pending.live is False


async def test_what_lapsed_before_a_claim_of_what_does_not_open_is_seen_to_have():
    """Its holder may yet save what it knows: the lease that was taken over is not given back."""
    now = SOON
    inner = MemoryLinkStore(now=lambda: now)
    await EncryptedStore(inner, LOST).put(ALICE, tokens("alice"))
    await inner.claim(ALICE, 1, "cut off", TTL)
    now += TTL
    with pytest.raises(CannotDecrypt):
        await EncryptedStore(inner, NEW).claim(ALICE, 1, "owner", TTL)
    now += timedelta(seconds=1)
    held = await inner.claim(ALICE, 1, "another", TTL, takeover=False)
    assert isinstance(held, Held)
    assert held.remaining < timedelta(0)
    assert isinstance(await inner.claim(ALICE, 1, "another", TTL), Claimed)


async def test_what_does_not_open_can_be_removed_and_replaced(file):
    """A user can leave and come back although the key is lost."""
    async with with_lost_key(file) as store:
        with pytest.raises(CannotDecrypt) as caught:
            await store.delete(ALICE)
        assert caught.value.key == ALICE
        assert await store.get(ALICE) is None
        carol = LinkKey("github", "carol")
        assert (await store.put(carol, tokens("new"))).version == 2
        assert (await store.get(carol)).tokens == tokens("new")


async def test_a_wrong_key_is_told_by_its_id(file):
    """Another key under the same id opens nothing, and destroys nothing."""
    wrong = EncryptionKey.generate("new")
    async with file.store(NEW) as store:
        link = await store.put(ALICE, tokens())
    async with file.store(wrong) as store:
        with pytest.raises(CannotDecrypt, match="'new', and does not open with it") as caught:
            await store.get(ALICE)
    assert caught.value.reason == "not_authentic"
    async with file.store(NEW) as store:
        assert await store.get(ALICE) == link


async def test_a_later_format_asks_for_an_upgrade(file):
    """Of a rolling upgrade: the text is left to those who know it."""
    async with file.store(NEW) as store:
        await store.put(ALICE, tokens())
        file.sql("UPDATE external_auth_links SET oauth_access_token = '$extauth9$k9$x'")
        with pytest.raises(CannotDecrypt, match="upgrade it") as caught:
            await store.get(ALICE)
    assert (caught.value.reason, caught.value.key_id) == ("unknown_format", "k9")


async def test_plain_rows_are_read_until_they_are_refused(file):
    """They are encrypted at their next write; with ``refuse`` one that is not yet is an error."""
    async with file.store() as store:
        before = await store.put(ALICE, tokens())
        await store.begin_authorization(pending(), TTL)
        await store.keep_registration("name", registration())
    async with file.store(NEW) as store:
        assert await store.get(ALICE) == before
        assert await store.registration("name") == registration()
    async with file.store(NEW, plain_rows="refuse") as store:
        for call in (store.get(ALICE), store.registration("name"), store.take_authorization("hash-1")):
            with pytest.raises(CannotDecrypt, match="stored in plain text") as caught:
                await call
            assert (caught.value.reason, caught.value.key_id) == ("plain_text", None)
    async with file.store(NEW) as store:
        await store.reseal(ALICE, 1, before.tokens)
    async with file.store(NEW, plain_rows="refuse") as store:
        assert await store.get(ALICE) == before


@pytest.mark.parametrize(
    ("column", "planted"),
    [
        ("oauth_access_token", "planted"),
        ("oauth_refresh_token", "planted"),
        ("oauth_extra", '{"id_token": "planted"}'),
        ("oauth_extra", '{"id_token": 7}'),
        (
            "oauth_resource_tokens",
            '{"r": {"access_token": "planted", "expires_at": null, "issued_at": null}}',
        ),
    ],
)
async def test_nobody_can_plant_a_token(file, column, planted):
    """With ``refuse``, whoever can write the database gets no token of theirs handed out, in any column."""
    async with file.store(NEW, plain_rows="refuse") as store:
        await store.put(ALICE, tokens())
        file.sql(UPDATE.format(f"{column} = ?"), planted)
        with pytest.raises(CannotDecrypt) as caught:
            await store.get(ALICE)
    assert caught.value.reason == "plain_text"


async def test_what_was_opened_is_opened_once(file, monkeypatch):
    """A row that has not changed costs no decryption, and one that has is never served from before."""
    from extauth.adapters.encryption import opening

    opened: list[str] = []
    real = opening.opened_link

    def counted(opener, stored):
        opened.append(stored.key.user_id)
        return real(opener, stored)

    monkeypatch.setattr(opening, "opened_link", counted)
    few = TokenSet("at-1", "rt-1")
    async with file.store(NEW) as store:
        await store.put(ALICE, few)
        for _ in range(3):
            assert (await store.get(ALICE)).tokens == few
        assert opened == ["alice"]
        await store.reseal(ALICE, 1, TokenSet("at-2", "rt-2"))
        assert (await store.get(ALICE)).tokens.access_token == "at-2"
        await store.save(ALICE, 1, tokens("3"))
        for _ in range(2):
            link = await store.get(ALICE)
            link.tokens.extra["id_token"] = "changed by a reader"
        assert (await store.get(ALICE)).tokens == tokens("3")


NOT_OPEN = (
    r"^store must be a store that is open, not str;"
    r" write: async with open_store\(url, keys=\.\.\.\) as store$"
)
NO_KEYS = (
    r"^keys must be a Keyring, a key or a list of keys, not the class EncryptionKey;"
    r" a key is EncryptionKey\(key_id, secret\); from its text it is EncryptionKey\.parse\(text\);"
    r' keys="plain" encrypts nothing$'
)


async def test_what_is_given_as_a_store_or_keys():
    """Mistakes are told where they are made."""
    store = MemoryLinkStore()
    encrypted = EncryptedStore(store, NEW)
    for make, kind, said in [
        (lambda: EncryptedStore(encrypted, OLD), TypeError, "encrypts already"),
        (lambda: EncryptedStore("sqlite:///links.db", OLD), TypeError, NOT_OPEN),
        (lambda: EncryptedStore(store, []), ValueError, "keys is empty"),
        (lambda: EncryptedStore(store, NEW.reveal()), TypeError, "EncryptionKey.parse"),
        (lambda: EncryptedStore(store, EncryptionKey), TypeError, NO_KEYS),
        (lambda: Keyring("k"), TypeError, "^a key of a keyring must be an EncryptionKey or .*, not str$"),
        (lambda: EncryptionKey(7, b"k" * 32), TypeError, "^key_id must be a str, not int$"),
        (lambda: EncryptedStore(store, NEW, plain_rows="no"), ValueError, "'read' or 'refuse'"),
    ]:
        with pytest.raises(kind, match=said) as caught:
            make()
        assert NEW.reveal()[4:20] not in str(caught.value)


async def test_outcomes_carry_opened_links():
    """Whatever carries a link carries it opened."""
    inner = MemoryLinkStore()
    store = EncryptedStore(inner, Keyring(NEW))
    link = await store.put(ALICE, tokens())
    claimed = await store.claim(ALICE, 1, "owner", TTL)
    assert isinstance(claimed, Claimed)
    assert claimed.link.tokens == tokens()
    assert (await store.wait_for_change(ALICE, 7, TTL)).tokens == tokens()
    assert (await store.claim(ALICE, 7, "owner", TTL)).link.tokens == tokens()
    assert (await store.record_account(ALICE, 1, Account("1"))).link.tokens == tokens()
    saved = await store.save(ALICE, 1, tokens("2"))
    assert isinstance(saved, Saved)
    assert saved.link == await store.get(ALICE)
    assert await store.save(ALICE, 1, tokens("3")) == Stale(saved.link)
    assert await store.save(BOB, 1, tokens("3")) == Absent()
    assert (await store.delete(ALICE)).tokens == tokens("2")
    assert link.tokens == tokens()


async def test_a_lease_that_is_released_without_more_is_resolved():
    """As on the store beneath: the next claim hears of no exchange that was left."""
    store = EncryptedStore(MemoryLinkStore(), NEW)
    await store.put(ALICE, tokens())
    await store.claim(ALICE, 1, "owner", TTL)
    assert await store.release(ALICE, 1, "owner")
    assert (await store.claim(ALICE, 1, "another", TTL)).unresolved_for is None
