"""The state of an authorization request, and the secrets that are derived from it."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import TypeAlias

SecretSource: TypeAlias = Callable[[int], bytes]
"""Returns that many bytes that nobody can guess."""

SECRET_BYTES = 32
"""Of a state and of a salt: 256 bits, as RFC 6749 section 10.10 and RFC 7636 section 7.1 ask at least 128."""

_STATE = re.compile(r"[A-Za-z0-9_-]{43}")


def new_secret(source: SecretSource) -> str:
    """Return a new state or salt: random bytes as base64url without padding."""
    return _base64url(source(SECRET_BYTES))


def looks_like_state(text: str) -> bool:
    """Whether this can be a state that was given out here."""
    return _STATE.fullmatch(text) is not None


def state_hash(state: str) -> str:
    """Return what the store knows the state by."""
    return hashlib.sha256(state.encode()).hexdigest()


def failure_hash(hashed: str) -> str:
    """Return what the store knows it by that the callback with the state of this hash connected nobody."""
    return hashlib.sha256(f"failed:{hashed}".encode()).hexdigest()


# The store holds the salt and only a hash of the state; what passes through the browser holds the state
# alone. Whoever sees one of the two can compute neither verifier nor nonce.


def code_verifier(state: str, salt: str) -> str:
    """Return the code verifier of PKCE (RFC 7636 section 4.1) that goes with the state."""
    return _derived(state, salt, b"verifier:")


def nonce(state: str, salt: str) -> str:
    """Return OpenID Connect's nonce (Core section 3.1.2.1) that goes with the state."""
    return _derived(state, salt, b"nonce:")


def code_challenge(verifier: str) -> str:
    """Return the challenge of a verifier by method S256 (RFC 7636 section 4.2)."""
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def _derived(state: str, salt: str, label: bytes) -> str:
    return _base64url(hmac.digest(salt.encode(), label + state.encode(), "sha256"))


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
