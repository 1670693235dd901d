"""How commands say what a key is in use for."""

from __future__ import annotations

from extauth.cli.times import written
from extauth.domain.key_use import KeyUse


def use_json(use: KeyUse) -> dict[str, object]:
    """Return how many rows there are."""
    return {
        "links": use.links,
        "registrations": use.registrations,
        "authorizations": use.authorizations,
        "authorizations_until": written(use.latest_expiry),
    }
