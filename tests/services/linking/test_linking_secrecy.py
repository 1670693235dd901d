"""Nothing that connects a user shows a secret."""

from __future__ import annotations

import asyncio
import logging
import traceback
from datetime import timedelta
from typing import Any

import pytest

from extauth import Account, ExtAuthError
from extauth.domain.linking import LinkingTraits, PendingAuthorization
from extauth.domain.linking_outcomes import IdTokenRejected
from extauth.domain.outcomes import ClientRejected, GrantRejected, Unknown
from extauth.services.linking.callback import read_callback
from tests.services.linking.conftest import REDIRECT_URI, Scene, parameters
from tests.support.faulty_store import FaultyStore


@pytest.fixture
async def scene(scene: Scene, any_store: Any) -> Scene:
    """The same on each store that ships, with the event loop at its most talkative."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0
    scene.inner, scene.store = any_store, FaultyStore(any_store)
    return scene


def pending_of(store: Any) -> list[PendingAuthorization]:
    """Return what a store is told of authorizations, from now on."""
    told: list[PendingAuthorization] = []
    begin = store.begin_authorization

    async def begin_authorization(pending: PendingAuthorization, ttl: timedelta) -> None:
        told.append(pending)
        await begin(pending, ttl)

    store.begin_authorization = begin_authorization
    return told


async def test_of_logs_events_and_reprs(scene: Scene, caplog):
    """Through all flows, no token, code, state, verifier or nonce is in sight."""
    caplog.set_level(logging.DEBUG)
    scene.provider.linking = LinkingTraits(openid=True, device=True, companions=("user",))
    scene.provider.accounts = {"alice-there": Account("id-1"), "bob-there": Account("id-2")}
    pending = pending_of(scene.store)
    service = scene.replica()
    callback = await scene.authorized(service, scopes=["openid"])
    asked = scene.provider.asked[-1]
    shown = [repr(asked), repr(read_callback(callback)), repr(pending)]
    link = await service.complete(callback, user_id="alice")
    other = await scene.connect(service, "bob-there")
    device = await service.begin_device("scripted", "alice")
    scene.provider.approve_device(device.user_code)
    third = await service.complete_device(device)
    shown += [repr(each) for each in (link, other, third, device, scene.events, service)]
    shown += [
        repr(await service.validate("scripted", "alice")),
        repr(await service.unlink("scripted", "alice")),
    ]
    shown.append(caplog.text)
    assert "LinkConnected" in caplog.text
    secrets = [
        pending[0].salt,
        asked.state,
        asked.nonce,
        asked.code_challenge,
        "code-1",
        device.device_code,
        device.user_code,
    ]
    for each in (link, other, third):
        secrets += [each.tokens.access_token, each.tokens.refresh_token]
    found = [secret for secret in secrets for text in shown if secret and secret in text]
    # What goes to the browser is no secret in the request's own repr.
    assert [secret for secret in found if secret != asked.code_challenge] == []


@pytest.mark.parametrize(
    "outcome",
    [
        GrantRejected("invalid_grant"),
        ClientRejected("invalid_client"),
        IdTokenRejected("nonce_mismatch"),
        Unknown("http_503"),
        ValueError("code-1"),
    ],
)
async def test_of_errors(scene: Scene, caplog, outcome):
    """Neither an error's words nor its traceback or causes repeat the callback."""
    caplog.set_level(logging.DEBUG)
    service = scene.replica()
    callback = await scene.authorized(service)
    scene.provider.code_script = [outcome]
    with pytest.raises(ExtAuthError) as caught:
        await service.complete(callback, user_id="alice")
    text = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caplog.text
    assert "code-1" not in text
    assert parameters(callback)["state"] not in text


async def test_of_tasks(scene: Scene):
    """The tasks that carry a code are listed by asyncio's tools without it."""
    service = scene.replica()
    callback = await scene.authorized(service)
    scene.provider.gate = asyncio.Event()
    call = asyncio.create_task(service.complete(callback, user_id="alice"))
    await scene.provider.exchanging.wait()
    shown = "".join(map(repr, asyncio.all_tasks()))
    scene.provider.gate.set()
    await call
    assert parameters(callback)["state"] not in shown
    assert REDIRECT_URI not in shown
