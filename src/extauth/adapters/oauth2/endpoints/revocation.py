"""The ways of revoking tokens, as data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias, final, get_args

import attrs

from extauth.adapters.oauth2.endpoints.calls import Call, CallAuth
from extauth.adapters.oauth2.http.reply import Reply
from extauth.adapters.oauth2.reading.members import error_codes, reports_error
from extauth.domain.resources import access_tokens
from extauth.domain.token_set import TokenSet

AccessTokensAfter: TypeAlias = Literal["ask", "end", "live"]
"""What becomes of access tokens whose refresh token is revoked: nobody knows, they end, or they live on."""


@final
@attrs.frozen(kw_only=True)
class Revocation:
    """How a provider is asked to revoke a grant, and what it answers when that is done.

    ``Revocation.standard(url)`` is RFC 7009's.

    A call with a place for ``{token}`` is made for the refresh token, and then for each access token, unless
    ``access_tokens`` says that this is not needed or of no use: that a revoked refresh token ends its access
    tokens is only recommended (RFC 7009 section 2.1). A call that names one kind of token is made once.

    :raises ValueError: for ``access_tokens`` that is none of the three.
    """

    call: Call
    done_statuses: frozenset[int] = frozenset({200, 204})
    """Statuses that mean: the tokens are revoked, or were already. RFC 7009 section 2.2 has 200; a success
    without content is one, too (Reddit)."""
    done_codes: frozenset[str] = frozenset()
    """Error codes that mean the same, with whatever status: "already revoked" is success."""
    failed_by_body: bool = False
    """Whether a 200 with an error in its body, or with ``ok`` or ``success`` that is false, is a failure.
    RFC 7009 section 2.2 has the body ignored."""
    whole_grant: bool = False
    """Whether it ends all that the account has granted to this client, other links included, or may."""
    access_tokens: AccessTokensAfter = "ask"
    """``end``: with the call for the refresh token. ``live``: until they expire, whatever is asked; before
    that, nobody is told that all is revoked."""

    def __attrs_post_init__(self) -> None:
        if self.access_tokens not in get_args(AccessTokensAfter):
            msg = f"access_tokens must be one of {', '.join(get_args(AccessTokensAfter))}"
            raise ValueError(msg)

    @classmethod
    def standard(
        cls,
        url: str,
        *,
        auth: CallAuth = "client",
        wants_secret: bool = False,
        done_codes: frozenset[str] = frozenset(),
        whole_grant: bool = False,
        access_tokens: AccessTokensAfter = "ask",
    ) -> Revocation:
        """Return the way of RFC 7009: the token in a form, the client authenticated as ever.

        ``wants_secret`` is for servers that want the members ``client_id`` and ``client_secret`` of every
        client: one that proves itself otherwise, or not at all, sends an empty secret (the MCP Python SDK
        2.3.0). ``done_codes`` is for those that answer a token that they do not know with an error, such as
        ``invalid_request`` (better-auth 1.7.5).
        """
        fields = {"token": "{token}", "token_type_hint": "{token_type_hint}"}
        if wants_secret:
            fields |= {"client_id": "{client_id}", "client_secret": ""}
        return cls(
            call=Call(method="POST", url=url, auth=auth, encoding="form", fields=fields),
            done_codes=done_codes,
            whole_grant=whole_grant,
            access_tokens=access_tokens,
        )

    @property
    def by_access_token(self) -> bool:
        """Whether the call is made with an access token, and with no other, so that it must still work."""
        return self.call.auth == "access_token" or "access_token" in self.call.names

    def also_asked(self, tokens: TokenSet, now: datetime) -> tuple[TokenSet, ...]:
        """Return, each as a set of its own, the access tokens that the call is made for as well."""
        if self.access_tokens != "ask" or "token" not in self.call.names:
            return ()
        # Without a refresh token the call for these tokens is that for the access token.
        return _singly(tokens, now, own=tokens.refresh_token is not None)

    def left_alive(self, tokens: TokenSet, now: datetime) -> tuple[TokenSet, ...]:
        """Return, each as a set of its own, the access tokens that no call revokes."""
        return _singly(tokens, now) if self.access_tokens == "live" else ()

    def confirmed_by(self, reply: Reply) -> bool:
        """Whether the answer says that the tokens are revoked, or were already."""
        members = reply.members()
        if not self.done_codes.isdisjoint(error_codes(members)):
            return True
        return reply.status in self.done_statuses and not (self.failed_by_body and _says_no(members))


def _says_no(members: Mapping[str, object]) -> bool:
    return reports_error(members) or members.get("success") is False


def _singly(tokens: TokenSet, now: datetime, *, own: bool = True) -> tuple[TokenSet, ...]:
    """Return each access token that has not expired as a set of its own; ``own``: the grant's, too."""
    return tuple(
        attrs.evolve(tokens, access_token=each.access_token, refresh_token=None, resource_tokens={})
        for resource, each in access_tokens(tokens).items()
        if (each.expires_at is None or now < each.expires_at) and (own or resource is not None)
    )


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
