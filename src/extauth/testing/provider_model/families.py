"""The records that an authorization server keeps of the tokens it gave out, and how it names them."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from typing import TypeAlias, final

import attrs

Namer: TypeAlias = Callable[[str, int, int], str]
"""Names a token, from its kind (``"at"`` or ``"rt"``), the number of its family and its own in it."""


def unguessable(kind: str, _family: int, _number: int, /) -> str:
    """Name a token so that nobody can guess it."""
    return f"{kind}-{secrets.token_urlsafe(16)}"


def numbered(kind: str, family: int, number: int, /) -> str:
    """Name a token by its place, like ``rt-1-2``: the same calls give the same names."""
    return f"{kind}-{family}-{number}"


@final
@attrs.frozen
class Terms:
    """What one authorization allows."""

    client: object = None
    """Who may use its tokens; None: whoever presents them."""
    scopes: frozenset[str] = frozenset()
    offline: bool = True
    """Whether the client was given a refresh token at all."""
    redirect_uri: str | None = None
    """Where its code was sent."""
    resources: frozenset[str] = frozenset()
    """The only ones that its access tokens may be for (RFC 8707); empty: no such limit."""
    second: bool = False
    """Whether it is the further grant that some providers give beside the first (a user's beside a bot's)."""


@final
@attrs.frozen
class Wanted:
    """What one access token was asked to be; the authorization says the rest."""

    scopes: frozenset[str] | None = None
    """None: all that were granted (RFC 6749 section 6)."""
    resources: frozenset[str] = frozenset()
    """The only ones that it is for (RFC 8707); empty: no such limit."""
    lifetime: float | None = None
    """In seconds; None: the server's."""


@final
@attrs.define(eq=False)
class Family:
    """All tokens that descend from one authorization."""

    subject: str
    number: int
    terms: Terms = Terms()
    newest: RefreshToken = attrs.field(init=False)
    """The refresh token given out last."""
    access: AccessToken = attrs.field(init=False)
    """The access token given out last."""
    access_tokens: int = 0
    """How many were given out."""
    revoked: bool = False
    refresh_revoked: bool = False
    """Whether its refresh tokens were revoked and its access tokens left."""

    @property
    def usable(self) -> bool:
        """Whether its client has a refresh token that nobody revoked."""
        return self.terms.offline and not self.revoked and not self.refresh_revoked

    @property
    def refreshable(self) -> bool:
        """Whether that is not used up, where the server gave no other for it."""
        return self.usable and self.newest.used_at is None


@final
@attrs.define(eq=False)
class RefreshToken:
    """A refresh token, live or dead."""

    text: str = attrs.field(repr=False)
    family: Family
    parent: RefreshToken | None
    """The one whose presentation gave it."""
    place: int
    """0 for the first of the family, and so on."""
    expires_at: float = math.inf
    """By the clock of the grants."""
    issued_at: float = -math.inf
    presentations: int = 0
    """Those that reached the grants, refused ones too."""
    used_at: float | None = None
    """When it was used up last; None if it never was."""
    used_in: int | None = None
    """Which of all presentations that was, counted from 1."""
    gave: tuple[AccessToken, RefreshToken] | None = None
    """The pair that it gave last."""
    superseded: bool = False
    """Whether a replay of an older one took its place before it was used."""


@final
@attrs.define(eq=False)
class AccessToken:
    """An access token, live or dead."""

    text: str = attrs.field(repr=False)
    family: Family
    expires_at: float
    """By the clock of the grants."""
    issued_at: float
    scopes: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    """The only ones that it is for; empty: no such limit."""
    revoked: bool = False
