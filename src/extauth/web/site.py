"""Where the routes are, as the browser sees it. Pure.

It is said once and never read from a request: a ``Host`` or ``X-Forwarded-Host`` is whatever the client
wrote.
"""

from __future__ import annotations

from typing import Final, Self, final
from urllib.parse import quote, urlsplit

import attrs

from extauth.domain.wrong_types import url_text
from extauth.services.linking.redirect_uri_form import checked_redirect_uri

_SAFE: Final = "~"


@final
@attrs.frozen
class Site:
    """The origin and the path that the routes are mounted at."""

    origin: str
    """Such as ``https://app.example``, as a browser writes it in ``Origin``."""
    prefix: str
    """The path without a slash at its end; empty at the root."""

    @classmethod
    def at(cls, public_url: str) -> Self:
        """Read it.

        :raises ValueError: unless it is ``https``, or ``http`` on loopback for development, without user
            info, query and fragment, and written as a browser writes it.
        :raises TypeError: if it is no ``str``.
        """
        url_text(public_url, "public_url", "a str such as https://app.example/accounts")
        # What redirect URIs must be, this must be: they begin with it.
        try:
            checked_redirect_uri(f"{public_url.rstrip('/')}/callback/any")
        except ValueError as error:
            msg = f"public_url cannot be where callbacks come to: {error}"
            raise ValueError(msg) from None
        parts = urlsplit(public_url)
        if parts.scheme not in {"http", "https"} or "?" in public_url:
            msg = "public_url must be http or https, and have no query, such as https://app.example/accounts"
            raise ValueError(msg)
        return cls(f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/"))

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by https; otherwise it is a developer's own machine."""
        return self.origin.startswith("https://")

    @property
    def home(self) -> str:
        """The path of the list."""
        return f"{self.prefix}/"

    def path(self, route: str, provider_id: str) -> str:
        """Return the path of a route about one provider or link."""
        return f"{self.prefix}/{route}/{quote(provider_id, safe=_SAFE)}"

    def redirect_uri(self, provider_id: str) -> str:
        """Return the redirect URI of a provider: register exactly this one there."""
        return self.origin + self.path("callback", provider_id)
