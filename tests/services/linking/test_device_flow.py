"""The device flow: polling until the user has decided elsewhere."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import attrs
import pytest

from extauth import (
    Account,
    AccountChanged,
    AlreadyCompleted,
    AuthorizationExpired,
    AuthorizationRejected,
    ConsentDenied,
    DeviceAuthorization,
    GrantOrigin,
    LinkingService,
    ProviderMisconfigured,
    ProviderUnavailable,
    StoreUnavailable,
    TokenSet,
    UnknownProvider,
    UnknownState,
)
from extauth.domain.events import LinkConnected
from extauth.domain.linking import LinkingTraits
from extauth.domain.linking_outcomes import IdTokenRejected, StillPending
from extauth.domain.outcomes import ClientRejected, Deferred, NotSent, Unknown
from tests.services.linking.conftest import KEY, Scene
from tests.support.faulty_store import down


def gaps(scene: Scene) -> list[float]:
    """Return the seconds between polls."""
    times = scene.provider.polls
    return [(later - earlier).total_seconds() for earlier, later in pairwise(times)]


async def decided_after(scene: Scene, polls, decide):
    """Let the user decide while the given poll is answered "not yet"."""

    def still_pending(last):
        if last:
            decide()
        return StillPending()

    scene.provider.poll_script = [lambda n=n: still_pending(n == polls) for n in range(1, polls + 1)]


async def test_connecting(scene: Scene):
    """The link is stored when the user has said yes."""
    scene.provider.tokens.origin = GrantOrigin("client", "https://provider.example/token")
    scene.provider.accounts = {"alice-there": Account("id-1")}
    service = scene.replica()
    began = scene.clock.now()
    device = await service.begin_device("scripted", "alice", scopes=["read"])
    assert device.key == KEY
    assert (device.user_code, device.verification_uri) == ("USER-1", "https://provider.example/device")
    assert device.verification_uri_complete == "https://provider.example/device?user_code=USER-1"
    assert device.expires_at == began + timedelta(minutes=10)
    await decided_after(scene, 3, lambda: scene.provider.approve_device("USER-1", "alice-there"))
    link = await service.complete_device(device)
    assert await scene.stored() == link
    assert link.tokens.scopes == {"read"}
    assert link.account == Account("id-1")
    assert link.origin == scene.provider.origin
    assert gaps(scene) == [5.0, 5.0, 5.0]
    assert scene.events == [LinkConnected(KEY, 1)]


async def test_scopes(scene: Scene):
    """Default and wanted earlier ones are asked for, and stored if the answer names none."""
    scene.provider.linking = LinkingTraits(device=True, scopes=("profile",))
    scene.provider.says_scopes = False
    await scene.inner.put(KEY, TokenSet("at", scopes=frozenset({"read"})))
    service = scene.replica()
    device = await service.begin_device("scripted", "alice", include_granted=True)
    assert device.scopes == {"profile", "read"}
    scene.provider.approve_device(device.user_code)
    assert (await service.complete_device(device)).tokens.scopes == {"profile", "read"}


async def test_the_providers_interval(scene: Scene):
    """It is polled as often as it says, and the application is told."""
    begin_device = scene.provider.begin_device

    async def slowly(scopes):
        return attrs.evolve(await begin_device(scopes), interval=timedelta(seconds=7))

    scene.provider.begin_device = slowly
    service = scene.replica()
    device = await service.begin_device("scripted", "alice")
    assert device.interval == timedelta(seconds=7)
    await decided_after(scene, 2, lambda: scene.provider.approve_device(device.user_code))
    await service.complete_device(device)
    assert gaps(scene) == [7.0, 7.0]


async def test_slow_down(scene: Scene):
    """Each adds five seconds for good (RFC 8628 section 3.5)."""
    service = scene.replica()
    device = await service.begin_device("scripted", "alice")
    slow, pending = StillPending(slow_down=True), StillPending()
    scene.provider.poll_script = [pending, slow, pending, slow, pending]
    scene.provider.approve_device(device.user_code)
    await service.complete_device(device)
    assert gaps(scene) == [5.0, 10.0, 10.0, 15.0, 15.0]


async def test_slow_down_says_the_interval(scene: Scene):
    """The longer of five seconds more and what the provider says counts: a restart forgets the past."""
    service = scene.replica()
    device = await service.begin_device("scripted", "alice")
    told = [None, timedelta(seconds=25), timedelta(seconds=12), None]
    scene.provider.poll_script = [StillPending(slow_down=True, interval=each) for each in told]
    scene.provider.poll_script.append(StillPending(interval=timedelta(seconds=90)))
    scene.provider.approve_device(device.user_code)
    await service.complete_device(device)
    assert gaps(scene) == [10.0, 25.0, 30.0, 35.0, 35.0]


async def test_a_web_session_goes_on(scene: Scene):
    """What is kept as text between two requests of a browser, or over a restart, is all that is needed."""
    first = scene.replica()
    kept = (await first.begin_device("scripted", "alice", scopes=["read"])).to_json()
    await first.aclose()
    device = DeviceAuthorization.from_json(kept)
    scene.provider.approve_device(device.user_code)
    assert (await scene.replica().complete_device(device)).tokens.scopes == {"read"}


async def test_no_answer(scene: Scene):
    """Polls that are not answered double the pause, up to a minute, and an answer ends that."""
    service = scene.replica()
    device = await service.begin_device("scripted", "alice")
    lost = [
        NotSent("connect_failed"),
        Unknown("reply_lost"),
        Deferred("http_429"),
        NotSent("connect_failed"),
        Unknown("http_503"),
    ]
    scene.provider.poll_script = [
        *lost,
        StillPending(),
        Deferred("http_429", timedelta(seconds=42)),
        StillPending(),
        Unknown("reply_lost"),
    ]
    scene.provider.approve_device(device.user_code)
    await service.complete_device(device)
    assert gaps(scene) == [10.0, 20.0, 40.0, 60.0, 60.0, 5.0, 42.0, 5.0, 10.0]


@pytest.mark.parametrize("failure", [RuntimeError("leaked-token"), asyncio.CancelledError()])
async def test_a_provider_that_raises(scene: Scene, caplog, failure):
    """It is polled on, and its words are kept out of the log."""
    service = scene.replica()
    device = await service.begin_device("scripted", "alice")
    scene.provider.poll_script = [failure]
    scene.provider.approve_device(device.user_code)
    assert (await service.complete_device(device)).version == 1
    assert "leaked-token" not in caplog.text


async def test_denial(scene: Scene):
    """The user said no."""
    service = scene.replica()
    device = await service.begin_device("scripted", "alice")
    await decided_after(scene, 2, lambda: scene.provider.deny_device(device.user_code))
    with pytest.raises(ConsentDenied):
        await service.complete_device(device)
    assert await scene.stored() is None


async def test_expiry_by_the_clock(scene: Scene):
    """Nobody decides: the polling ends with the code, and not with a poll after it."""
    service = scene.replica()
    device = await service.begin_device("scripted", "alice")
    with pytest.raises(AuthorizationExpired):
        await service.complete_device(device)
    assert scene.clock.now() == device.expires_at
    assert max(scene.provider.polls) < device.expires_at
    polls = len(scene.provider.polls)
    with pytest.raises(AuthorizationExpired):
        await service.complete_device(device)
    assert len(scene.provider.polls) == polls


async def test_expiry_by_the_provider(scene: Scene):
    """The provider knows better when its code ends."""
    scene.provider.device_lifetime = timedelta(seconds=12)
    service = scene.replica()
    device = await service.begin_device("scripted", "alice")
    longer = attrs.evolve(device, expires_at=device.expires_at + timedelta(hours=1))
    with pytest.raises(AuthorizationExpired):
        await service.complete_device(longer)
    assert len(scene.provider.polls) == 3


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (ClientRejected("invalid_client"), ProviderMisconfigured),
        (IdTokenRejected("wrong_audience"), AuthorizationRejected),
    ],
)
async def test_other_ends(scene: Scene, outcome, expected):
    """A client or an ID token that is refused ends it."""
    service = scene.replica()
    device = await service.begin_device("scripted", "alice")
    scene.provider.poll_script = [outcome]
    with pytest.raises(expected) as caught:
        await service.complete_device(device)
    assert caught.value.reason == outcome.code
    assert await scene.stored() is None


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (ClientRejected("unauthorized_client"), ProviderMisconfigured),
        (Unknown("http_503"), ProviderUnavailable),
        (Deferred("http_429", timedelta(seconds=9)), ProviderUnavailable),
    ],
)
async def test_no_device_code(scene: Scene, outcome, expected):
    """A provider that gives none is reported."""

    async def begin_device(_):
        return outcome

    scene.provider.begin_device = begin_device
    with pytest.raises(expected):
        await scene.replica().begin_device("scripted", "alice")


async def test_a_provider_without_device_flow(scene: Scene):
    """It is the application's mistake to ask."""
    scene.provider.linking = LinkingTraits()
    with pytest.raises(ValueError, match="no device flow"):
        await scene.replica().begin_device("scripted", "alice")
    with pytest.raises(UnknownProvider):
        await scene.replica().begin_device("other", "alice")


async def test_after_a_restart(scene: Scene):
    """The value alone is enough to go on."""
    first = scene.replica()
    device = await first.begin_device("scripted", "alice")
    await first.aclose()
    scene.provider.approve_device(device.user_code)
    assert (await scene.replica().complete_device(device)).version == 1


async def test_many_wait_for_one_code(scene: Scene):
    """They share the polling and get the same link; one who leaves disturbs nobody."""
    service = scene.replica()
    device = await service.begin_device("scripted", "alice")
    scene.provider.gate = asyncio.Event()
    calls = [asyncio.create_task(service.complete_device(device)) for _ in range(5)]
    await scene.provider.exchanging.wait()
    calls[0].cancel()
    scene.provider.approve_device(device.user_code)
    scene.provider.gate.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [await scene.stored()] * 4
    assert len(scene.provider.polls) == 1


async def test_codes_of_two_users_are_apart(scene: Scene):
    """A device code never serves another user's call."""
    service = scene.replica()
    device = await service.begin_device("scripted", "alice")
    scene.provider.approve_device(device.user_code)
    await service.complete_device(device)
    others = attrs.evolve(device, key=attrs.evolve(KEY, user_id="mallory"))
    with pytest.raises(AuthorizationExpired):
        await service.complete_device(others)
    assert await service.links("mallory") == []


async def test_called_again(scene: Scene):
    """After completion it returns the link without a poll, as long as there is one."""
    service = scene.replica()
    device = await service.begin_device("scripted", "alice")
    scene.provider.approve_device(device.user_code)
    link = await service.complete_device(device)
    assert await service.complete_device(device) == link
    assert len(scene.provider.polls) == 1
    await service.unlink("scripted", "alice")
    with pytest.raises(AlreadyCompleted):
        await service.complete_device(device)


async def test_called_again_after_others_were_completed(scene: Scene):
    """Codes that others have used since make nobody forget this one."""
    service = scene.replica()
    codes = [await service.begin_device("scripted", user) for user in ("alice", "bob", "carol")]
    for device in codes:
        scene.provider.approve_device(device.user_code)
        await service.complete_device(device)
    polls = len(scene.provider.polls)
    for device in codes:
        assert (await service.complete_device(device)).key == device.key
    assert len(scene.provider.polls) == polls


@pytest.mark.parametrize(
    ("lifetime", "later"),
    [
        (timedelta(minutes=10), timedelta(hours=1)),
        (timedelta(days=3650), timedelta(hours=1)),
        (timedelta(minutes=10), timedelta(minutes=10, seconds=-10)),
    ],
)
async def test_what_was_completed_is_forgotten_in_time(scene: Scene, lifetime, later):
    """Nothing is kept of a code that has expired, be it in this moment, or was completed some time ago."""
    scene.provider.device_lifetime = lifetime
    service = scene.replica()
    for _ in range(3):
        device = await service.begin_device("scripted", "alice")
        scene.provider.approve_device(device.user_code)
        await service.complete_device(device)
        scene.clock.advance(later)
    assert len(service._flows.devices._connected) == 1
    assert service._flows.devices._polling == {}


@pytest.mark.parametrize("where", ["gate", "reply_gate", "put", "identify_gate"])
@pytest.mark.parametrize("ending", ["cancelled", "closed", "swept"])
async def test_a_poll_that_was_sent_is_carried_through(scene: Scene, where, ending):
    """Its tokens are stored although whoever waited for it has gone."""
    service = scene.replica()
    device = await service.begin_device("scripted", "alice")
    scene.provider.approve_device(device.user_code)
    gate = asyncio.Event()
    if where == "put":
        scene.store.before["put"], held = [gate.wait], scene.store.entered["put"]
    else:
        setattr(scene.provider, where, gate)
        held = scene.provider.identifying if where == "identify_gate" else scene.provider.exchanging
    call = asyncio.create_task(service.complete_device(device))
    await held.wait()
    asyncio.get_running_loop().call_soon(gate.set)
    if ending == "cancelled":
        call.cancel()
    elif ending == "closed":
        await service.aclose()
    else:
        swept = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in swept:
            task.cancel()
        await asyncio.gather(*swept, return_exceptions=True)
    [result] = await asyncio.gather(call, return_exceptions=True)
    await service.aclose()
    link = await scene.stored()
    assert link is not None
    assert scene.provider.tokens.is_live(link.tokens)
    if ending == "closed":
        assert result == link
    if (where, ending) == ("put", "swept"):  # whose account it is nobody waits to hear then
        assert not scene.provider.identifying.is_set()


class HeldClock:
    """Lets nobody wake up before the test says so."""

    def __init__(self, clock):
        self.now, self.monotonic = clock.now, clock.monotonic
        self.advance = clock.advance
        self.gate = asyncio.Event()
        self.sleeping = asyncio.Event()

    async def sleep(self, seconds):
        self.sleeping.set()
        await self.gate.wait()
        self.advance(timedelta(seconds=seconds))


async def test_nobody_waits_any_more(scene: Scene):
    """Polling stops with the last who leaves, and goes on for the next who comes."""
    clock = HeldClock(scene.clock)
    service = scene.replica(clock=clock)
    device = await service.begin_device("scripted", "alice")
    call = asyncio.create_task(service.complete_device(device))
    await clock.sleeping.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    clock.gate.set()
    while service._flows.devices._polling:
        await asyncio.sleep(0)
    assert scene.provider.polls == []
    scene.provider.approve_device(device.user_code)
    assert (await service.complete_device(device)).version == 1


async def approved(scene: Scene) -> tuple[HeldClock, LinkingService, DeviceAuthorization, datetime]:
    """Begin on a clock that is held, and approve it: who polls now is linked at once."""
    clock = HeldClock(scene.clock)
    service = scene.replica(clock=clock)
    device = await service.begin_device("scripted", "alice")
    scene.provider.approve_device(device.user_code)
    return clock, service, device, scene.clock.now()


async def test_one_who_leaves_keeps_nobody_waiting(scene: Scene):
    """Another one still waits, for whom the polling goes on at its pace."""
    clock, service, device, began = await approved(scene)
    leaves, stays = (asyncio.create_task(service.complete_device(device)) for _ in range(2))
    await clock.sleeping.wait()
    leaves.cancel()
    await asyncio.gather(leaves, return_exceptions=True)
    clock.gate.set()
    assert (await stays).version == 1
    assert scene.provider.polls == [began + device.interval]


async def test_leaving_and_coming_back_in_one_interval(scene: Scene):
    """Whoever calls with short patience again and again is polled for at the provider's pace."""
    clock, service, device, began = await approved(scene)
    for _ in range(3):
        call = asyncio.create_task(service.complete_device(device))
        await clock.sleeping.wait()
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    call = asyncio.create_task(service.complete_device(device))
    await asyncio.sleep(0)
    clock.gate.set()
    assert (await call).version == 1
    assert scene.provider.polls == [began + device.interval]


async def test_coming_at_the_very_end_of_a_polling(scene: Scene):
    """Whoever joins a polling that has just given up starts another one."""
    service: Any = scene.replica()
    device = await service.begin_device("scripted", "alice")
    scene.provider.approve_device(device.user_code)
    answers = [None]
    poll = service._flows.devices._poll

    async def given_up_once(*args):
        return answers.pop() if answers else await poll(*args)

    service._flows.devices._poll = given_up_once
    assert (await service.complete_device(device)).version == 1


async def test_closing_while_the_user_has_not_decided(scene: Scene):
    """Whoever waits is told to come again; nothing is lost."""
    clock = HeldClock(scene.clock)
    service = scene.replica(clock=clock)
    device = await service.begin_device("scripted", "alice")
    call = asyncio.create_task(service.complete_device(device))
    await clock.sleeping.wait()
    await service.aclose()
    with pytest.raises(ProviderUnavailable) as caught:
        await call
    assert caught.value.retry_after == timedelta(seconds=5)
    scene.provider.approve_device(device.user_code)
    assert (await scene.replica().complete_device(device)).version == 1


async def test_unlinking_meanwhile(scene: Scene):
    """A user who disconnects is not connected by a device flow that was under way."""
    service = scene.replica()
    device = await service.begin_device("scripted", "alice")
    scene.provider.approve_device(device.user_code, "alice-there")
    scene.provider.gate = asyncio.Event()
    call = asyncio.create_task(service.complete_device(device))
    await scene.provider.exchanging.wait()
    await service.unlink("scripted", "alice")
    scene.provider.gate.set()
    with pytest.raises(UnknownState):
        await call
    assert await scene.stored() is None
    assert scene.provider.tokens.grants.live_refresh_tokens("alice-there") == set()


@pytest.mark.parametrize("later", [None, "down"])
async def test_another_account_is_refused(scene: Scene, later):
    """The rule for accounts is the same as for the code flow, also if the store goes down meanwhile."""
    scene.provider.accounts = {"alice-there": Account("id-1"), "bob-there": Account("id-2")}
    service = scene.replica(on_account_change="refuse")
    old = await scene.connect(service)
    device = await service.begin_device("scripted", "alice")
    scene.provider.approve_device(device.user_code, "bob-there")

    async def go_down_once_the_poll_is_sent() -> None:
        scene.store.before["get"] = down()

    if later == "down":
        scene.store.after["get"] = [go_down_once_the_poll_is_sent]
    with pytest.raises(AccountChanged):
        await service.complete_device(device)
    assert await scene.stored() == old


async def test_the_store_is_down(scene: Scene):
    """No poll is sent whose tokens might be lost, and the flow can be completed later."""
    service = scene.replica()
    device = await service.begin_device("scripted", "alice")
    scene.provider.approve_device(device.user_code)
    scene.store.before["get"] = down()
    with pytest.raises(StoreUnavailable):
        await service.complete_device(device)
    assert scene.provider.polls == []
    assert (await service.complete_device(device)).version == 1
