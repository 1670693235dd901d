"""One user's access to one provider's API, whatever HTTP client calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from datetime import timedelta
from typing import Final, TypeAlias, cast, final

import attrs

from extauth.auth import Auth
from extauth.clients.origins import Origin, checked_origins, origins_below
from extauth.domain.hidden import HiddenText, NamesOnly
from extauth.domain.link import Link
from extauth.domain.ports import OAuthProvider
from extauth.domain.token_set import TokenSet
from extauth.domain.wrong_types import UrlObject, id_text
from extauth.services.providers import provider_of
from extauth.services.registered_clients import clients_of, own_provider

User: TypeAlias = str | ContextVar[str]
"""A user's id; or where the application keeps that of the user whom it is serving, looked up at each call."""

Headers: TypeAlias = Callable[[TokenSet], Mapping[str, str]]
"""Makes the headers of a call that show a token to an API."""


@final
@attrs.frozen(eq=False)
class Shown:
    """What one request showed an API."""

    link: Link
    headers: Mapping[str, str]
    """Without values in its ``repr``, and each of them hidden."""


@final
class UserAccess:
    """Gives the headers to show, and after a refusal other ones.

    :raises UnknownProvider: if ``auth`` has no such provider.
    :raises ValueError: for no origins where the provider does not say where its API is, or what is no origin.
    :raises TypeError: for a user that is neither text nor a context variable.
    """

    def __init__(
        self,
        auth: Auth,
        provider_id: str,
        user: User,
        *,
        origins: Iterable[str | UrlObject] | None,
        headers: Headers | None,
        resource: str | None,
        valid_for: timedelta | None,
    ) -> None:
        self._tokens = auth.tokens
        self._provider_id = id_text(provider_id, "provider_id")
        self._provider = provider = provider_of(auth.tokens.providers, provider_id)
        self._user = user if isinstance(user, ContextVar) else id_text(user, "user_id")
        self.origins: Final = _known(provider) if origins is None else checked_origins(origins)
        """Where tokens may go."""
        self._headers = headers or (api_headers(provider) if clients_of(provider) is None else None)
        """None where they depend on the client that made the link."""
        self._resource = resource
        self._valid_for = valid_for
        self._plain = resource is None and valid_for is None and headers is None
        """Whether a remembered link is shown alike each time: headers that the application makes may
        differ from call to call."""

    def at_once(self) -> Shown | None:
        """Return what to show an API for whoever calls, if it is remembered; None: ask :meth:`shown`.

        :raises RuntimeError: as :meth:`shown` does.
        """
        if not self._plain:
            return None
        user = self._user
        found = self._tokens.at_once.found(
            self._provider_id, user if isinstance(user, str) else _named_by(user)
        )
        if found is None or self._headers is None:
            return None
        if found.shown is None or found.shown[0] is not self:
            found.shown = self, _shown(found.copied(), self._headers)
        shown: Shown = found.shown[1]
        return shown

    async def shown(self) -> Shown:
        """Return what to show an API for whoever calls; raises what :meth:`~extauth.Auth.access_token` does.

        :raises RuntimeError: if the context variable names nobody.
        """
        user = self._user
        link = await self._tokens.link(
            self._provider_id,
            user if isinstance(user, str) else _named_by(user),
            resource=self._resource,
            valid_for=self._valid_for,
        )
        return _shown(link, self._headers or await self._headers_for(link))

    def in_vain(self, refused: Shown) -> bool:
        """Whether an API refused this although it was new, so that it is too early to show another."""
        return self._tokens.refused_anew.in_vain(refused.link.key, refused.link.tokens, self._resource)

    def refused_again(self, renewed: Shown) -> None:
        """Take note that an API refused what was shown in place of what it had refused."""
        self._tokens.refused_anew.note(renewed.link.key, renewed.link.tokens, self._resource)

    async def renewed(self, refused: Shown) -> Shown:
        """Return what to show in place of what an API refused: refreshed once, whoever else was refused."""
        key = refused.link.key
        link = await self._tokens.refresh(
            key.provider_id,
            key.user_id,
            rejected=refused.link.tokens.access_token,
            resource=self._resource,
        )
        return _shown(link, self._headers or await self._headers_for(link))

    async def _headers_for(self, link: Link) -> Headers:
        """Return how to show the link's token where several clients of the provider may have made it."""
        return api_headers(await own_provider(self._provider, link))


def _shown(link: Link, headers: Headers) -> Shown:
    made = headers(link.tokens)
    return Shown(link, NamesOnly({name: HiddenText(value) for name, value in made.items()}))


def _named_by(variable: ContextVar[str]) -> str:
    try:
        return variable.get()
    except LookupError:
        msg = f"the context variable {variable.name!r} names no user here; set it before the call"
        raise RuntimeError(msg) from None


def api_headers(provider: OAuthProvider) -> Headers:
    """Return how the provider's API wants to be shown a token: as it says, or by RFC 6750 section 2.1."""
    return cast("Headers", getattr(provider, "api_headers", _bearer))


def _bearer(tokens: TokenSet) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {tokens.access_token}"}


def _known(provider: OAuthProvider) -> frozenset[Origin]:
    """Return the origins of the API that the provider says."""
    api: object = getattr(provider, "api", None)
    found = origins_below(getattr(api, "base_urls", ()))
    if not found:
        msg = (
            f"where the API of {provider.provider_id} is, it does not say: give the origins that may be shown"
            " tokens, such as origins=['https://api.example.com']"
        )
        raise ValueError(msg)
    return found
