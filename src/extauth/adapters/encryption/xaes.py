"""XAES-256-GCM (C2SP, c2sp.org/XAES-256-GCM): AES-256-GCM with a nonce of 24 bytes, to be drawn at random.

AES-GCM alone takes 12 bytes: drawn at random, they are good for 2**32 texts under one key, and after that
two that are equal give the key for forging away. Here the first 12 bytes of the nonce derive a key of its
own (NIST SP 800-108r1, KDF in counter mode with CMAC), under which the other 12 are AES-GCM's nonce.
"""

from __future__ import annotations

import threading
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

NONCE_BYTES: Final = 24
_HALF: Final = 12
_BLOCK: Final = 16


@final
class Xaes256Gcm:
    """Encrypts and decrypts with one key. Its ``repr`` shows none of it. Safe in any thread.

    :raises ValueError: if the key is not 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:  # noqa: PLR2004 - AES-256
            msg = "XAES-256-GCM takes a key of 32 bytes"
            raise ValueError(msg)
        # ECB of single blocks is AES itself, of which the derivation is made.
        self._block = Cipher(AES(key), ECB()).encryptor()  # noqa: S305
        self._lock = threading.Lock()
        """Around ``_block``, which one thread at a time may use."""
        subkey = int.from_bytes(self._block.update(bytes(_BLOCK))) << 1
        if subkey >> 128:
            subkey ^= (1 << 128) | 0x87
        self._first = subkey ^ int.from_bytes(b"\x00\x01X\x00" + bytes(_HALF))
        self._second = subkey ^ int.from_bytes(b"\x00\x02X\x00" + bytes(_HALF))

    def encrypt(self, nonce: bytes, plain: bytes, associated: bytes) -> bytes:
        """Return the ciphertext with its tag of 16 bytes. No nonce may be used twice."""
        return self._derived(nonce).encrypt(nonce[_HALF:], plain, associated)

    def decrypt(self, nonce: bytes, sealed: bytes, associated: bytes) -> bytes | None:
        """Return what was encrypted, or None if this is not what :meth:`encrypt` returned for these."""
        try:
            return self._derived(nonce).decrypt(nonce[_HALF:], sealed, associated)
        except InvalidTag:
            return None

    def _derived(self, nonce: bytes) -> AESGCM:
        half = int.from_bytes(nonce[:_HALF])
        blocks = (self._first ^ half).to_bytes(_BLOCK) + (self._second ^ half).to_bytes(_BLOCK)
        with self._lock:
            return AESGCM(self._block.update(blocks))
