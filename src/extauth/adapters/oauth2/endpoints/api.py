"""How a provider's API wants to be shown an access token, as data."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import final

import attrs

from extauth.adapters.oauth2.endpoints.templates import (
    MissingValueError,
    Values,
    checked_template,
    checked_url_template,
    filled,
    names_in,
)
from extauth.domain.token_set import TokenSet


def _checked(_: object, attribute: attrs.Attribute[Mapping[str, str]], value: Mapping[str, str]) -> None:
    for name, template in value.items():
        checked_template(template, f"{attribute.name}[{name!r}]")


def _checked_bases(_: object, __: object, value: tuple[str, ...]) -> None:
    for url in value:
        checked_url_template(url, "base_urls")
        if not all(name.startswith("variable[") for name in names_in(url)):
            msg = "base_urls are the same for each link: they have a place for nothing but {variable[...]}"
            raise ValueError(msg)


@final
@attrs.frozen(kw_only=True)
class ApiRules:
    """The headers of an API call (RFC 6750 section 2.1 is the default), and where the API is.

    :raises ValueError: for a template that is not one, or a URL that tokens must not be sent to.
    """

    scheme: str = "Bearer"
    """What stands before the token in ``Authorization``; empty for the raw token."""
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], validator=_checked)
    """Further headers, with the templates of :class:`~extauth.adapters.oauth2.Call`. One for which
    something is missing is left out."""
    base_urls: tuple[str, ...] = attrs.field(default=(), validator=_checked_bases)
    """URLs that those of the API begin with, where they are known and the same for each link. The clients of
    :mod:`extauth.clients` show tokens to the origins of these, unless they are told others."""

    def headers_for(self, tokens: TokenSet, client_id: str) -> dict[str, str]:
        """Return the headers that show these tokens to the API."""
        headers = {"Authorization": f"{self.scheme} {tokens.access_token}".lstrip(" ")}
        for name, template in self.headers.items():
            with suppress(MissingValueError):
                headers[name] = filled(template, Values(tokens, client_id))
        return headers
