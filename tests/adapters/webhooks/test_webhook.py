"""Webhooks over real HTTP, verified by the package that receivers use."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import traceback
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from extauth import LinkKey, RefreshFailure, TokenSet
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2 import client_session
from extauth.adapters.webhooks import Webhook, new_secret
from extauth.outbox import (
    DeliverLater,
    DeliveryOptions,
    LinkBroken,
    LinkExpiring,
    LinkRecovered,
    Undeliverable,
    deliver,
)

AT = datetime(2026, 11, 29, 12, 30, 1, 500000, tzinfo=UTC)
KEY = LinkKey("github", "älice.1")
COMMON: dict[str, Any] = {"key": KEY, "version": 3, "at": AT}
BROKEN = LinkBroken(id="e1", reason="invalid_grant", **COMMON)
EVENTS = [
    (BROKEN, {"reason": "invalid_grant"}),
    (LinkRecovered(id="e2", **COMMON), {}),
    (
        LinkExpiring(id="e3", ends_at=AT + timedelta(days=3), source="told", **COMMON),
        {"ends_at": "2026-12-02T12:30:01.500000+00:00", "source": "told"},
    ),
]
SECRET = new_secret()


class Receiver:
    """A real server that remembers what came, and answers as it is told to."""

    def __init__(self):
        self.requests = []
        self.answers = []
        self.arrived = asyncio.Queue()
        self.hold = None

    async def handle(self, request):
        """Answer one request."""
        self.requests.append((request, await request.read()))
        if self.hold is not None:
            await self.hold.wait()
        status, headers = self.answers.pop(0) if self.answers else (204, {})
        self.arrived.put_nowait(status)
        return web.Response(status=status, headers=headers)

    def verified(self, secret=SECRET, number=-1):
        """Return what the package makes of a request."""
        request, body = self.requests[number]
        return Verifier(secret).verify(body, dict(request.headers))


@pytest.fixture
async def receiver():
    """One that is running."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/hook?key=in-the-url"))
        yield receiver
        if receiver.hold is not None:
            receiver.hold.set()


@pytest.mark.parametrize(("event", "data"), EVENTS, ids=lambda value: getattr(value, "type", ""))
async def test_a_receiver_can_verify_each_event(event, data, receiver):
    """By the package that the specification's authors publish; the body says what happened to which link."""
    await Webhook(receiver.url, SECRET)(event)
    common = {"provider_id": "github", "user_id": "älice.1", "version": 3}
    expected = {"type": event.type, "timestamp": AT.isoformat(), "data": {**common, **data}}
    assert expected == receiver.verified()
    request, _ = receiver.requests[0]
    assert (event.id, "POST") == (request.headers["webhook-id"], request.method)
    assert request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("change", ["body", "id", "timestamp", "secret"])
async def test_what_was_changed_does_not_verify(change, receiver):
    """The signature covers the body, the id and the time of the attempt."""
    await Webhook(receiver.url, SECRET)(BROKEN)
    request, body = receiver.requests[0]
    headers, secret = dict(request.headers), SECRET
    if change == "body":
        body = body.replace(b"invalid_grant", b"invalid_brand")
    elif change == "id":
        headers["webhook-id"] = "e2"
    elif change == "timestamp":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
    else:
        secret = new_secret()
    with pytest.raises(WebhookVerificationError):
        Verifier(secret).verify(body, headers)


async def test_while_receivers_change_to_another_secret(receiver):
    """Who knows either one can verify; who knows neither cannot."""
    old = new_secret()
    await Webhook(receiver.url, [SECRET, old])(BROKEN)
    assert receiver.verified(SECRET) == receiver.verified(old)
    with pytest.raises(WebhookVerificationError):
        receiver.verified(new_secret())


async def test_each_attempt_has_its_own_time_and_the_same_id(receiver):
    """A receiver refuses what is older than five minutes, and knows repetitions by the id."""

    class Later:
        """A clock that is ahead."""

        def now(self):
            return datetime.now(UTC) + timedelta(minutes=4)

    await Webhook(receiver.url, SECRET)(BROKEN)
    await Webhook(receiver.url, SECRET, clock=Later())(BROKEN)
    assert receiver.verified(number=0) == receiver.verified(number=1)
    (first, _), (second, _) = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) >= 239


@pytest.mark.parametrize("status", [200, 202, 299])
async def test_any_2xx_is_success(status, receiver):
    """Whatever it says besides."""
    receiver.answers = [(status, {"Retry-After": "60"})]
    await Webhook(receiver.url, SECRET)(BROKEN)


@pytest.mark.parametrize(
    ("status", "headers", "after"),
    [
        (500, {}, None),
        (404, {}, None),
        (429, {"Retry-After": "120"}, timedelta(minutes=2)),
        (503, {"Retry-After": "3600"}, timedelta(hours=1)),
        (302, {"Location": "/elsewhere"}, None),
    ],
)
async def test_everything_else_is_tried_again(status, headers, after, receiver):
    """Not before the receiver says so; a redirect is not followed."""
    receiver.answers = [(status, headers)]
    with pytest.raises(DeliverLater) as raised:
        await Webhook(receiver.url, SECRET)(BROKEN)
    assert (f"http_{status}", after, 1) == (raised.value.code, raised.value.after, len(receiver.requests))


async def test_gone_means_never_again(receiver):
    """Neither that event nor another, without another request."""
    receiver.answers = [(410, {})]
    webhook = Webhook(receiver.url, SECRET)
    for event, _ in EVENTS:
        with pytest.raises(Undeliverable) as raised:
            await webhook(event)
        assert raised.value.code == "gone"
    assert len(receiver.requests) == 1


async def test_a_receiver_that_does_not_answer(receiver):
    """Is waited for no longer than said; one that is not there is told apart."""
    receiver.hold = asyncio.Event()
    with pytest.raises(DeliverLater) as raised:
        await Webhook(receiver.url, SECRET, timeout=timedelta(milliseconds=50))(BROKEN)
    assert raised.value.code == "timeout"
    with pytest.raises(DeliverLater) as raised:
        await Webhook("http://127.0.0.1:1/hook", SECRET)(BROKEN)
    assert (raised.value.code, raised.value.__cause__, raised.value.__context__) == (
        "unreachable",
        None,
        None,
    )


async def test_a_name_that_leads_to_this_machine_is_not_followed(receiver, monkeypatch):
    """What is looked at is the address that is connected to."""
    port = re.search(r":(\d+)/", receiver.url)[1]

    async def resolve(self, host, port=0, family=0):
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", resolve)
    monkeypatch.setattr("aiohttp.connector.DefaultResolver.resolve", resolve)
    with pytest.raises(DeliverLater) as raised:
        await Webhook(f"https://hooks.example:{port}/hook", SECRET)(BROKEN)
    assert (raised.value.code, receiver.requests) == ("address_not_allowed", [])


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("http://hooks.example/hook", "https"),
        ("ftp://hooks.example/hook", "https"),
        ("hooks.example", "absolute"),
        ("https://user:in-the-url@hooks.example/hook", "user name"),
        ("https://10.0.0.1/hook", "reach"),
        ("https://169.254.169.254/hook", "reach"),
        ("https://[fd00::1]/hook", "reach"),
    ],
)
def test_where_webhooks_do_not_go(url, match):
    """Nowhere in plain text but on this machine, and into no private network unless that is meant."""
    with pytest.raises(ValueError, match=match) as raised:
        Webhook(url, SECRET)
    assert "in-the-url" not in str(raised.value)
    if match == "reach":
        Webhook(url, SECRET, reach="any")


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "in-plain-text",
        "whsec_",
        "whsec_!!!!",
        "whsec_" + b64encode(b"s" * 23).decode(),
        "whsec_" + b64encode(b"s" * 65).decode(),
        [],
        [SECRET, "whsec_in-plain-text"],
    ],
    ids=range(8),
)
def test_what_is_no_secret(secret):
    """It is refused when the webhook is made, and not repeated."""
    with pytest.raises(ValueError, match=r"new_secret\(\)") as raised:
        Webhook("https://hooks.example", secret)
    assert "in-plain-text" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("secret", [b"whsec_", None, [None]])
def test_what_is_no_text(secret):
    """As everywhere."""
    with pytest.raises(TypeError):
        Webhook("https://hooks.example", secret)


async def test_other_arguments_that_cannot_be():
    """A span of no length, and a session that would tell on the application."""
    with pytest.raises(ValueError, match="timeout"):
        Webhook("https://hooks.example", SECRET, timeout=timedelta(0))
    async with ClientSession() as session:
        with pytest.raises(ValueError, match="session"):
            Webhook("https://hooks.example", SECRET, session=session)


async def test_through_a_session_of_the_applications(receiver):
    """It is not closed."""
    async with client_session(reach="loopback") as session:
        for _ in range(2):
            await Webhook(receiver.url, SECRET, session=session)(BROKEN)
        assert not session.closed
    assert len(receiver.requests) == 2


async def test_no_secret_is_in_sight(receiver, caplog):
    """In no representation, log line, or frame that an error has passed."""
    caplog.set_level(logging.DEBUG)
    receiver.answers = [(500, {})]
    webhook = Webhook(receiver.url, SECRET)
    with pytest.raises(DeliverLater) as raised:
        await webhook(BROKEN)
    shown = repr(webhook) + repr(vars(webhook))
    shown += "".join(record.getMessage() for record in caplog.records if record.name != "aiohttp.access")
    trace = raised.value.__traceback__
    while trace is not None:
        if "extauth" in trace.tb_frame.f_code.co_filename:
            shown += repr(trace.tb_frame.f_locals)
        trace = trace.tb_next
    assert SECRET.removeprefix("whsec_") not in shown
    assert "in-the-url" not in shown


async def test_from_the_store_to_the_receiver(receiver):
    """An outage of the receiver is outlived; no token is in what is sent."""
    receiver.answers = [(503, {})]
    store = MemoryLinkStore()
    options = DeliveryOptions(poll=timedelta(milliseconds=5), retries=[timedelta(milliseconds=1)])
    async with deliver(store, Webhook(receiver.url, SECRET), options=options):
        link = await store.put(KEY, TokenSet("at-canary", "rt-canary"))
        await store.record_failure(KEY, 1, RefreshFailure("invalid_grant", link.updated_at, 1))
        statuses = [await receiver.arrived.get(), await receiver.arrived.get()]
        assert statuses == [503, 204]
    assert receiver.verified()["data"]["reason"] == "invalid_grant"
    sent = json.dumps([[dict(request.headers), body.decode()] for request, body in receiver.requests])
    assert "canary" not in sent
    assert (await store.outbox.counts()).waiting == 0
