"""Credentials of google-auth for asyncio, whose tokens extauth keeps.

They are the current kind, :mod:`google.auth.aio`, which ``AsyncAuthorizedSession`` takes; the modules whose
names begin with an underscore (``google.oauth2._credentials_async``) are older. google-auth's own
credentials for users keep the refresh token and present it again by themselves.
"""

from __future__ import annotations

from collections.abc import Coroutine, MutableMapping
from contextvars import ContextVar
from typing import Any, Final, final

import attrs

from extauth.auth import Auth
from extauth.domain.hidden import HiddenText
from extauth.domain.token_set import TokenSet
from extauth.extras import extra_needed
from extauth.integrations.user_tokens import UserTokens

with extra_needed("google"):
    from google.auth.aio.credentials import Credentials

__all__ = ["UserCredentials"]


@final
@attrs.define(eq=False)
class _Sent:
    """What one request was sent with."""

    by: object = attrs.field(repr=False)
    tokens: TokenSet | None = None


_SENT: Final[ContextVar[_Sent | None]] = ContextVar("extauth_google_sent", default=None)


@final
class UserCredentials(Credentials):
    """``google.auth.aio`` credentials that act for one user.

    The token is asked for before each request. If the API answers 401, the session refreshes them, which
    reports the token that this very request was sent with: whoever is refused with one token, in however
    many sessions, it is refreshed once. Then the session sends the request again, at most twice.

    Requests raise what :meth:`extauth.Auth.access_token` raises, as it is. It is no ``RefreshError``: of
    those the session tells nobody, and hands back the 401.

    ``token`` is what was handed out last, for whoever looks at it.
    """

    def __init__(self, auth: Auth, provider_id: str, user_id: str) -> None:
        """Act for ``user_id`` at ``provider_id``.

        :raises ValueError: for ids that cannot be a link's.
        :raises TypeError: if ``auth`` is none that is open.
        """
        self._tokens = UserTokens(auth, provider_id, user_id)
        super().__init__()  # type: ignore[no-untyped-call]
        self.token: str | None = None

    def __repr__(self) -> str:
        return f"UserCredentials({self._tokens.provider_id!r}, {self._tokens.user_id!r})"

    def before_request(  # pyright: ignore[reportIncompatibleMethodOverride] - what is awaited is the same
        self,
        request: object,
        method: str,
        url: str,
        headers: MutableMapping[str, str],
    ) -> Coroutine[Any, Any, None]:
        """Put the user's token into ``headers``."""
        # Not awaited here but by the session, before Python 3.12 in a task of its own. What is noted now, in
        # the context of the session's caller, is what `refresh` finds again.
        sent = _Sent(self)
        _SENT.set(sent)
        return self._put(headers, sent)

    async def _put(self, headers: MutableMapping[str, str], sent: _Sent) -> None:
        sent.tokens = await self._tokens.working()
        await self.apply(headers, sent.tokens.access_token)

    async def apply(self, headers: MutableMapping[str, str], token: str | None = None) -> None:
        """Put a token into ``headers``: this one, or the user's."""
        if token is None:
            token = (await self._tokens.working()).access_token
        self.token = HiddenText(token)
        headers["authorization"] = HiddenText(f"Bearer {token}")

    async def refresh(self, request: object) -> None:
        """Report the token that the request was sent with; extauth refreshes it.

        Called by hand, with no request before it, it gets a token that works.
        """
        sent = _SENT.get()
        if sent is None or sent.by is not self or sent.tokens is None:
            tokens = await self._tokens.working()
        else:
            tokens = await self._tokens.instead_of(sent.tokens) or sent.tokens
        self.token = HiddenText(tokens.access_token)
