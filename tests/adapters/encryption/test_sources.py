"""Keys from the environment, a file and the operating system's keyring."""

from __future__ import annotations

import os
import sys
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from extauth import ConfigurationError, TokenSet
from extauth.adapters.encryption import (
    EncryptedStore,
    EncryptionKey,
    Keyring,
    keys_from_environment,
    keys_from_file,
    keys_from_os,
)
from extauth.adapters.memory import MemoryLinkStore
from tests.adapters.encryption.support import ALICE

NEW, OLD = EncryptionKey.generate("arn:aws:kms:1:key/new"), EncryptionKey.generate("old")

WRITTEN = [
    f"{NEW.reveal()},{OLD.reveal()}",
    f"  {NEW.reveal()}  {OLD.reveal()}\n",
    f"# the key of today\n{NEW.reveal()}  # primary\n\n# {OLD.key_id} goes in May\r\n{OLD.reveal()}\r\n",
]
"""All that may stand between two keys."""


async def reads_both(keys) -> bool:
    """Tell whether these are the two keys, the new one primary."""
    inner: Any = MemoryLinkStore()
    await EncryptedStore(inner, OLD).put(ALICE, TokenSet("at"))
    store: Any = EncryptedStore(inner, keys)
    opened = (await store.get(ALICE)).tokens == TokenSet("at")
    await store.put(ALICE, TokenSet("at"))
    again: Any = EncryptedStore(inner, NEW)
    return bool(opened and (await again.get(ALICE)).tokens == TokenSet("at"))


@pytest.mark.parametrize("written", WRITTEN, ids=["by a comma", "by blanks", "in lines"])
async def test_from_the_environment(monkeypatch, written):
    """The first is primary, the others open what was encrypted before."""
    monkeypatch.setenv("EXTAUTH_KEYS", written)
    assert await reads_both(keys_from_environment())
    monkeypatch.setenv("OTHER", written)
    assert await reads_both(keys_from_environment("OTHER"))


@pytest.mark.parametrize("written", WRITTEN, ids=["by a comma", "by blanks", "in lines"])
@pytest.mark.parametrize("mode", [0o600, 0o400])
async def test_from_a_file(tmp_path, written, mode):
    """A file that is its owner's alone."""
    path = tmp_path / "keys"
    path.write_bytes(written.encode())
    path.chmod(mode)
    assert await reads_both(keys_from_file(path))
    assert await reads_both(keys_from_file(str(path)))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o777])
def test_a_file_that_others_may_use(tmp_path, mode):
    """Refused, whatever it is that they may; a link to it is no way round."""
    path, link = tmp_path / "keys", tmp_path / "link"
    path.write_text(NEW.reveal())
    path.chmod(mode)
    link.symlink_to(path)
    for each in (path, link):
        with pytest.raises(ConfigurationError, match=rf"mode {mode:04o}\): chmod 600 it") as caught:
            keys_from_file(each)
        assert str(each) in str(caught.value)


def mounted(path, monkeypatch, mode):
    """Write the file as the platform of a container mounts it: root's, for a process that is not root's."""
    path.write_text(NEW.reveal())
    status = list(path.stat())
    status[0], status[4] = (status[0] & ~0o777) | mode, 0
    monkeypatch.setattr(os, "fstat", lambda _: os.stat_result(status))
    monkeypatch.setattr(os, "geteuid", lambda: 12345)


@pytest.mark.parametrize("mode", [0o440, 0o640, 0o400])
async def test_a_file_that_is_mounted_for_a_group(tmp_path, monkeypatch, mode):
    """A process that is not root's can read it in no other way, and cannot change its mode."""
    path = tmp_path / "keys"
    mounted(path, monkeypatch, mode)
    keys = keys_from_file(path)
    monkeypatch.undo()
    assert (await EncryptedStore(MemoryLinkStore(), keys).put(ALICE, TokenSet("at"))).key == ALICE


@pytest.mark.parametrize("mode", [0o444, 0o644, 0o460, 0o450, 0o441])
def test_a_file_that_is_mounted_for_everybody(tmp_path, monkeypatch, mode):
    """It is said how to mount it: there is nothing to chmod."""
    path = tmp_path / "keys"
    mounted(path, monkeypatch, mode)
    with pytest.raises(ConfigurationError, match=rf"mode {mode:04o}\): have it mounted with mode 0440"):
        keys_from_file(path)


def test_a_file_with_a_byte_order_mark(tmp_path):
    """Editors of Windows write one; it is no part of the key."""
    path = tmp_path / "keys"
    path.write_bytes(b"\xef\xbb\xbf" + NEW.reveal().encode())
    path.chmod(0o600)
    assert isinstance(keys_from_file(path), Keyring)


def test_a_file_of_somebody_else(tmp_path, monkeypatch):
    """Who owns it can change it, and with it what is encrypted from now on."""
    path = tmp_path / "keys"
    path.write_text(NEW.reveal())
    path.chmod(0o600)
    os.chown(path, 12345, -1) if os.geteuid() == 0 else monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        keys_from_file(path)


@pytest.mark.parametrize(
    "content",
    [None, b"", b"# nothing\n", b"no key", b"\xff\xfe\x00", NEW.secret, "folder"],
    ids=["missing", "empty", "comment", "words", "bytes", "bare", "folder"],
)
def test_a_file_without_keys(tmp_path, content):
    """The error says which file and what to write, and nothing of what it holds."""
    path = tmp_path / "keys"
    if content == "folder":
        path.mkdir(mode=0o700)
    elif content is not None:
        path.write_bytes(content)
        path.chmod(0o600)
    with pytest.raises(ConfigurationError, match="the file of keys ") as caught:
        keys_from_file(path)
    said = str(caught.value)
    assert str(path) in said
    assert "no key in" not in said
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize(
    "written",
    ["", " ", NEW.reveal()[:-1], f"{NEW.reveal()} {NEW.reveal()}", NEW.reveal()[5:]],
    ids=["empty", "space", "half", "twice", "nameless"],
)
def test_an_environment_without_keys(monkeypatch, written):
    """None, half a key, the same one twice: told by the variable's name, without a word of its value."""
    monkeypatch.setenv("EXTAUTH_KEYS", written)
    if written == NEW.reveal()[5:]:
        written = written.rpartition(":")[2]
        monkeypatch.setenv("EXTAUTH_KEYS", written)
    with pytest.raises(ConfigurationError, match="the environment variable EXTAUTH_KEYS") as caught:
        keys_from_environment()
    assert NEW.reveal()[-30:-10] not in repr(caught.value)
    trace = caught.value.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename != __file__:
            assert NEW.reveal()[-30:-10] not in repr(trace.tb_frame.f_locals)
        trace = trace.tb_next


class OneSecret(KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self, secret: str | None, *, locked: bool = False) -> None:
        self.secret, self.locked = secret, locked

    def get_password(self, service, username):
        if self.locked:
            raise KeyringLocked
        return self.secret if (service, username) == ("extauth", "keys") else None

    def set_password(self, service, username, password):
        raise NotImplementedError

    def delete_password(self, service, username):
        raise NotImplementedError


@pytest.fixture
def keyring_of():
    """Put a keyring in the place of the operating system's."""
    before = keyring.get_keyring()
    yield lambda secret, **options: keyring.set_keyring(OneSecret(secret, **options))
    keyring.set_keyring(before)


async def test_from_the_operating_system(keyring_of):
    """By the real package, whatever backend it has found."""
    keyring_of(WRITTEN[0])
    assert await reads_both(keys_from_os())
    with pytest.raises(ConfigurationError, match="'other' for 'extauth' holds no key"):
        keys_from_os(name="other")


def test_a_keyring_that_is_locked(keyring_of):
    """It is told what to look at."""
    keyring_of(None, locked=True)
    with pytest.raises(ConfigurationError, match="cannot be read: KeyringLocked"):
        keys_from_os()


def test_without_the_package(monkeypatch):
    """Only this source needs it, and the error says which extra to install."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ModuleNotFoundError, match=r'keyring is not installed; run: .*"extauth\[keyring\]"'):
        keys_from_os()


@pytest.mark.parametrize(
    ("given", "hint"), [(None, "None; is it configured"), (b"k:x", "decode it"), (7, "not int")]
)
def test_what_is_no_text_of_a_key(given, hint):
    """A variable that is not set, or bytes of a file: it is said what was given."""
    with pytest.raises(TypeError, match=f"an encryption key must be a str.*{hint}"):
        EncryptionKey.parse(given)
