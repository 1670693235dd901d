"""The ways of revoking tokens, as data."""

from __future__ import annotations

from typing import final

import attrs

from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.http.reply import Reply
from extauth.adapters.oauth2.reading.members import error_codes, reports_error


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
    whole_grant: bool = False
    """Whether it is known to end all that the account has granted to this client, other links included."""

    @classmethod
    def standard(cls, url: str) -> Revocation:
        """Return the way of RFC 7009: the token in a form, the client authenticated as ever."""
        fields = {"token": "{token}", "token_type_hint": "{token_type_hint}"}
        return cls(call=Call(method="POST", url=url, auth="client", encoding="form", fields=fields))

    def confirmed_by(self, reply: Reply) -> bool:
        """Whether the answer says that the tokens are revoked, or were already."""
        members = reply.members()
        if not self.done_codes.isdisjoint(error_codes(members)):
            return True
        return reply.status in self.done_statuses and not (self.failed_by_body and reports_error(members))


def revocation_by(revoke_url: str | None, revocation: Revocation | None) -> Revocation | None:
    """Return the way of revoking: RFC 7009's at the URL, or the one given, or none.

    :raises ValueError: if both are given.
    """
    if revoke_url is None:
        return revocation
    if revocation is not None:
        msg = "give revoke_url or revocation, not both"
        raise ValueError(msg)
    return Revocation.standard(revoke_url)
