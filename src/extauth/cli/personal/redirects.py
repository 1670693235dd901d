"""Where a browser comes back to on this machine (RFC 8252 section 7.3), and by which requests. Pure."""

from __future__ import annotations

import hmac
from typing import Final, final
from urllib.parse import parse_qs, quote, urlsplit

import attrs

from extauth.domain.errors import ConfigurationError
from extauth.domain.storable import masked

_HOSTS: Final = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "::1": "::1"}
"""What each is bound to; ``localhost`` may be looked up to be elsewhere."""


@final
@attrs.frozen
class LoopbackRedirect:
    """A redirect URI of this machine."""

    host: str
    """As it is written, with brackets if need be."""
    address: str
    """To listen on."""
    port: int
    """0: any that is free."""
    path: str

    def at(self, port: int) -> str:
        """Return the URI with the port that is listened on."""
        return f"http://{self.host}:{port}{self.path}"


def loopback_redirect(provider_id: str, given: str | None) -> LoopbackRedirect:
    """Return where the browser comes back to; without one given each provider has a path of its own, so that
    the code of one is never taken for another's (RFC 9700 section 4.4).

    :raises ConfigurationError: if ``given`` is not on this machine.
    """
    uri = given or f"http://127.0.0.1/callback/{quote(provider_id, safe='')}"
    parts = urlsplit(uri)
    try:
        host, port = parts.hostname or "", parts.port or 0
    except ValueError:
        host, port = "", 0
    if parts.scheme != "http" or host not in _HOSTS or parts.query or parts.fragment or not parts.path:
        msg = (
            f"redirect_uri of {provider_id} must be on this machine, such as http://127.0.0.1/callback/x, or"
            " http://127.0.0.1:8400/callback/x with a port; a provider that takes none such may have --device"
        )
        raise ConfigurationError(msg)
    return LoopbackRedirect(f"[{host}]" if ":" in host else host, _HOSTS[host], port, parts.path)


@final
@attrs.frozen
class Visit:
    """One authorization under way: what a request must show to be its answer."""

    redirect_uri: str
    state: str = attrs.field(repr=masked)
    ticket: str = attrs.field(repr=masked)
    """In the address that begins it, which is good for one browser."""
    cookie: str = attrs.field(repr=masked)
    """What that browser was given."""

    @classmethod
    def of(cls, authorization_url: str, redirect_uri: str, *, ticket: str, cookie: str) -> Visit:
        """Return the visit that an authorization URL begins."""
        [state] = parse_qs(urlsplit(authorization_url).query)["state"]
        return cls(redirect_uri, state, ticket, cookie)

    def is_addressed(self, host: str) -> bool:
        """Whether a request's ``Host`` is this server's: a name that was bound to this machine is another."""
        return host == urlsplit(self.redirect_uri).netloc

    def begins(self, path: str) -> bool:
        """Whether a path is the one that begins it."""
        return _same(path, f"/{self.ticket}")

    def is_of(self, cookie: str | None) -> bool:
        """Whether a request is of the browser that began it."""
        return _same(cookie or "", self.cookie)

    def answers(self, path: str, states: list[str]) -> bool:
        """Whether a request is the answer to it, and to nothing else."""
        own = path == urlsplit(self.redirect_uri).path
        return own and len(states) == 1 and _same(states[0], self.state)


def _same(given: str, own: str) -> bool:
    # What is no UTF-8 comes from an HTTP server as surrogates.
    return hmac.compare_digest(given.encode("utf-8", "replace"), own.encode())
