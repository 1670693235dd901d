"""Which call a request of aiohttp's belongs to.

aiohttp runs middlewares once for each hop of a redirect and tells them nothing of the hops before. Whoever
gave a token by the hop's own origin would let any host that the application calls choose what is called in
its user's name: a redirect to an allowed origin is enough.
"""

from __future__ import annotations

import weakref
from typing import Final, final

import attrs
from aiohttp import ClientRequest, ClientResponse

from extauth.clients.origins import PORTS, Origin

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_ASTRAY: Final = ("", "", 0)
"""Where a call comes from that has left its origin: nowhere that it could return to."""


def origin_of(request: ClientRequest) -> Origin:
    """Return where a request goes."""
    url = request.url
    port = url.port
    return url.scheme, url.raw_host or "", PORTS.get(url.scheme, 0) if port is None else port


@final
@attrs.frozen(eq=False)
class _Call:
    hops: object
    """The list of traces, which the hops of one call have in common. Held, so that its id is no other's."""
    origin: Origin


@final
class CallOrigins:
    """Where each call that was redirected began. Knows nothing of any other, and forgets a call with its
    answers."""

    def __init__(self) -> None:
        self._redirected: dict[int, _Call] = {}

    def of(self, request: ClientRequest, here: Origin) -> Origin:
        """Return where the call of a request to ``here`` began; nowhere, if it has been elsewhere since."""
        if not self._redirected:
            return here
        call = self._redirected.get(id(_hops(request)))
        return here if call is None else call.origin

    def note(self, request: ClientRequest, response: ClientResponse, began: Origin, here: Origin) -> None:
        """Note an answer, after which the same call may go on elsewhere."""
        if response.status not in _REDIRECTS:
            return
        hops = _hops(request)
        call = _Call(hops, began if here == began else _ASTRAY)
        self._redirected[id(hops)] = call
        # aiohttp keeps the answers of all hops for as long as the call lasts.
        weakref.finalize(response, self._forget, id(hops), call).atexit = False

    def _forget(self, key: int, call: _Call) -> None:
        if self._redirected.get(key) is call:
            del self._redirected[key]


def _hops(request: ClientRequest) -> object:
    return request._traces  # noqa: SLF001 - all that hops have in common  # pyright: ignore[reportPrivateUsage]
