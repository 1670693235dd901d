"""Sending an event to a URL of the application's, once for each attempt."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from http import HTTPStatus
from typing import Final, final

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout

from extauth.adapters.oauth2.http.addresses import Reach, may_name, names_loopback, was_refused
from extauth.adapters.oauth2.http.endpoint import endpoint_url
from extauth.adapters.oauth2.http.request import JSON, USER_AGENT
from extauth.adapters.oauth2.http.session import checked_session, client_session
from extauth.adapters.oauth2.reading.retry_after import retry_after
from extauth.adapters.webhooks.signing import body_of, signed_headers, signing_keys
from extauth.clock import SystemClock
from extauth.domain.hidden import Hidden, NamesOnly
from extauth.domain.outbox import DeliverLater, LinkEvent, Undeliverable
from extauth.domain.outcomes import ADDRESS_NOT_ALLOWED
from extauth.domain.ports import WallClock
from extauth.domain.wrong_types import UrlObject

GONE: Final = "gone"


@final
class Webhook:
    """A handler of link events that sends each as a signed POST (Standard Webhooks 1.0.0).

    Any 2xx is success. Everything else is tried again by who delivers, not before a ``Retry-After`` says so;
    redirects are not followed. After ``410 Gone`` nothing more is sent by this object, and events are set
    aside. The event's id is ``webhook-id``: receivers tell repetitions by it.

    ``url`` is https, or http on loopback. ``secrets`` is one, or several while receivers change to another:
    the request is then signed with each. It connects to public addresses and, if the URL names this machine,
    to its own; with ``reach="any"`` to private networks as well. ``session`` is one of
    :func:`extauth.adapters.oauth2.client_session`, for a proxy for example; else each request has its own.
    An answer is waited for ``timeout``.

    :raises ValueError: for a URL or secret that cannot be one, a session that adds things of its own, or a
        ``timeout`` that is not positive. No message repeats the URL or a secret.
    """

    def __init__(
        self,
        url: str | UrlObject,
        secrets: str | Iterable[str],
        *,
        reach: Reach | None = None,
        session: ClientSession | None = None,
        timeout: timedelta = timedelta(seconds=20),
        clock: WallClock | None = None,
    ) -> None:
        given: Hidden[str | Iterable[str]] = Hidden(secrets)
        del secrets  # tools that report errors show the local variables of each frame
        self._keys = signing_keys(given)
        self._url = Hidden(endpoint_url(url, "the webhook's URL"))
        """Hidden since who receives may have put a key of theirs into it."""
        self._reach: Reach = reach or ("loopback" if names_loopback(self._url.value) else "public")
        if not may_name(self._url.value, self._reach):
            msg = 'the webhook\'s URL names an address that is not public; if that is meant give reach="any"'
            raise ValueError(msg)
        if timeout <= timedelta(0):
            msg = f"timeout must be longer than zero, not {timeout}"
            raise ValueError(msg)
        self._session = checked_session(session, self._reach)
        self._timeout = timeout
        self._clock = clock or SystemClock()
        self._gone = False
        """Set by the first 410."""

    def __repr__(self) -> str:
        return "<Webhook>"

    async def __call__(self, event: LinkEvent) -> None:
        """Send it.

        :raises DeliverLater: if it was not taken.
        :raises Undeliverable: if the receiver says that it wants no more.
        """
        if self._gone:
            raise Undeliverable(GONE)
        trouble = await self._sent(event)
        # Out of the handlers, so that aiohttp's error is not the context of ours.
        if trouble is not None:
            raise trouble

    async def _sent(self, event: LinkEvent) -> DeliverLater | Undeliverable | None:
        body, now = body_of(event), self._clock.now()
        headers = {
            "Content-Type": JSON,
            "User-Agent": USER_AGENT,
            **signed_headers(event.id, now, body, self._keys),
        }
        try:
            async with AsyncExitStack() as stack:
                session = self._session
                if session is None:
                    session = await stack.enter_async_context(client_session(reach=self._reach))
                response = await stack.enter_async_context(
                    session.post(
                        self._url.value,
                        data=body,
                        headers=NamesOnly(headers),
                        allow_redirects=False,
                        raise_for_status=False,
                        timeout=ClientTimeout(total=self._timeout.total_seconds()),
                    )
                )
                status, answered = response.status, {k.lower(): v for k, v in response.headers.items()}
                response.close()  # what the body says is nobody's business
        except TimeoutError:
            return DeliverLater("timeout")
        except (ClientError, OSError, ValueError) as error:
            refused = isinstance(error, ClientConnectorError) and was_refused(error)
            return DeliverLater(ADDRESS_NOT_ALLOWED if refused else "unreachable")
        if HTTPStatus(200) <= status < HTTPStatus(300):
            return None
        if status == HTTPStatus.GONE:
            self._gone = True
            return Undeliverable(GONE)
        limited = status == HTTPStatus.TOO_MANY_REQUESTS
        return DeliverLater(f"http_{status}", after=retry_after(answered, now, limited=limited))
