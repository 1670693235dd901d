"""An application that stops itself at one point of its request to a provider, until somebody lets it go on.

Called with the store's URL, the token endpoint, the name of the point and how many seconds an exchange may
take. Prints a line when it is about to stop, and the access token that it got or the name of the error.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio import selector_events
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from aiohttp import TraceConfig

from extauth import RefreshPolicy, TokenService, open_store
from extauth.adapters.oauth2 import HttpTimeouts, OAuth2Provider, client_session
from extauth.adapters.oauth2.http.phases import Phases

POINT = sys.argv[3]
_passed: list[str] = []


def at(point: str) -> None:
    """Stop this process if it has come to its point, the first time only."""
    if point == POINT and not _passed:
        _passed.append(point)
        print("stops", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)


def stop_in_writes_to(port: int) -> None:
    """Stop before, amid and after what is written to the provider."""
    transport: Any = vars(selector_events)["_SelectorSocketTransport"]
    write = transport.write

    def stopping(self: Any, data: bytes) -> None:
        if self.get_extra_info("peername")[1] != port:
            write(self, data)
            return
        at("before the write")
        if POINT == "amid the write":
            write(self, data[:-1])
            at(POINT)
            data = data[-1:]
        write(self, data)
        at("after the write")

    transport.write = stopping


def stop_when_allowed() -> None:
    """Stop when the write was found to be in time, and has not begun."""
    phases: Any = Phases
    begin = phases.begin_body

    def begun(self: Phases) -> None:
        begin(self)
        at("allowed")

    phases.begin_body = begun


async def main(url: str, token_url: str, limit: timedelta) -> None:
    """Get a token although the request is written late."""

    async def connected(*_: object) -> None:
        at("connected")

    tracing = TraceConfig()
    tracing.on_connection_create_end.append(connected)
    async with client_session(reach="loopback", trace_configs=[tracing]) as session:
        provider = OAuth2Provider(
            "app",
            client_id="client",
            client_secret="not-one",
            token_url=token_url,
            session=session,
            reach="loopback",
            timeouts=HttpTimeouts(connect=limit, read=limit, total=limit),
        )
        policy = RefreshPolicy(exchange_timeout=limit)
        async with open_store(url) as store, TokenService(store, [provider], policy=policy) as service:
            call = service.access_token("app", "alice")
            (outcome,) = await asyncio.gather(call, return_exceptions=True)
    print(outcome if isinstance(outcome, str) else type(outcome).__name__, flush=True)


stop_when_allowed()
stop_in_writes_to(urlsplit(sys.argv[2]).port or 0)
asyncio.run(main(sys.argv[1], sys.argv[2], timedelta(seconds=float(sys.argv[4]))))
