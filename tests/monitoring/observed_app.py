"""An application that is set up as the guide to logs, metrics and traces says, and what can be seen of it.

A process of its own, since OpenTelemetry has one set of providers a process. It prints one JSON object.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import attrs
from aiohttp import web
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import get_tracer

from extauth import ExtAuthError, LinkKey, StoreUnavailable, open_store
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.testing import AuthorizationServer, Fault
from tests.support.faulty_store import FaultyStore

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "logs-metrics-traces.md").read_text()
CALLBACK = "https://app.example/callback/example"
FAULTS = {
    "refreshed": None,
    "limited": Fault.RATE_LIMITED,
    "lost": Fault.LOST_REPLY,
    "rejected": None,
    "misconfigured": Fault.WRONG_CLIENT,
    "unsaved": None,
}
"""The users, by what becomes of their refreshes."""


def guide() -> dict[str, Any]:
    """Return all that the guide defines."""
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE):
        exec(block, names)  # noqa: S102 - our own page
    return names


async def got(url: str) -> tuple[int, str]:
    """GET, and return the status and the body."""
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return answer.status, await answer.text()


async def serve(handler: Any) -> tuple[web.AppRunner, str]:
    """Serve a handler on this machine, and return where."""
    app = web.Application()
    app.router.add_get("/ready", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return runner, f"http://{host}:{port}/ready"


async def run(folder: str, port: int) -> dict[str, Any]:
    """Let every kind of refresh happen, over HTTP and on SQLite, and return what can be seen."""
    names, log, exporter = guide(), io.StringIO(), InMemorySpanExporter()
    names["log_json_lines"](log)
    metrics, _ = names["serve_metrics"](port)
    spans = names["export_spans"](exporter)
    seen: dict[str, Any] = {"ready": []}
    async with (
        AuthorizationServer(redirect_uris=[CALLBACK]) as server,
        open_store(f"sqlite:///{folder}/links.db", keys="plain") as inner,
    ):
        provider = OAuth2Provider(
            "example",
            client_id=server.client_id,
            client_secret=server.client_secret,
            authorize_url=server.authorize_url,
            token_url=server.token_url,
            revoke_url=server.revoke_url,
        )
        store = FaultyStore(inner)
        async with names["observed"](store, [provider]) as auth:
            runner, address = await serve(names["probe"](auth))
            seen["ready"].append(await got(address))
            await _connect(server, auth)
            for user, fault in FAULTS.items():
                old = attrs.evolve(server.new_grant(user), expires_at=datetime(2020, 1, 1, tzinfo=UTC))
                await inner.put(LinkKey("example/own-name", user), old)
                if user == "rejected":
                    server.grants.revoke_subject(user)
                if user == "unsaved":
                    store.before["save"].append(StoreUnavailable("down"))
                server.faults.plan(fault)
                with get_tracer("app").start_as_current_span("GET /"), suppress(ExtAuthError):
                    await auth.access_token("example/own-name", user)
            seen["unsaved"] = (await got(f"http://127.0.0.1:{port}/metrics"))[1]
            store.before["ping"].append(StoreUnavailable("down"))
            seen["ready"].append(await got(address))
            await runner.cleanup()
        seen["metrics"] = (await got(f"http://127.0.0.1:{port}/metrics"))[1]
        links = [await inner.get(LinkKey("example/own-name", user)) for user in FAULTS]
        seen["secrets"] = [
            token
            for link in links
            if link is not None
            for token in (link.tokens.access_token, link.tokens.refresh_token)
        ] + [server.client_secret, *server.grants.live_refresh_tokens()]
    await asyncio.to_thread(spans.shutdown)
    await asyncio.to_thread(metrics.shutdown)
    seen["log"] = log.getvalue()
    seen["spans"] = [json.loads(span.to_json()) for span in exporter.get_finished_spans()]
    return seen


async def _connect(server: AuthorizationServer, auth: Any) -> None:
    callback = await server.visit(await auth.begin("example", "connected", CALLBACK))
    await auth.complete(callback.url, user_id="connected", provider_id="example")
    await auth.unlink("example", "connected")


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(sys.argv[1], int(sys.argv[2])))))
