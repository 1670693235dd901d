"""One key, as an application keeps it."""

from __future__ import annotations

import re
import secrets
from base64 import b64decode, b64encode
from typing import Any, Final, Self, cast, final

import attrs

from extauth.domain.data_keys import DATA_KEY_BYTES
from extauth.domain.hidden import Hidden
from extauth.domain.wrong_types import must_be

_KEY_ID: Final = re.compile(r"[A-Za-z0-9._:/@+=-]{1,255}")
_GENERATE: Final = "make one with EncryptionKey.generate(key_id)"


def checked_key_id(key_id: object) -> str:
    """Return the id if rows can carry it.

    :raises ValueError: if not: ids are ASCII letters, digits and ``. _ : / @ + = -``, at most 255 of them.
    :raises TypeError: if it is no ``str``.
    """
    if not isinstance(key_id, str):
        raise TypeError(must_be("a str", key_id, "key_id"))
    if not _KEY_ID.fullmatch(key_id):
        # Not repeated: who mixes the two up has written the key here.
        msg = "a key id is 1 to 255 ASCII letters, digits and . _ : / @ + = -, such as the month it was made"
        raise ValueError(msg)
    return key_id


def _id(_: object, __: object, value: str) -> None:
    checked_key_id(value)


def _secret(_: object, __: object, value: Any) -> None:
    if not isinstance(value, bytes):
        kind = type(value).__name__
        msg = f"a key is {DATA_KEY_BYTES} random bytes, not {kind}; it is made of no passphrase: {_GENERATE}"
        raise TypeError(msg)
    if len(value) != DATA_KEY_BYTES:
        msg = f"a key is {DATA_KEY_BYTES} random bytes, and this is {len(value)}; {_GENERATE}"
        raise ValueError(msg)
    if len(set(value)) == 1:
        msg = f"a key of one byte repeated is no secret; {_GENERATE}"
        raise ValueError(msg)


@final
@attrs.frozen
class EncryptionKey:
    """A key for AES-256 and the id that rows name it by. Its ``repr`` shows the id alone.

    Never give another key the same id: rows under the first could not be opened any more.

    :raises ValueError: for a key that is not 32 bytes, or an id that cannot be one.
    :raises TypeError: for a key that is no ``bytes``: passwords are no keys.
    """

    key_id: str = attrs.field(validator=_id)
    secret: bytes = attrs.field(validator=_secret, repr=False)

    @classmethod
    def generate(cls, key_id: str) -> Self:
        """Return a new random key."""
        return cls(key_id, secrets.token_bytes(DATA_KEY_BYTES))

    def reveal(self) -> str:
        """Return the key as text, ``id:base64``, for a secret manager; :meth:`parse` reads it."""
        return f"{self.key_id}:{b64encode(self.secret).decode()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what :meth:`reveal` has written. The error says nothing of the text.

        :raises ValueError: if it is none.
        :raises TypeError: if it is no ``str``, such as ``None`` of a variable that is not set.
        """
        if not isinstance(cast("object", text), str):
            raise TypeError(must_be("a str", text, "an encryption key"))
        given = Hidden(text.strip())
        del text  # tools that report errors show the local variables of each frame
        key_id, _, encoded = given.value.rpartition(":")
        secret = _decoded(Hidden(encoded))
        del encoded
        if not key_id or secret is None or not _KEY_ID.fullmatch(key_id):
            key_id = ""
            msg = (
                "a key is written as id:base64 with 32 bytes, as EncryptionKey.reveal() writes it, such as"
                ' "2026-11:" and 44 characters, without quotes'
            )
            raise ValueError(msg)
        return cls(key_id, secret.value)


def _decoded(encoded: Hidden[str]) -> Hidden[bytes] | None:
    try:
        secret = b64decode(encoded.value.replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        return None
    return Hidden(secret) if len(secret) == DATA_KEY_BYTES else None
