"""Which redirect URIs the services of this process were asked to begin with, each for which server.

An application may have a service for each provider, all on one store, as for MCP servers that users name. No
such service sees the others' providers. This sees what they have begun in this process since the store was
opened: no other replica's, not for ever, and not what nobody has begun yet. So it finds the mistake of one
redirect URI for all of them, and it is no fence: that is what distinct redirect URIs are.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable
from contextlib import suppress
from typing import Any, TypeVar, final

from extauth.domain.acting import foundation
from extauth.domain.ports import LinkStore
from extauth.services.linking.endpoints import KnownEndpoints
from extauth.services.linking.redirect_uris import Server, normalised

_K = TypeVar("_K", bound=Hashable)

_MOST_URIS = 10_000
_MOST_SERVERS = 100
"""Of one URI: those that share it all send their issuer, and any of them is enough to refuse one that does
not."""


@final
class BegunRedirects:
    """Remembers some thousand URIs, the oldest first forgotten."""

    def __init__(self) -> None:
        self._servers: dict[Hashable, dict[str, bool]] = {}
        """By URI: whether each server sends its issuer; the one that began last is last in both."""
        self.endpoints = KnownEndpoints()
        """Whose endpoints are whose."""

    def note(self, redirect_uri: str, server: Server) -> str | None:
        """Take note that a server is begun with; or return, and note nothing, one that it must not share the
        URI with."""
        uri = normalised(redirect_uri)
        servers = self._servers.pop(uri, {})
        self._servers[uri] = servers
        for name, sends_issuer in servers.items():
            if server.is_rival_of(Server(name, sends_issuer)):
                return name
        sent_before = servers.pop(server.name, True)
        servers[server.name] = sent_before and server.sends_issuer
        _keep_last(servers, _MOST_SERVERS)
        _keep_last(self._servers, _MOST_URIS)
        return None


_by_store: dict[int, BegunRedirects] = {}
"""By the id of a store, which removes it when it goes."""


def begun_redirects(store: LinkStore) -> BegunRedirects:
    """Return what was begun on that very store."""
    kept_in = foundation(store)
    found = _by_store.get(id(kept_in))
    if found is None:
        found = BegunRedirects()
        with suppress(TypeError):  # a store that cannot be referred to weakly: each service remembers its own
            weakref.finalize(kept_in, _by_store.pop, id(kept_in)).atexit = False
            _by_store[id(kept_in)] = found
    return found


def _keep_last(entries: dict[_K, Any], most: int) -> None:
    while len(entries) > most:
        del entries[next(iter(entries))]
