"""Encrypting one text for one place, and opening it again there. Pure, but for the nonce.

A sealed text is ``$extauth1$key id$wrapped data key$nonce, ciphertext and tag``, the last two in base64url.
The data key is there where a key service has it, else that part is empty. What the text is for is not in it:
it is authenticated with it, so that the text opens in its own place alone.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Final, TypeAlias, final

import attrs

from extauth.adapters.encryption.xaes import NONCE_BYTES, Xaes256Gcm
from extauth.domain.sealed import SEPARATOR, sealing_key_id

FORMAT: Final = "$extauth1$"
_PARTS: Final = 5
_TAG_BYTES: Final = 16

Context: TypeAlias = tuple[str, ...]
"""The place of a text: table, row, column, and member where a column has several."""

RandomBytes: TypeAlias = Callable[[int], bytes]


@final
@attrs.frozen
class KeyName:
    """Which key a sealed text was sealed with, as it says itself."""

    key_id: str
    wrapped: str = attrs.field(default="", repr=False)
    """The data key as a key service has wrapped it, in base64url; empty for a key of the keyring's own."""


@final
@attrs.frozen(eq=False)
class SealingKey:
    """A key in use."""

    name: KeyName
    cipher: Xaes256Gcm = attrs.field(repr=False)
    until: float = float("inf")
    """When it is to be forgotten, on the monotonic clock."""


@final
@attrs.frozen
class Trouble:
    """Why a text does not open."""

    reason: str
    """As in :class:`~extauth.CannotDecrypt`."""
    key_id: str | None = None


def seal(key: SealingKey, text: str, context: Context, random: RandomBytes = os.urandom) -> str:
    """Return the text as it is stored in that place."""
    nonce = random(NONCE_BYTES)
    sealed = key.cipher.encrypt(nonce, text.encode(), associated(key.name.key_id, context))
    payload = encoded(nonce + sealed)
    return f"{FORMAT}{key.name.key_id}{SEPARATOR}{key.name.wrapped}{SEPARATOR}{payload}"


def named_key(sealed: str) -> KeyName | Trouble:
    """Return which key it takes to open a sealed text."""
    if not sealed.startswith(FORMAT):
        return Trouble("unknown_format", sealing_key_id(sealed) or None)
    parts = sealed.split(SEPARATOR)
    if len(parts) != _PARTS:
        return Trouble("not_authentic", sealing_key_id(sealed) or None)
    return KeyName(parts[2], parts[3])


def unseal(key: SealingKey, sealed: str, context: Context) -> str | Trouble:
    """Return the text that was sealed with this key for this place; ``sealed`` names the key."""
    payload = decoded(sealed.rpartition(SEPARATOR)[2])
    if payload is not None and len(payload) >= NONCE_BYTES + _TAG_BYTES:
        nonce, rest = payload[:NONCE_BYTES], payload[NONCE_BYTES:]
        plain = key.cipher.decrypt(nonce, rest, associated(key.name.key_id, context))
        if plain is not None:
            return plain.decode()
    return Trouble("not_authentic", key.name.key_id)


def associated(key_id: str, context: Context) -> bytes:
    """Write key and place so that no two are written alike: how many parts, and each with its length."""
    parts = [part.encode("utf-8", "surrogatepass") for part in (FORMAT, key_id, *context)]
    return b"".join(
        [len(parts).to_bytes(4), *(piece for part in parts for piece in (len(part).to_bytes(4), part))]
    )


def encoded(data: bytes) -> str:
    """Write bytes in base64url without padding (RFC 4648 section 5)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes | None:
    """Read what :func:`encoded` wrote; None for anything else."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    # Python passes over characters that do not belong there, and over bits at the end.
    return data if encoded(data) == text else None
