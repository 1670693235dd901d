"""XAES-256-GCM is the published construction."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from extauth.adapters.encryption.xaes import Xaes256Gcm

NONCE = b"ABCDEFGHIJKLMNOPQRSTUVWX"

VECTORS = [
    (b"\x01" * 32, b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
    (b"\x03" * 32, b"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
]
"""From c2sp.org/XAES-256-GCM, appendix, read on 2026-11-29. One for each carry of the subkey."""


@pytest.mark.parametrize(("key", "associated", "sealed"), VECTORS)
def test_published_vectors(key, associated, sealed):
    """It gives what the specification gives, and opens it."""
    cipher = Xaes256Gcm(key)
    assert cipher.encrypt(NONCE, b"XAES-256-GCM", associated).hex() == sealed
    assert cipher.decrypt(NONCE, bytes.fromhex(sealed), associated) == b"XAES-256-GCM"


def test_either_half_of_the_nonce_counts():
    """Both the derived key and AES-GCM's own nonce are other ones when a bit of theirs is."""
    cipher = Xaes256Gcm(bytes(range(32)))
    sealed = cipher.encrypt(NONCE, b"text", b"place")
    for place in range(24):
        other = NONCE[:place] + bytes([NONCE[place] ^ 1]) + NONCE[place + 1 :]
        assert cipher.decrypt(other, sealed, b"place") is None
    assert cipher.decrypt(NONCE, sealed, b"another place") is None


def test_the_key_is_not_used_for_texts_itself():
    """No text is under the key alone, whose nonces would run out."""
    key = bytes(range(32))
    sealed = Xaes256Gcm(key).encrypt(NONCE, b"text", b"")
    assert sealed not in {AESGCM(key).encrypt(half, b"text", b"") for half in (NONCE[:12], NONCE[12:])}


def test_a_key_of_another_length():
    """It is refused before anything is encrypted."""
    with pytest.raises(ValueError, match="32 bytes"):
        Xaes256Gcm(bytes(16))
