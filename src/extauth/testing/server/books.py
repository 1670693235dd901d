"""The grants that a server keeps, as its options and quirks say."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from datetime import timedelta

from extauth.testing.provider_model.families import Namer, unguessable
from extauth.testing.provider_model.grants import Grants
from extauth.testing.provider_model.reuse import Reuse
from extauth.testing.provider_model.treating import Rotation
from extauth.testing.server.quirks import ServerQuirks
from extauth.testing.server.state import ServerState


def grants_for(
    quirks: ServerQuirks,
    *,
    access_token_lifetime: timedelta,
    reuse: Reuse,
    replay_window: timedelta,
    refresh_revokes_access_token: bool,
    state: Callable[[], ServerState],
) -> Grants:
    """Return new books. ``state`` returns the server's when the first token is named, not before.

    :raises ValueError: if the lifetime is not a positive number of whole seconds.
    """
    if access_token_lifetime < timedelta(seconds=1) or access_token_lifetime % timedelta(seconds=1):
        msg = f"access_token_lifetime must be whole seconds, at least one, not {access_token_lifetime}"
        raise ValueError(msg)
    return Grants(
        access_token_lifetime=math.inf if quirks.never_expires else access_token_lifetime.total_seconds(),
        reuse=reuse,
        replay_window=replay_window.total_seconds(),
        refresh_revokes_access_token=refresh_revokes_access_token,
        refresh_token_lifetime=(
            math.inf
            if quirks.refresh_token_lifetime is None
            else quirks.refresh_token_lifetime.total_seconds()
        ),
        refresh_clock=quirks.refresh_clock,
        most_grants=quirks.most_grants,
        rotation=Rotation(
            after=0.0 if quirks.rotates_after is None else quirks.rotates_after.total_seconds(),
            forgives_pairs=quirks.forgives_pairs,
        ),
        namer=_jwt_namer(state) if quirks.jwt_access_tokens else unguessable,
    )


def _jwt_namer(state: Callable[[], ServerState]) -> Namer:
    """Return what names access tokens by JWTs, and all others as ever."""
    signed: dict[tuple[object, ...], str] = {}

    def name(kind: str, family: int, number: int, /) -> str:
        if kind != "at":
            return unguessable(kind, family, number)
        server = state()
        issued_at = server.now().timestamp()
        lifetime = server.grants.access_token_lifetime
        claims: dict[str, object] = {"sid": family, "iat": int(issued_at)}
        if server.quirks.jwt_ids:
            claims["jti"] = secrets.token_hex(8)
        if math.isfinite(lifetime):
            claims["exp"] = int(issued_at + lifetime)
        # Signatures of this kind are drawn at random: those of equal claims would differ.
        said = tuple(claims.values())
        if said not in signed:
            signed[said] = server.signer.sign(claims, "ES256", "at+jwt")
        return signed[said]

    return name
