"""Whose the endpoints are that a server publishes as its own.

A server that a user was led to connect can name another server's endpoints in its document, and register the
application with the client id that it has there. Its issuer is its own, so nothing of that is forged; but the
other server's tokens would be kept as its own and be sent to its API. So whoever publishes an endpoint that
is not at its issuer's host must not share it with a provider of another server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, final
from urllib.parse import SplitResult, unquote, urlsplit

from extauth.domain.errors import ProviderMisconfigured
from extauth.domain.linking_ports import LinkingProvider
from extauth.services.linking.redirect_uri_form import DEFAULT_PORTS
from extauth.services.linking.redirect_uris import server_of

_Authority: TypeAlias = tuple[str, int | None]
_Endpoint: TypeAlias = tuple[_Authority, tuple[str, ...]]
_MOST_ENDPOINTS = 10_000


def endpoints_of(provider: LinkingProvider) -> frozenset[_Endpoint]:
    """Return the authorization and the token endpoint, the same for two URLs that a server may take for one:
    whatever their case, query, port if it is the scheme's own, and empty parts of the path."""
    origin = provider.origin
    urls = (provider.linking.authorization_endpoint, origin and origin.token_endpoint)
    return frozenset(_normalised(urlsplit(url)) for url in urls if url is not None)


def borrowed_by(provider: LinkingProvider) -> frozenset[_Endpoint]:
    """Return those of its endpoints that it only says are its own: none if the application named them."""
    traits = provider.linking
    if not traits.published:
        return frozenset()
    home = traits.issuer and _authority(urlsplit(traits.issuer))
    return frozenset(each for each in endpoints_of(provider) if each[0] != home)


@final
class Endpoints:
    """Those of one service's providers, and those of services on the same store."""

    def __init__(self, providers: Mapping[str, LinkingProvider], known: KnownEndpoints) -> None:
        self._known = known
        self._claims: dict[_Endpoint, dict[str, str]] = {}
        """By endpoint: each server that has it, and the id of one of its providers."""
        for each in providers.values():
            server = server_of(each).name
            known.note(endpoints_of(each) - borrowed_by(each), server)
            for endpoint in endpoints_of(each):
                self._claims.setdefault(endpoint, {})[server] = each.provider_id

    def check(self, provider: LinkingProvider) -> None:
        """Refuse a provider that has another server's endpoint.

        :raises ProviderMisconfigured: for it, with ``foreign_endpoint``.
        """
        server = server_of(provider).name
        for endpoint in borrowed_by(provider):
            owners = self._known.owners(endpoint)
            if server in owners:
                continue
            others = self._claims.get(endpoint, {}).keys() - {server}
            if owners or others:
                named = sorted(self._claims[endpoint][each] for each in others)
                raise _foreign(provider.provider_id, named)


@final
class KnownEndpoints:
    """Remembers some thousand endpoints and whose they are, the oldest first forgotten.

    Like redirect URIs that were begun with, these are this process's alone. What a server merely says is its
    own is not kept, so that none can keep another from being used.
    """

    def __init__(self) -> None:
        self._owners: dict[_Endpoint, frozenset[str]] = {}

    def owners(self, endpoint: _Endpoint) -> frozenset[str]:
        """Return the servers whose it is known to be."""
        return self._owners.get(endpoint, frozenset())

    def note(self, endpoints: frozenset[_Endpoint], server: str) -> None:
        """Remember whose they are."""
        for each in endpoints:
            self._owners[each] = self._owners.pop(each, frozenset()) | {server}
        while len(self._owners) > _MOST_ENDPOINTS:
            del self._owners[next(iter(self._owners))]


def _foreign(provider_id: str, owners: list[str]) -> ProviderMisconfigured:
    others = ", ".join(owners) or "a provider of another service on this store"
    msg = (
        f"{provider_id} publishes an authorization or token endpoint that is not at its issuer's host and is"
        f" that of {others}, too: it could get another server's tokens. If both are the same server, give the"
        " other one the same issuer; if not, do not connect it"
    )
    return ProviderMisconfigured(msg, reason="foreign_endpoint")


def _authority(url: SplitResult) -> _Authority:
    return (url.hostname or "").rstrip("."), url.port or DEFAULT_PORTS.get(url.scheme)


def _normalised(url: SplitResult) -> _Endpoint:
    segments = (unquote(part).partition(";")[0].casefold() for part in url.path.split("/"))
    return _authority(url), tuple(filter(None, segments))
