"""RSA keys of servers that are gone serve the next ones: making one takes longer than most tests."""

from __future__ import annotations

import secrets
import weakref
from contextlib import suppress
from typing import Any

import pytest

from extauth.testing.server.signing import Signer

_free: list[dict[str, Any]] = []
_make: Any = Signer._key


def _key(signer: Signer, algorithm: Any) -> Any:
    """Return the key of this signer, which no other has as long as this one is there."""
    if algorithm != "RS256" or algorithm in signer._keys:
        return _make(signer, algorithm)
    with suppress(ModuleNotFoundError, IndexError):  # it says itself that one is missing
        from joserfc.jwk import RSAKey

        signer._keys[algorithm] = RSAKey.import_key({**_free.pop(), "kid": secrets.token_hex(8)})
    key = _make(signer, algorithm)
    weakref.finalize(signer, _free.append, key.as_dict(private=True)).atexit = False
    return key


def use_keys_again(patch: pytest.MonkeyPatch) -> None:
    """Make no more keys than there are servers at a time."""
    patch.setattr(Signer, "_key", _key)
