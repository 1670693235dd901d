"""Whether a POST comes from a page of the own origin. Pure but for the random bytes.

Browsers say where a request comes from, in ``Sec-Fetch-Site`` (Fetch Metadata) or ``Origin`` (RFC 6454
section 7), and no page can forge either. For those that say neither each form has a token: a MAC over the
signed-in user and random bytes, by a key that is in a cookie of this very browser. So a form that was shown
to one user is not good for another who has signed in since.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

FIELD: Final = "form_token"
HEADER: Final = "x-form-token"
COOKIE: Final = "form-key"

Refusal: TypeAlias = Literal["cross_site_request", "stale_form"]

_FOREIGN: Final = frozenset({"same-site", "cross-site"})
_KEY_LENGTH: Final = 43
_NONCE_LENGTH: Final = 22


def new_key() -> str:
    """Return the key of a browser, for its cookie."""
    return secrets.token_urlsafe(32)


def is_key(value: str | None) -> bool:
    """Whether a cookie holds a key; what is none is replaced."""
    return value is not None and len(value) == _KEY_LENGTH


def form_token(key: str, user_id: str) -> str:
    """Return a token for one form; each time another, so that compression shows nothing of it."""
    return _token(key, user_id, secrets.token_urlsafe(16))


def is_token(given: str, key: str | None, user_id: str) -> bool:
    """Whether that is a token of this browser's and user's."""
    if not is_key(key):
        return False
    expected = _token(str(key), user_id, given[:_NONCE_LENGTH])
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode("utf-8", "replace"))


def refusal(headers: Mapping[str, str], origin: str, *, token: bool | None) -> Refusal | None:
    """Return why a POST is not taken, or None.

    ``token`` says whether its token is right; None if it has none.
    """
    came_from, site = headers.get("origin"), headers.get("sec-fetch-site")
    if site in _FOREIGN or came_from not in {None, "null", origin}:
        return "cross_site_request"
    if token is False:
        return "stale_form"
    own = site == "same-origin" or came_from == origin
    return None if own or token else "cross_site_request"


def _token(key: str, user_id: str, nonce: str) -> str:
    said = f"{nonce} {user_id}".encode("utf-8", "replace")
    return f"{nonce}.{hmac.new(key.encode('utf-8', 'replace'), said, hashlib.sha256).hexdigest()}"
