"""Requests to URLs that others named: bounded in size and time, to https only, and never redirected.

They go to public addresses, and to this machine's own where the application named one of those to begin with.
With ``allow`` the application judges every URL itself, and those that it allows may have any address.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final, TypeAlias, final
from urllib.parse import urlsplit

import attrs
from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
)

from extauth.adapters.oauth2.http.addresses import Reach, may_name, names_loopback, was_refused
from extauth.adapters.oauth2.http.body import NO_ENCODING, READING, read_body
from extauth.adapters.oauth2.http.content_encoding import TOO_LARGE, UnusableContentError
from extauth.adapters.oauth2.http.endpoint import endpoint_url
from extauth.adapters.oauth2.http.phases import HttpTimeouts, Phases
from extauth.adapters.oauth2.http.reply import TRY_LATER
from extauth.adapters.oauth2.http.request import USER_AGENT
from extauth.adapters.oauth2.http.session import checked_session, client_session
from extauth.adapters.oauth2.reading.json_kinds import is_object
from extauth.adapters.oauth2.reading.json_reading import read_json
from extauth.adapters.oauth2.reading.retry_after import retry_after
from extauth.clock import SystemClock
from extauth.domain.errors import ProviderMisconfigured, ProviderUnavailable
from extauth.domain.hidden import NamesOnly
from extauth.domain.outcomes import ADDRESS_NOT_ALLOWED

Allow: TypeAlias = Callable[[str], bool]
"""Says of a URL that a server named whether the application may send requests there."""

LONGEST_DOCUMENT: Final = 256 * 1024
"""In bytes, after decompression. Published metadata has a few thousand."""

_HEADERS: Final = {"User-Agent": USER_AGENT, **NO_ENCODING}
_JSON: Final = {**_HEADERS, "Accept": "application/json"}
_MCP: Final = {**_HEADERS, "Accept": "application/json, text/event-stream"}

_NOT_TRUSTED: Final = (
    "its certificate is not trusted for its name here; for an authority of your own give"
    " session=client_session(ssl=...)"
)
_WHY: Final = (
    (ClientConnectorDNSError, "the name of its host is not known here"),
    (ClientConnectorCertificateError, _NOT_TRUSTED),
)

_BRACES: Final = frozenset("{}")
_NO_HTTPS: Final = "is no https URL"
_NOT_WRITTEN: Final = (
    "has characters that no URL has (RFC 3986): write its host as xn--..., as browsers send it, and"
    " percent-encode what else is not ASCII, or a brace"
)

_log = logging.getLogger(__name__)


@final
@attrs.frozen
class Missing:
    """There is no document at a URL."""

    why: str
    """What there is instead, in our own words."""
    trouble: ProviderUnavailable | None = None
    """Set where there may be one another time: the server asks for patience, or has trouble of its own."""


@final
@attrs.frozen(kw_only=True)
class Answer:
    """A complete answer."""

    status: int
    members: dict[str, object] | None = attrs.field(repr=False)
    """The JSON object in the body, or None if there is none. It may hold a client's secret."""
    trouble: ProviderUnavailable | None
    """As :attr:`Missing.trouble`."""


@final
@attrs.frozen(kw_only=True)
class Fetcher:
    """Sends requests, each once.

    ``loopback`` says whether plain http on loopback is in order, as it is when the application itself
    named such a URL; otherwise a remote server could point at services on this machine. ``reach`` says
    which addresses the session connects to.
    """

    session: ClientSession
    timeouts: HttpTimeouts
    allow: Allow | None
    loopback: bool
    reach: Reach

    def usable(self, url: str, what: str) -> str:
        """Return ``url`` if requests may be sent to it.

        :raises ProviderMisconfigured: otherwise, with ``insecure_url`` or ``url_not_allowed``. The message
            names ``what`` and not the URL, which is the provider's text.
        """
        try:
            endpoint_url(url, what)
            # Neither braces nor letters beyond ASCII are characters of a URL (RFC 3986). The first would make
            # a template of it, and some of the second are ASCII after all to the HTTP client: allow() would
            # not recognize 127.0.0.1 written with ideographic full stops.
            problem = "" if url.isascii() and not _BRACES & set(url) else _NOT_WRITTEN
            if not self.loopback and urlsplit(url).scheme != "https":
                problem = _NO_HTTPS
        except ValueError:
            problem = _NO_HTTPS
        if problem:
            msg = f"the provider names a {what} that {problem}"
            raise ProviderMisconfigured(msg, reason="insecure_url") from None
        if not may_name(url, self.reach):
            raise _not_allowed(what)
        if self.allow is not None and not self.allow(url):
            msg = f"the provider names a {what} that the application does not allow"
            raise ProviderMisconfigured(msg, reason="url_not_allowed")
        return url

    async def document(self, url: str, what: str) -> dict[str, object] | Missing:
        """GET a JSON object.

        :raises ProviderUnavailable: if the server cannot be reached or does not answer in time.
        :raises ProviderMisconfigured: for a URL that is not :meth:`usable` or a body that is too long.
        """
        async with self._asked("GET", self.usable(url, what), what, _JSON) as response:
            answer = await _read(response, what)
        if answer.status != HTTPStatus.OK:
            return Missing(f"status {answer.status}", answer.trouble)
        return Missing("no JSON object") if answer.members is None else answer.members

    async def challenges(
        self, url: str, what: str, message: Mapping[str, object] | None = None
    ) -> str | None:
        """Ask a resource without a token; return the ``WWW-Authenticate`` of a 401, several as one list.

        By GET, or with a ``message`` by POST. The body is not read: it may be an endless stream. Raises as
        :meth:`document`.
        """
        method, headers, body = ("GET", _MCP, None) if message is None else ("POST", *_sent(message))
        async with self._asked(method, self.usable(url, what), what, headers, body) as response:
            if response.status != HTTPStatus.UNAUTHORIZED:
                return None
            return ", ".join(response.headers.getall("WWW-Authenticate", ()))

    async def post(
        self, url: str, what: str, document: Mapping[str, object], headers: Mapping[str, str]
    ) -> Answer:
        """POST a JSON object. Raises as :meth:`document`, and then whether it was processed is unknown."""
        body = json.dumps(document).encode()
        every = NamesOnly({**_JSON, "Content-Type": "application/json", **headers})
        async with self._asked("POST", self.usable(url, what), what, every, body) as response:
            return await _read(response, what)

    @asynccontextmanager
    async def _asked(
        self, method: str, url: str, what: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> AsyncGenerator[ClientResponse]:
        failure: ProviderUnavailable | ProviderMisconfigured
        phases = Phases(self.timeouts, body=False)
        try:
            async with (
                phases.deadline,
                self.session.request(
                    method,
                    url,
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    raise_for_status=False,
                    timeout=ClientTimeout(total=None, connect=phases.connecting),
                    **READING,
                ) as response,
            ):
                phases.heard()
                try:
                    yield response
                finally:
                    # At the end of the body the connection is back in the pool already.
                    response.close()
        except (ProviderMisconfigured, ProviderUnavailable):
            raise
        except TimeoutError:
            failure = ProviderUnavailable(f"the {what} did not answer in time")
        except (ClientError, OSError, ValueError) as error:
            refused = isinstance(error, ClientConnectorError) and was_refused(error)
            failure = _not_allowed(what) if refused else _unreachable(what, error)
        else:
            return
        # Out of the handlers: aiohttp's frames, which hold the headers, are not even in the context of ours.
        raise failure


def _sent(message: Mapping[str, object]) -> tuple[Mapping[str, str], bytes]:
    return {**_MCP, "Content-Type": "application/json"}, json.dumps(message).encode()


def _unreachable(what: str, error: Exception) -> ProviderUnavailable:
    # The type alone: the text may quote what the server sent.
    _log.info("a request to the %s failed with %s", what, type(error).__name__)
    why = next((f": {why}" for kind, why in _WHY if isinstance(error, kind)), "")
    return ProviderUnavailable(f"the {what} could not be reached{why}")


def _not_allowed(what: str) -> ProviderMisconfigured:
    msg = (
        f"the {what} is at an address that is not public, and was not asked; if it is meant to be, give"
        " allow=, a function that returns True for each URL that requests may go to"
    )
    return ProviderMisconfigured(msg, reason=ADDRESS_NOT_ALLOWED)


def _trouble(response: ClientResponse, what: str) -> ProviderUnavailable | None:
    if response.status not in TRY_LATER and response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    headers = {name.lower(): value for name, value in response.headers.items()}
    msg = f"the {what} answered with status {response.status}"
    limited = response.status == HTTPStatus.TOO_MANY_REQUESTS
    return ProviderUnavailable(msg, retry_after=retry_after(headers, SystemClock().now(), limited=limited))


async def _read(response: ClientResponse, what: str) -> Answer:
    try:
        body = await read_body(response, LONGEST_DOCUMENT)
    except UnusableContentError as error:
        if error.code == TOO_LARGE:
            msg = f"the {what} is longer than {LONGEST_DOCUMENT} bytes"
            raise ProviderMisconfigured(msg, reason="document_too_long") from None
        msg = f"the {what} was sent compressed although it was asked for plain, and cannot be read"
        raise ProviderUnavailable(msg) from None
    parsed = read_json(body.content)
    members = NamesOnly(parsed) if is_object(parsed) else None
    return Answer(status=response.status, members=members, trouble=_trouble(response, what))


@asynccontextmanager
async def fetching(
    session: ClientSession | None,
    timeouts: HttpTimeouts,
    allow: Allow | None,
    *,
    named: str,
    reach: Reach | None,
) -> AsyncGenerator[Fetcher]:
    """Give a fetcher, through ``session`` or through one of its own that is closed again.

    ``named`` is the URL that the application itself named; without ``reach`` it decides with ``allow``
    which addresses may be reached.

    :raises ValueError: for a session that is not fit: what is its own would go to whatever server is named.
    """
    loopback = urlsplit(named).scheme == "http"
    if reach is None:
        reach = "any" if allow is not None else "loopback" if names_loopback(named) else "public"
    checked_session(session, reach)
    if session is not None:
        yield Fetcher(session=session, timeouts=timeouts, allow=allow, loopback=loopback, reach=reach)
        return
    async with client_session(reach=reach) as own:
        yield Fetcher(session=own, timeouts=timeouts, allow=allow, loopback=loopback, reach=reach)
