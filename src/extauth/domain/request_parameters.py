"""Names of an authorization request's parameters that nobody sets but who is meant to."""

from __future__ import annotations

from typing import Final

BINDING: Final = frozenset(
    {"client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method", "nonce"}
)
"""What ties a callback to its request. Set from one place only."""

SHAPING: Final = frozenset({"response_type", "response_mode"})
"""What decides how the callback comes, which the provider's rules say once and for all."""

REQUEST_OBJECTS: Final = frozenset({"request", "request_uri", "registration"})
"""What speaks for all other parameters: a server that takes it passes over them (RFC 9101 section 6.3, OpenID
Connect Core sections 6 and 7)."""


def folded(name: str) -> str:
    """Return the name as the least exact servers read it: in lower case (ASP.NET), a dot as an underscore
    (PHP)."""
    return name.lower().replace(".", "_")
