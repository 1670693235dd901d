"""The tokens of one user at one provider, as an HTTP client of another package asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias, final

import attrs

from extauth.auth import Auth
from extauth.clients.field_values import checked_values
from extauth.domain.hidden import Hidden
from extauth.domain.link import LinkKey
from extauth.domain.token_set import TokenSet
from extauth.domain.wrong_types import must_be

ApiHeaders: TypeAlias = Callable[[TokenSet], Mapping[str, str]]
"""What makes the headers of an API call of tokens, such as ``provider.api_headers``."""

UNAUTHORIZED = 401


class Address(Protocol):
    """A URL of httpx or httpx2."""

    @property
    def scheme(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int | None: ...


class Answer(Protocol):
    """An answer of httpx or httpx2."""

    @property
    def status_code(self) -> int: ...
    @property
    def url(self) -> Address: ...


def _open_auth(_: object, attribute: attrs.Attribute[Auth], value: object) -> None:
    if not isinstance(value, Auth):
        hint = "write: async with extauth.open(...) as auth"
        raise TypeError(must_be("an Auth that is open", value, attribute.name, hint))


@final
@attrs.frozen
class UserTokens:
    """Asks extauth for one user's tokens; it keeps none.

    :raises TypeError: if ``auth`` is none that is open.
    :raises ValueError: for ids that cannot be a link's.
    """

    auth: Auth = attrs.field(validator=_open_auth, repr=False)
    provider_id: str
    user_id: str
    resource: str | None = None

    def __attrs_post_init__(self) -> None:
        LinkKey(self.provider_id, self.user_id)

    async def working(self) -> TokenSet:
        """Return tokens whose access token works: see :meth:`extauth.Auth.link`, which raises the same."""
        link = await self.auth.link(self.provider_id, self.user_id, resource=self.resource)
        return link.tokens

    async def instead_of(self, refused: TokenSet) -> TokenSet | None:
        """Return others than those that an API answered 401 to: see :meth:`extauth.Auth.refresh`.

        None if it refuses new ones as well, so that it is too early for others.
        """
        if self.auth.tokens.refused_anew.in_vain(self._key, refused, self.resource):
            return None
        hidden = Hidden(refused.access_token)
        link = await self.auth.refresh(
            self.provider_id, self.user_id, rejected=hidden.value, resource=self.resource
        )
        return link.tokens

    def refused_again(self, tokens: TokenSet) -> None:
        """Take note that the API answered 401 to what :meth:`instead_of` gave, too."""
        self.auth.tokens.refused_anew.note(self._key, tokens, self.resource)

    @property
    def _key(self) -> LinkKey:
        return LinkKey(self.provider_id, self.user_id)


def bearer(tokens: TokenSet) -> Mapping[str, str]:
    """Return the header of RFC 6750, section 2.1.

    :raises ValueError: for a token that no header can have.
    """
    return checked_values({"Authorization": f"Bearer {tokens.access_token}"})


def same_origin(one: Address, other: Address) -> bool:
    """Whether both are of one scheme, host and port."""
    return (one.scheme, one.host, _port(one)) == (other.scheme, other.host, _port(other))


def token_refused(sent_to: Address, answer: Answer) -> bool:
    """Whether the API that was called answered 401.

    Where a redirect led elsewhere the client has taken the token off, and what answers 401 there never saw
    it.
    """
    return answer.status_code == UNAUTHORIZED and same_origin(answer.url, sent_to)


def _port(url: Address) -> int | None:
    return url.port if url.port is not None else {"http": 80, "https": 443}.get(url.scheme)
