"""Keys, as an application writes and keeps them."""

from __future__ import annotations

import pickle
from base64 import b64encode, urlsafe_b64encode

import pytest

from extauth import DataKey, open_store
from extauth.adapters.encryption import EncryptionKey, Keyring

SECRET = bytes(range(32))


def test_a_new_key_is_random():
    """Each is another one, and comes back from its text."""
    one, other = EncryptionKey.generate("2026-11"), EncryptionKey.generate("2026-11")
    assert one.secret != other.secret
    assert EncryptionKey.parse(f" {one.reveal()}\n") == one


def test_either_alphabet_of_base64():
    """Keys that other tools have made are read: base64 and base64url."""
    secret = b"\xfb\xef\xff" * 10 + b"ab"
    for written in (b64encode(secret), urlsafe_b64encode(secret)):
        assert EncryptionKey.parse(f"arn:aws:kms:1:key/a:{written.decode()}").secret == secret


def test_a_repr_shows_no_key():
    """Neither of a key nor of a keyring nor of a data key."""
    key = EncryptionKey("2026-11", SECRET)
    shown = f"{key!r} {key} {Keyring(key)!r} {DataKey(SECRET, SECRET)!r}"
    assert "2026-11" in shown
    assert not [form for form in (repr(SECRET)[2:20], b64encode(SECRET).decode()[:12]) if form in shown]
    assert pickle.loads(pickle.dumps(key)) == key  # noqa: S301 - our own


@pytest.mark.parametrize("secret", [b"", SECRET[:16], SECRET + b"x", bytes(32)])
def test_what_is_no_key(secret):
    """A key is 32 random bytes."""
    with pytest.raises(ValueError, match=r"EncryptionKey\.generate"):
        EncryptionKey("k", secret)


def test_a_password_is_no_key():
    """Nothing is derived from a text, least of all from the client secret."""
    with pytest.raises(TypeError, match="no passphrase") as caught:
        EncryptionKey("k", "correct horse battery staple....")
    assert "horse" not in str(caught.value)


@pytest.mark.parametrize("key_id", ["", "a$b", "a b", "é", "a\n", "k" * 256])
def test_what_is_no_key_id(key_id):
    """Ids stand in rows between separators; the error repeats none, in case it is the key."""
    with pytest.raises(ValueError, match="a key id is") as caught:
        EncryptionKey(key_id, SECRET)
    assert not key_id or key_id not in str(caught.value)


JUNK = "k:" + b64encode(SECRET).decode()[:20] + "!" + b64encode(SECRET).decode()[20:]
"""What a decoder that passes over what it does not know would take."""


@pytest.mark.parametrize("text", ["", "k", "k:", ":" + b64encode(SECRET).decode(), "k:AAAA", "k:!!!", JUNK])
def test_what_is_no_text_of_a_key(text):
    """The error says how one is written, and nothing of what was given."""
    with pytest.raises(ValueError, match="id:base64") as caught:
        EncryptionKey.parse(text)
    assert not text[2:] or text[2:] not in str(caught.value)


def test_keyrings_are_checked():
    """Two keys of one id, no key at all, or something else in the place of a key."""
    key = EncryptionKey("k", SECRET)
    with pytest.raises(ValueError, match="two keys of a keyring have the id 'k'"):
        Keyring(key, EncryptionKey.generate("k"))
    with pytest.raises(TypeError, match="must be an EncryptionKey or a KeyProvider"):
        Keyring(key, "k2:secret")


def test_a_word_that_is_no_key():
    """A misspelled "plain" is told how that is written."""
    with pytest.raises(TypeError, match='keys="plain" encrypts nothing'):
        open_store("memory://", keys="plian")
