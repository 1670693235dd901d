"""Signing webhooks symmetrically, by Standard Webhooks 1.0.0, "Verifying webhook authenticity". Pure.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, read 2026-11-29
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from extauth.domain.hidden import Hidden
from extauth.domain.outbox import LinkBroken, LinkEvent, LinkExpiring
from extauth.domain.storable import JsonValue

PREFIX: Final = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret: 192 to 512 bits."""

_HOW: Final = "make one with extauth.adapters.webhooks.new_secret()"


def new_secret() -> str:
    """Return a new random secret, as text for a secret manager and for who receives."""
    return PREFIX + b64encode(secrets.token_bytes(32)).decode()


def signing_keys(given: Hidden[str | Iterable[str]]) -> tuple[Hidden[bytes], ...]:
    """Read one secret, or several of which receivers may know any. No error repeats one.

    :raises ValueError: if there is none, or one is not ``whsec_`` and 24 to 64 bytes in base64.
    :raises TypeError: if one is no ``str``.
    """
    texts = [given.value] if isinstance(given.value, str) else [*given.value]
    if not texts:
        msg = f"a webhook needs a secret; {_HOW}"
        raise ValueError(msg)
    keys: list[Hidden[bytes]] = []
    for number, text in enumerate(texts, 1):
        key = Hidden(_key(Hidden(text)))
        if not SHORTEST <= len(key.value) <= LONGEST:
            wanted = f"whsec_ and {SHORTEST} to {LONGEST} bytes in base64"
            msg = f"secret {number} of a webhook is not {wanted}; {_HOW}"
            raise ValueError(msg)
        keys.append(key)
    return tuple(keys)


def _key(text: Hidden[object]) -> bytes:
    if not isinstance(text.value, str):
        msg = f"a webhook's secret must be a str, not {type(text.value).__name__}; {_HOW}"
        raise TypeError(msg)
    if not text.value.startswith(PREFIX):
        return b""
    try:
        return b64decode(text.value.removeprefix(PREFIX), validate=True)
    except (Error, ValueError):
        return b""


def body_of(event: LinkEvent) -> bytes:
    """Write an event: its type, its time, and what happened to which link. No token is anywhere near it."""
    data: dict[str, JsonValue] = {
        "provider_id": event.key.provider_id,
        "user_id": event.key.user_id,
        "version": event.version,
    }
    match event:
        case LinkBroken():
            data["reason"] = event.reason
        case LinkExpiring():
            data["ends_at"] = event.ends_at.isoformat()
            data["source"] = event.source
        case _:
            pass
    document = {"type": event.type, "timestamp": event.at.isoformat(), "data": data}
    return json.dumps(document, separators=(",", ":")).encode()


def signed_headers(
    event_id: str, now: datetime, body: bytes, keys: Iterable[Hidden[bytes]]
) -> Mapping[str, str]:
    """Return the headers of an attempt that is made now, with a signature by each key."""
    timestamp = str(int(now.timestamp()))
    signed = b".".join((event_id.encode(), timestamp.encode(), body))
    signatures = ("v1," + b64encode(hmac.digest(key.value, signed, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }
