"""``keys``, given to ``extauth.open`` and ``open_store``, and what is said without them."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta

import pytest

import extauth
from extauth import CannotDecrypt, ConfigurationError, LinkKey, TokenSet, encrypting, open_store
from extauth.adapters.encryption import EncryptedStore, EncryptionKey, Keyring
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.sqlite import SqliteLinkStore
from extauth.testing import ScriptedLinkingProvider

ALICE = LinkKey("scripted", "alice")
OLD, NEW = EncryptionKey.generate("old"), EncryptionKey.generate("new")


@pytest.fixture
def url(tmp_path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{tmp_path}/links.db"


@pytest.fixture
def untold(monkeypatch) -> None:
    """As in a process that has not been told yet that it stores plain text."""
    monkeypatch.setattr(encrypting, "_told", False)


@pytest.mark.parametrize("keys", [NEW, [NEW, OLD], (NEW,), Keyring(NEW, OLD)], ids=repr)
async def test_keys_in_any_form(url, keys, tmp_path):
    """One key, several of which the first is primary, or a keyring: all that is written is encrypted."""
    provider = ScriptedLinkingProvider()
    async with extauth.open(url, [provider], keys=keys) as auth:
        await auth.store.put(ALICE, TokenSet("at-canary", "rt-canary"))
        assert await auth.access_token("scripted", "alice") == "at-canary"
        with closing(sqlite3.connect(tmp_path / "links.db")) as database:
            dump = "\n".join(database.iterdump())
    assert dump.count("$extauth1$new$$") == 2
    assert "canary" not in dump
    async with open_store(url, keys=keys) as store:
        assert (await store.get(ALICE)).tokens == TokenSet("at-canary", "rt-canary")


async def test_on_a_store_of_the_callers():
    """A store that is open is encrypted for the services, and stays as it is for its owner."""
    inner = MemoryLinkStore()
    async with extauth.open(inner, [ScriptedLinkingProvider()], keys=NEW) as auth:
        await auth.store.put(ALICE, TokenSet("at-canary"))
        assert (await auth.link("scripted", "alice")).tokens.access_token == "at-canary"
    assert (await inner.get(ALICE)).tokens.access_token_key_id == "new"


async def test_plain_rows_can_be_refused(url):
    """``plain_rows`` arrives; without keys it means nothing and is refused."""
    async with open_store(url, keys="plain") as store:
        await store.put(ALICE, TokenSet("at"))
    async with open_store(url, keys=NEW) as store:
        assert (await store.get(ALICE)).tokens == TokenSet("at")
    for opening in (
        extauth.open(url, [], keys=NEW, plain_rows="refuse"),
        open_store(url, keys=NEW, plain_rows="refuse"),
    ):
        async with opening as opened:
            with pytest.raises(CannotDecrypt, match="stored in plain text"):
                await getattr(opened, "store", opened).get(ALICE)
    with pytest.raises(TypeError, match="give keys, too"):
        open_store(url, plain_rows="refuse")


@pytest.mark.parametrize(
    ("keys", "kind", "said"),
    [
        ([], ValueError, "keys is empty"),
        ([NEW, EncryptionKey.generate("new")], ValueError, "two keys of a keyring"),
        (NEW.reveal(), TypeError, r"EncryptionKey\.parse"),
        (NEW.secret, TypeError, "must be a Keyring, a key or a list of keys"),
        ([NEW.reveal()], TypeError, "a key of a keyring must be"),
        ("", TypeError, "must be a Keyring"),
        (EncryptionKey, TypeError, "must be a Keyring"),
    ],
    ids=["none", "twice", "text", "bytes", "texts", "empty", "class"],
)
def test_what_is_no_key(url, tmp_path, keys, kind, said):
    """Refused before a file is made, without a word of what it was, wherever a traceback is shown."""
    for opening in (lambda: open_store(url, keys=keys), lambda: extauth.open(url, [], keys=keys)):
        with pytest.raises(kind, match=said) as caught:
            opening()
        trace = caught.value.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename != __file__:
                assert not [
                    each for each in trace.tb_frame.f_locals.values() if NEW.reveal()[4:20] in repr(each)
                ]
            trace = trace.tb_next
        assert NEW.reveal()[4:20] not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


class Refusing:
    """A key service that refuses."""

    key_id = "kms/1"

    async def new_data_key(self):
        msg = "access denied"
        raise ConfigurationError(msg)

    unwrap = new_data_key


async def test_keys_are_tried_on_entering(url):
    """A key service that refuses is told at once, and what was opened is closed."""
    for opening in (open_store(url, keys=Refusing()), extauth.open(url, [], keys=Refusing())):
        with pytest.raises(ConfigurationError, match="access denied"):
            async with opening:
                pass
    async with open_store(url, keys=NEW) as store:
        assert isinstance(store, EncryptedStore)
        assert await store.get(ALICE) is None


async def test_services_on_it_are_closed_first(url):
    """Leaving the store closes the services on it that were forgotten, as without keys."""
    async with open_store(url, keys=NEW) as store:
        tokens = extauth.TokenService(store, [ScriptedLinkingProvider()])
    with pytest.raises(RuntimeError, match="closed"):
        await tokens.access_token("scripted", "alice")


async def test_plain_text_is_told_once_a_process(untold, url, tmp_path, caplog):
    """Without keys the log says what is stored how, and what to write; once, by whatever it is opened."""
    async with extauth.open(url, []):
        pass
    async with open_store(tmp_path / "other.db"):
        pass
    [record] = [each for each in caplog.records if "plain text" in each.message]
    assert (record.name, record.levelno) == ("extauth", logging.WARNING)
    assert "keys=EncryptionKey.parse(...)" in record.message
    assert str(tmp_path) not in record.message


async def test_plain_text_on_postgres(untold, postgres_dsn, caplog):
    """There likewise."""
    async with open_store(postgres_dsn):
        pass
    assert "keeps access tokens, refresh tokens and client secrets in plain text" in caplog.text


@pytest.mark.parametrize("keys", [NEW, "plain"], ids=["keys", "plain"])
async def test_nothing_to_tell(untold, url, caplog, keys):
    """With keys, or with the word that says that plain text is meant; and of a store in memory."""
    async with open_store(url, keys=keys) as store:
        assert isinstance(store, EncryptedStore if keys is NEW else SqliteLinkStore)
    async with open_store("memory://"), extauth.open("MEMORY://", []):
        pass
    async with open_store(url, keys=keys, busy_timeout=timedelta(seconds=1)):
        pass
    assert caplog.text == ""


WITHOUT = """
import sys
sys.modules["cryptography"] = None
import extauth
async def main():
    async with extauth.open("memory://", []):
        print("open")
import asyncio
asyncio.run(main())
extauth.open("memory://", [], keys=[])
"""


def test_without_the_package_that_encrypts():
    """Nothing needs it but keys, and then the error says which extra to install."""
    run = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False)
    assert run.stdout == "open\n"
    assert 'cryptography is not installed; run: pip install "extauth[encryption]"' in run.stderr
