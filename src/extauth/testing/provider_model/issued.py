"""Every token that an authorization server gave out, and the making of new ones."""

from __future__ import annotations

from typing import final

from extauth.testing.provider_model.families import AccessToken, Family, Namer, RefreshToken, Wanted
from extauth.testing.provider_model.redemption import AccessState, DeadAccess, ExpiredAccess, LiveAccess


@final
class Issued:
    """The tokens of all families by their texts, live and dead."""

    def __init__(self, namer: Namer) -> None:
        self._name = namer
        self.refresh: dict[str, RefreshToken] = {}
        """In the order they were given out."""
        self.access: dict[str, AccessToken] = {}

    def record(self, token: str) -> AccessToken | RefreshToken | None:
        """Return what is known of a token; None if it was never given out."""
        return self.refresh.get(token) or self.access.get(token)

    def new_refresh(
        self, family: Family, parent: RefreshToken | None, expires_at: float, now: float
    ) -> RefreshToken:
        """Make the newest refresh token of a family."""
        place = 0 if parent is None else family.newest.place + 1
        text = self._name("rt", family.number, family.access_tokens)
        family.newest = self.refresh[text] = RefreshToken(text, family, parent, place, expires_at, now)
        return family.newest

    def new_access(self, family: Family, now: float, lifetime: float, wanted: Wanted) -> AccessToken:
        """Make the newest access token of a family; ``lifetime`` unless another is wanted."""
        family.access_tokens += 1
        text = self._name("at", family.number, family.access_tokens)
        scopes = family.terms.scopes if wanted.scopes is None else wanted.scopes
        expires_at = now + (lifetime if wanted.lifetime is None else wanted.lifetime)
        family.access = self.access[text] = AccessToken(
            text, family, expires_at, now, scopes, wanted.resources
        )
        return family.access


def state_of(record: AccessToken | None, now: float) -> AccessState:
    """Say whether an API should accept the token; at its expiry it is expired."""
    if record is None or record.revoked or record.family.revoked:
        return DeadAccess()
    if now >= record.expires_at:
        return ExpiredAccess(now - record.expires_at)
    return LiveAccess(record.family.subject)
