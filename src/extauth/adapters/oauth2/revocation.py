"""The ways of revoking tokens, as data."""

from __future__ import annotations

from typing import final

import attrs

from extauth.adapters.oauth2.calls import Call


@final
@attrs.frozen(kw_only=True)
class Revocation:
    """How a provider is asked to revoke a grant, and what it answers when that is done.

    ``Revocation.standard(url)`` is RFC 7009's.
    """

    call: Call
    done_statuses: frozenset[int] = frozenset({200})
    """Statuses that mean: the tokens are revoked, or were already."""
    done_codes: frozenset[str] = frozenset()
    """Error codes that mean the same, with whatever status: "already revoked" is success."""
    failed_by_body: bool = False
    """Whether a 200 with an error in its body (``ok: false``) is a failure."""
    whole_grant: bool = True
    """Whether it ends the user's whole grant to this client, other links of the same account included."""

    @classmethod
    def standard(cls, url: str) -> Revocation:
        """Return the way of RFC 7009: the token in a form, the client authenticated as ever."""
        fields = {"token": "{token}", "token_type_hint": "{token_type_hint}"}
        return cls(call=Call(method="POST", url=url, auth="client", encoding="form", fields=fields))
