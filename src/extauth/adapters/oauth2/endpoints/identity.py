"""Where a provider says whose tokens these are, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import attrs

from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.reading.json_paths import Path, text_at
from extauth.domain.link import Account

__all__ = ["AccountPaths", "IdentityRules", "Path"]


@final
@attrs.frozen(kw_only=True)
class AccountPaths:
    """Where in an answer the account's members stand. The defaults are OpenID Connect's claims."""

    id: Path = ("sub",)
    login: Path | None = ("preferred_username",)
    display_name: Path | None = ("name",)
    avatar_url: Path | None = ("picture",)
    id_header: str | None = None
    """A header of the answer that says the id, in place of a member."""

    def account(self, answer: object, headers: Mapping[str, str] | None = None) -> Account | None:
        """Return the account that parsed JSON tells of, or None if its id is not there.

        Whole numbers become text. What no store can keep is taken for not there. ``headers`` are those
        of the answer, by lower-case name.
        """

        def found(path: Path | None) -> str | None:
            return None if path is None else text_at(answer, path)

        if self.id_header is None:
            account_id = found(self.id)
        else:
            account_id = text_at(dict(headers or {}), (self.id_header.lower(),))
        try:
            return Account(
                account_id or "",
                login=found(self.login),
                display_name=found(self.display_name),
                avatar_url=found(self.avatar_url),
            )
        except ValueError:
            return None


@final
@attrs.frozen(kw_only=True)
class IdentityRules:
    """How an account is found out: from the token endpoint's answer, its ID token, or a call of its own.

    Tried in that order; a call costs a request and comes after the tokens are stored.
    """

    in_reply: AccountPaths | None = None
    """Paths in the token endpoint's own answer."""
    in_id_token: bool = False
    call: Call | None = None
    call_needs: str | None = None
    """A scope without which the call would be refused: tokens that are known not to have it are not shown."""
    in_answer: AccountPaths = AccountPaths()
    """Paths in the answer to ``call``."""

    def may_call(self, granted: frozenset[str]) -> bool:
        """Whether tokens with these scopes may make the call; without any nobody knows which they have."""
        return not granted or self.call_needs is None or self.call_needs in granted


def identity_by(userinfo_url: str | None, identity: IdentityRules) -> IdentityRules:
    """Return the rules with OpenID Connect's call to the URL in them, if there is one.

    :raises ValueError: if they have a call already.
    """
    if userinfo_url is None:
        return identity
    if identity.call is not None:
        msg = "give userinfo_url or a call in identity, not both"
        raise ValueError(msg)
    return attrs.evolve(identity, call=Call(url=userinfo_url))
