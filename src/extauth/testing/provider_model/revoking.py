"""What revoking one token does at servers that do less than the standard asks for, or more."""

from __future__ import annotations

from typing import Literal, TypeAlias

from extauth.testing.provider_model.families import AccessToken, RefreshToken

RevocationReach: TypeAlias = Literal["token", "grant", "account"]
"""What ends with a revoked token. ``token``: nothing else (Authlib, glewlwyd). ``grant``: with a refresh
token all that came of its grant (RFC 7009 section 2.1). ``account``: all that the account has granted to the
client (Google, Discord)."""

RevokedConsumed: TypeAlias = Literal["grant", "nothing", "account"]
"""What ends if a refresh token is revoked that was used before: its grant, nothing, or all that the account
has granted to the client (better-auth, which then says that it does not know the token)."""


def revoke_alone(record: AccessToken | RefreshToken) -> bool:
    """Revoke a token and leave what else came of its grant. Returns whether anything changed."""
    if record.family.revoked:
        return False
    if isinstance(record, RefreshToken):
        changed = not record.family.refresh_revoked
        record.family.refresh_revoked = True
    else:
        changed = not record.revoked
        record.revoked = True
    return changed


def is_consumed(record: AccessToken | RefreshToken) -> bool:
    """Whether it is a refresh token that was followed by another one."""
    return isinstance(record, RefreshToken) and record is not record.family.newest
