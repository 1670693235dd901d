"""Where a provider says whose tokens these are, as data."""

from __future__ import annotations

from typing import TypeAlias, final

import attrs

from extauth.adapters.oauth2.calls import Call

Path: TypeAlias = tuple[str, ...]
"""Members to go down in a JSON answer, outermost first."""


@final
@attrs.frozen(kw_only=True)
class AccountPaths:
    """Where in an answer the account's members stand. The defaults are OpenID Connect's claims."""

    id: Path = ("sub",)
    login: Path | None = ("preferred_username",)
    display_name: Path | None = ("name",)
    avatar_url: Path | None = ("picture",)


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
    in_answer: AccountPaths = AccountPaths()
    """Paths in the answer to ``call``."""
