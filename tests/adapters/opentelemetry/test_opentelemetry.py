"""Refreshes as metrics and spans, by the real SDK."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from opentelemetry.trace import StatusCode

from extauth import (
    LinkKey,
    ProviderMisconfigured,
    ProviderTraits,
    ProviderUnavailable,
    ReauthorizationRequired,
    StoreUnavailable,
    TokenService,
)
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.outcomes import ClientRejected, Deferred, GrantRejected, Unknown
from extauth.testing import ScriptedProvider
from tests.support.faulty_store import FaultyStore

ALICE = LinkKey("app/alices-own-name", "alice")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Scene:
    """A provider, a store and a service that is observed."""

    def __init__(self, observer: Any, store: Any = None) -> None:
        self.provider = ScriptedProvider("app")
        self.inner = MemoryLinkStore()
        self.store = FaultyStore(self.inner)
        self.service = TokenService(self.store, [self.provider], observer=observer)

    async def link(self, *, expires_at: datetime = LONG_AGO) -> None:
        tokens = attrs.evolve(self.provider.grant(), expires_at=expires_at, issued_at=LONG_AGO)
        await self.inner.put(ALICE, tokens)

    async def token(self) -> str:
        return await self.service.access_token(ALICE.provider_id, ALICE.user_id)


@asynccontextmanager
async def scene(observer):
    """Open one, with an expired link."""
    made = Scene(observer)
    async with AsyncExitStack() as closing:
        await closing.enter_async_context(made.service)
        await made.link()
        yield made


async def test_waiting_callers_are_linked_to_the_refresh(telemetry):
    """The refresh is a trace of its own; each caller's span, in the caller's trace, has a link to it."""
    async with scene(telemetry.observer) as app:
        app.provider.gate = asyncio.Event()

        async def request(name: str) -> None:
            with telemetry.tracer.start_as_current_span(name):
                await app.token()

        calls = [asyncio.create_task(request(name)) for name in ("GET /one", "GET /two")]
        await app.provider.exchanging.wait()
        calls.append(asyncio.create_task(request("GET /late")))
        while telemetry.counts("extauth.refresh.waiting") != {("app",): 3}:
            await asyncio.sleep(0)
        app.provider.gate.set()
        await asyncio.gather(*calls)
    (refresh,) = telemetry.spans("refresh app")
    assert refresh.parent is None
    assert refresh.status.status_code is StatusCode.UNSET
    assert dict(refresh.attributes) == {
        "extauth.provider": "app",
        "extauth.refresh.result": "refreshed",
        "extauth.refresh.exchanges": 1,
        "extauth.refresh.replayed": False,
    }
    waits = telemetry.spans("wait_for_refresh app")
    assert [[link.context for link in wait.links] for wait in waits] == [[refresh.context]] * 3
    requests = [telemetry.spans(name)[0] for name in ("GET /one", "GET /two", "GET /late")]
    assert [wait.parent.span_id for wait in waits] == [span.context.span_id for span in requests]
    assert refresh.context.trace_id not in {span.context.trace_id for span in requests}
    assert telemetry.counts("extauth.refresh.waiting") == {("app",): 0}
    assert telemetry.counts("extauth.refresh.wait.duration") == {("app",): 3}


async def test_what_the_exchange_does_is_beneath_the_refresh(telemetry):
    """A client instrumentation that makes spans of requests finds the refresh as the current one."""
    async with scene(telemetry.observer) as app:
        plain = app.provider.refresh

        async def instrumented(tokens, **options):
            with telemetry.tracer.start_as_current_span("POST"):
                return await plain(tokens, **options)

        app.provider.refresh = instrumented
        with telemetry.tracer.start_as_current_span("GET /"):
            await app.token()
            with telemetry.tracer.start_as_current_span("later"):
                pass
    (refresh,), (post,), (get,), (later,) = (
        telemetry.spans(name) for name in ("refresh app", "POST", "GET /", "later")
    )
    assert post.parent == refresh.context
    assert later.parent == get.context


async def test_a_caller_in_no_trace_makes_no_span(telemetry):
    """It is measured all the same."""
    async with scene(telemetry.observer) as app:
        await app.token()
    assert [span.name for span in telemetry.exporter.get_finished_spans()] == ["refresh app"]
    assert telemetry.counts("extauth.refresh.wait.duration") == {("app",): 1}


async def test_a_caller_that_is_cancelled(telemetry):
    """Its span ends with it, and the refresh goes on."""
    async with scene(telemetry.observer) as app:
        app.provider.gate = asyncio.Event()

        async def request() -> None:
            with telemetry.tracer.start_as_current_span("GET /", record_exception=False):
                await app.token()

        call = asyncio.create_task(request())
        await app.provider.exchanging.wait()
        call.cancel()
        await asyncio.wait({call})
        (wait,) = telemetry.spans("wait_for_refresh app")
        assert wait.attributes["error.type"] == "CancelledError"
        assert len(wait.links) == 1
        assert telemetry.counts("extauth.refresh.waiting") == {("app",): 0}
        assert telemetry.spans("refresh app") == []
        app.provider.gate.set()
    (refresh,) = telemetry.spans("refresh app")
    assert refresh.attributes["extauth.refresh.result"] == "refreshed"


@pytest.mark.parametrize(
    ("answer", "error", "reason", "event"),
    [
        (
            GrantRejected("invalid_grant"),
            ReauthorizationRequired,
            "invalid_grant",
            "LinkReauthorizationRequired",
        ),
        (ClientRejected("invalid_client"), ProviderMisconfigured, "invalid_client", "ProviderRejectedClient"),
        (Deferred("http_429", timedelta(seconds=30)), ProviderUnavailable, "http_429", "RefreshFailed"),
    ],
    ids=["grant", "client", "limit"],
)
async def test_a_refresh_that_fails(telemetry, answer, error, reason, event):
    """Metric, span and counter have the same reason, which is a code; no message is with them."""
    async with scene(telemetry.observer) as app:
        app.provider.script = [answer]
        with telemetry.tracer.start_as_current_span("GET /"), pytest.raises(error):
            await app.token()
    (refresh,), (wait,) = telemetry.spans("refresh app"), telemetry.spans("wait_for_refresh app")
    for span in (refresh, wait):
        assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())
    assert refresh.attributes["error.type"] == reason
    assert telemetry.counts("extauth.refresh.duration") == {(reason, "app", "failed"): 1}
    assert telemetry.counts("extauth.events")[reason, event, "app"] == 1


async def test_a_token_that_works_and_could_not_be_replaced(telemetry):
    """The refresh failed, although nobody got an error: the link is as it was."""
    async with scene(telemetry.observer) as app:
        await app.link(expires_at=datetime.now(UTC) + timedelta(seconds=40))
        app.provider.script = [Deferred("http_503", timedelta(seconds=30))]
        await app.token()
    assert telemetry.counts("extauth.refresh.duration") == {("http_503", "app", "kept"): 1}
    assert [point.sum for point in telemetry.points("extauth.pause.duration")] == [pytest.approx(30, rel=0.5)]


async def test_a_lost_reply_and_its_replay(telemetry):
    """What was presented twice is told as such."""
    async with scene(telemetry.observer) as app:
        app.provider.traits = ProviderTraits(replay_window=timedelta(minutes=1))
        app.provider.script = [Unknown("connection_lost")]
        await app.token()
    (refresh,) = telemetry.spans("refresh app")
    assert refresh.attributes["extauth.refresh.exchanges"] == 2
    assert refresh.attributes["extauth.refresh.replayed"] is True
    assert telemetry.counts("extauth.events")["connection_lost", "ExchangeUnresolved", "app"] == 1


async def test_tokens_that_are_in_memory_alone(telemetry):
    """An operator sees which process must not be ended, until it has saved."""
    async with scene(telemetry.observer) as app:
        app.store.before["save"] = [StoreUnavailable("down"), StoreUnavailable("down")]
        await app.token()
        assert telemetry.counts("extauth.link.unsaved") == {("app",): 1}
    assert telemetry.counts("extauth.link.unsaved") == {("app",): 0}
    assert telemetry.counts("extauth.refresh.duration") == {("app", "unsaved"): 1}
    assert (await app.inner.get(ALICE)).version == 2


async def test_another_replica_was_quicker(telemetry):
    """A refresh that found new tokens is one without an exchange."""
    async with scene(telemetry.observer) as app:
        other = TokenService(app.store, [app.provider])
        app.provider.gate = asyncio.Event()
        theirs = asyncio.create_task(other.access_token(ALICE.provider_id, ALICE.user_id))
        await app.provider.exchanging.wait()
        ours = asyncio.create_task(app.token())
        await app.store.entered["wait_for_change"].wait()
        app.provider.gate.set()
        assert await ours == await theirs
        await other.aclose()
    (refresh,) = telemetry.spans("refresh app")
    assert refresh.attributes["extauth.refresh.result"] == "adopted"
    assert refresh.attributes["extauth.refresh.exchanges"] == 0


async def test_a_token_that_is_there_is_nothing_to_tell(telemetry):
    """Handing it out makes no span and no measurement: reads cost what they cost without an observer."""
    async with scene(telemetry.observer) as app:
        await app.link(expires_at=datetime.now(UTC) + timedelta(hours=1))
        with telemetry.tracer.start_as_current_span("GET /"):
            await app.token()
    assert [span.name for span in telemetry.exporter.get_finished_spans()] == ["GET /"]
    assert telemetry.reader.get_metrics_data() is None


async def test_nothing_secret_and_nobody_is_in_it(telemetry):
    """No token, no user's id, no name of a link, no message: whatever happens."""
    async with scene(telemetry.observer) as app:
        for answer in (GrantRejected("invalid_grant"), Deferred("http_429", timedelta(seconds=1)), None):
            await app.link()
            app.provider.script = [] if answer is None else [answer]
            with telemetry.tracer.start_as_current_span("GET /"):
                try:
                    await app.token()
                except (ReauthorizationRequired, ProviderUnavailable):
                    continue
        secrets = {*app.provider.presented, (await app.inner.get(ALICE)).tokens.access_token}
    everything = "\n".join(span.to_json() for span in telemetry.exporter.get_finished_spans())
    everything += str(telemetry.reader.get_metrics_data())
    assert len(secrets) > 2
    assert [
        found for found in (*secrets, "alice") if found in everything.replace("alices-own", "alice")
    ] == []
