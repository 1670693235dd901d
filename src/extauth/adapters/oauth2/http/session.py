"""Sessions that add nothing of their own to what is sent, and reach no address that they should not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ssl import SSLContext
from typing import Final

from aiohttp import ClientSession, DummyCookieJar, TCPConnector, TraceConfig
from yarl import URL

from extauth.adapters.oauth2.http.addresses import WIDTH, CheckedConnector, Reach

_TELLING: Final = re.compile(
    r"auth(?!or(?!i[sz]))|cookie|token|secret|passw|credential|session|signature|api-?key|(^|-)key($|-)",
    re.IGNORECASE,
)
"""Names of headers that hold credentials: Authorization, Cookie, X-Api-Key and their like."""


_NO_REACH: Final = f"reach must be one of {', '.join(WIDTH)}"


def client_session(
    *,
    reach: Reach = "public",
    proxy: str | URL | None = None,
    ssl: SSLContext | bool = True,
    headers: Mapping[str, str] | None = None,
    trace_configs: Sequence[TraceConfig] = (),
) -> ClientSession:
    """Return a session that is fit to be a provider's: keeps no cookie, takes nothing from the environment.

    To be called where a loop runs, and closed by the application. It connects to addresses within ``reach``
    only. Through a ``proxy`` it is the proxy that looks names up and connects: which addresses it reaches is
    then the proxy's to say, and only those that are written into a URL are refused here. ``ssl`` is as for
    ``aiohttp.TCPConnector``, ``headers`` (none with credentials) and ``trace_configs`` as for
    ``aiohttp.ClientSession``; trace hooks see the headers and bodies that are sent, but no URL with a token
    in it.
    """
    if reach not in WIDTH:
        raise ValueError(_NO_REACH)
    connector = (
        CheckedConnector(reach=reach, ssl=ssl)
        if proxy is None
        else TCPConnector(use_dns_cache=False, ssl=ssl)
    )
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        trust_env=False,
        proxy=proxy,
        headers=headers,
        trace_configs=list(trace_configs),
    )


def checked_session(session: ClientSession | None, reach: Reach) -> ClientSession | None:
    """Return a session that adds nothing of its own and is known to stay within ``reach``.

    :raises ValueError: for another one, and for a ``reach`` that is none. The message says all that is wrong
        and how to make a fit one, and shows names of headers but never what is in them.
    """
    if reach not in WIDTH:
        raise ValueError(_NO_REACH)
    if session is not None and (faults := [*_faults(session), *_strays(session, reach)]):
        msg = (
            f"session {'; it '.join(faults)}; make it with"
            f" extauth.adapters.oauth2.client_session({'' if reach == 'public' else f'reach={reach!r}'}),"
            " which takes proxy, ssl, headers and trace_configs, or give none"
        )
        raise ValueError(msg)
    return session


def _faults(session: ClientSession) -> Iterator[str]:
    telling = sorted({name for name in session.headers if _TELLING.search(name)})
    if session.auth is not None or telling:
        named = ", ".join(telling) or "auth="
        yield f"has default credentials ({named}), which would go to the provider beside the client's own"
    if not isinstance(session.cookie_jar, DummyCookieJar):
        yield "keeps cookies, by which one user's requests would be known from another's"
    if session.trust_env:
        yield "takes credentials from .netrc and proxies from the environment (trust_env); name the proxy"
    if session.raise_for_status:
        yield "raises for statuses (raise_for_status), by errors that show what was sent"
    if _kept(session, "_middlewares"):
        yield "has middlewares, which may add credentials, send a token twice or elsewhere; use trace_configs"


def _strays(session: ClientSession, reach: Reach) -> Iterator[str]:
    connector = session.connector
    if reach == "any" or connector is None or _kept(session, "_default_proxy") is not None:
        return
    if not isinstance(connector, CheckedConnector) or not connector.within(reach):
        yield f'connects to any address, where none is wanted but {_WANTED[reach]} (or give reach="any")'


_WANTED: Final[dict[Reach, str]] = {
    "public": "public ones",
    "loopback": "public ones and this machine's",
}


def _kept(session: ClientSession, name: str) -> object:
    # aiohttp has no public word for these; a test sees to it that they are found.
    return getattr(session, name, None)
