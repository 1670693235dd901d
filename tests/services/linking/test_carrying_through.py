"""A code that was sent is carried through to the store, whatever happens around it."""

from __future__ import annotations

import asyncio
import gc
import logging
import traceback
from datetime import timedelta
from typing import Any

import attrs
import pytest

from extauth import GrantOrigin, LinkingService, LinkKey, StoreUnavailable, UnknownState, open_store
from extauth.domain.linking import LinkingTraits, companion_key
from extauth.domain.outcomes import Exchanged
from extauth.domain.policy import Backoff
from extauth.services.linking import store_grant
from extauth.services.linking.carry_through import CarriedThrough
from tests.services.linking.conftest import KEY, HalfJitter, Scene
from tests.support.faulty_store import down


async def _fine() -> None:
    pass


def hold(scene: Scene, where: str) -> tuple[asyncio.Event, asyncio.Event]:
    """Hold the completion up there; return what is set when it is, and what to set to let it go on."""
    gate = asyncio.Event()
    if where in {"take_authorization", "put", "record_account"}:
        scene.store.before[where] = [gate.wait]
        return scene.store.entered[where], gate
    if where == "identify":
        scene.provider.identify_gate = gate
        return scene.provider.identifying, gate
    setattr(scene.provider, where, gate)
    return scene.provider.exchanging, gate


DOWN = "the store is down"

POINTS = ["take_authorization", "gate", "reply_gate", "put", "identify"]


@pytest.mark.parametrize("where", POINTS)
async def test_a_caller_that_is_cancelled(scene: Scene, where):
    """The caller leaves at once, and the link is stored all the same."""
    service = scene.replica()
    callback = await scene.authorized(service)
    held, gate = hold(scene, where)
    call = asyncio.create_task(service.complete(callback, user_id="alice"))
    await held.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    gate.set()
    await service.aclose()
    link = await scene.stored()
    assert link is not None
    assert scene.provider.tokens.is_live(link.tokens)
    assert scene.provider.presented == ["code-1"]


@pytest.mark.parametrize("where", POINTS)
async def test_leaving_the_service(scene: Scene, where):
    """Closing finishes what is under way, and puts its own cancellation off."""
    service = scene.replica()
    callback = await scene.authorized(service)
    held, gate = hold(scene, where)
    call = asyncio.create_task(service.complete(callback, user_id="alice"))
    await held.wait()
    closing = asyncio.create_task(service.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert (await call).key == KEY
    assert await scene.stored() is not None


@pytest.mark.parametrize("where", POINTS)
async def test_everything_visible_is_cancelled(scene: Scene, where):
    """What asyncio.run does at its end, cancelling every task it can see, loses nothing."""
    service = scene.replica()
    callback = await scene.authorized(service)
    held, gate = hold(scene, where)
    asyncio.create_task(service.complete(callback, user_id="alice")).add_done_callback(lambda _: None)
    await held.wait()
    swept = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in swept:
        task.cancel()
    asyncio.get_running_loop().call_soon(gate.set)
    await asyncio.gather(*swept, return_exceptions=True)
    assert await scene.stored() is not None


async def test_at_the_end_of_the_process_nobody_is_asked_to_wait():
    """Work that is swept at the end of asyncio.run goes on, and is told that the end has come."""
    began, gate, hurried = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work():
        began.set()
        await gate.wait()

    carried = CarriedThrough(hurried.set)
    asyncio.create_task(carried.run(work)).add_done_callback(lambda _: None)
    await began.wait()
    swept = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in swept:
        task.cancel()
    await asyncio.sleep(0)
    told = hurried.is_set()
    gate.set()
    await asyncio.gather(*swept, return_exceptions=True)
    assert told


async def test_a_service_that_is_forgotten(scene: Scene):
    """Leaving open_store closes it first, so that the link is stored before the store is gone."""
    opening: Any = open_store("memory://")
    async with opening as store:
        service = LinkingService(store, [scene.provider])
        callback = await scene.authorized(service)
        scene.provider.gate = gate = asyncio.Event()
        call = asyncio.create_task(service.complete(callback, user_id="alice"))
        await scene.provider.exchanging.wait()
        del service
        gc.collect()
        asyncio.get_running_loop().call_soon(gate.set)
    assert call.done()
    assert (await call).key == KEY


async def test_the_store_is_down_before_the_code_is_spent(scene: Scene):
    """The error is the store's, and the code was not sent."""
    service = scene.replica()
    callback = await scene.authorized(service)
    scene.store.before["get"] = down()
    with pytest.raises(StoreUnavailable):
        await service.complete(callback, user_id="alice")
    assert scene.provider.presented == []


async def test_the_store_is_down_for_a_moment_after_the_exchange(scene: Scene):
    """It is asked again, since the tokens exist nowhere else; whose client's they are is stored with them."""
    scene.provider.tokens.origin = GrantOrigin("client", "https://provider.example/token")
    service = scene.replica()
    callback = await scene.authorized(service)
    scene.store.before["put"] = [*down(2), RuntimeError("find-me")]
    scene.store.after["get"] = [_fine, _fine, *down()]
    link = await service.complete(callback, user_id="alice")
    assert await scene.stored() == link
    assert link.origin == scene.provider.origin
    assert scene.store.calls["put"] == 4


async def test_a_store_that_is_down_is_asked_again_at_once(scene: Scene):
    """A user is waiting: the first pause is the shortest, and each one after it twice as long."""
    service = scene.replica(rng=HalfJitter())
    callback = await scene.authorized(service)
    scene.store.before["put"] = down(4)
    assert (await service.complete(callback, user_id="alice")).version == 1
    assert scene.clock.slept == [0.0375, 0.075, 0.15, 0.3]


async def test_the_last_try_comes_at_the_very_end_of_the_grace(scene: Scene, monkeypatch):
    """A pause that ends just then is waited for."""
    monkeypatch.setattr(store_grant, "_RETRY", Backoff(initial=timedelta(seconds=1)))
    monkeypatch.setattr(store_grant, "_GRACE", timedelta(seconds=0.75 + 1.5 + 3))
    service = scene.replica(rng=HalfJitter())
    callback = await scene.authorized(service)
    scene.store.before["put"] = down(3)
    assert (await service.complete(callback, user_id="alice")).version == 1
    assert scene.clock.slept == [0.75, 1.5, 3.0]


async def test_the_store_stays_down(scene: Scene, caplog):
    """After some seconds the caller is told, and the driver's text stays out of the log."""
    service = scene.replica()
    callback = await scene.authorized(service)
    began = scene.clock.monotonic()
    scene.store.before["put"] = [RuntimeError("find-me")] * 99
    with caplog.at_level(logging.DEBUG), pytest.raises(StoreUnavailable) as caught:
        await service.complete(callback, user_id="alice")
    assert 5 < scene.clock.monotonic() - began <= 10
    assert "find-me" not in caplog.text
    assert "find-me" not in "".join(traceback.format_exception(caught.value))


async def test_a_put_that_worked_after_all_is_not_repeated(scene: Scene):
    """Whoever has unlinked or refreshed since would be overwritten."""
    service = scene.replica()
    callback = await scene.authorized(service)
    scene.store.after["put"] = down()
    link = await service.complete(callback, user_id="alice")
    assert link.version == 1
    assert scene.store.calls["put"] == 1


async def _refresh(scene: Scene) -> None:
    """What another replica does when the new access token is refused somewhere."""
    link = await scene.stored()
    exchanged = await scene.provider.refresh(link.tokens)
    await scene.inner.save(KEY, link.version, exchanged.tokens)


async def test_a_put_that_worked_and_was_refreshed_since_is_not_repeated(scene: Scene):
    """The refresh token that it would bring back is used up."""
    service = scene.replica()
    callbacks = [await scene.authorized(service), await scene.authorized(service)]
    for callback in callbacks:  # without a link before, and with one

        async def refreshed_meanwhile():
            await _refresh(scene)
            raise StoreUnavailable(DOWN)

        scene.store.after["put"] = [refreshed_meanwhile]
        with pytest.raises(StoreUnavailable):
            await service.complete(callback, user_id="alice")
        assert scene.provider.tokens.is_live((await scene.stored()).tokens)


async def test_a_put_that_worked_and_was_removed_since_is_not_repeated(scene: Scene):
    """A link that the user has removed stays removed, and what the provider gave is revoked."""
    service = scene.replica()
    await scene.connect(service)
    callback = await scene.authorized(service)
    tokens = scene.provider.tokens.grant("alice-there")
    scene.provider.code_script = [Exchanged(tokens)]

    async def removed_meanwhile():
        await scene.replica().unlink("scripted", "alice")
        raise StoreUnavailable(DOWN)

    scene.store.before["put"] = [removed_meanwhile]
    with pytest.raises(UnknownState):
        await service.complete(callback, user_id="alice")
    assert await scene.stored() is None
    assert not scene.provider.tokens.is_live(tokens)


async def test_a_companion_that_was_removed_since_spoils_nothing(scene: Scene):
    """What was removed stays removed, and the link that it came with is stored and returned."""
    scene.provider.linking = LinkingTraits(companions=("user",))
    service = scene.replica()
    await scene.connect(service)
    callback = await scene.authorized(service)

    async def removed_meanwhile():
        await scene.inner.delete(companion_key(KEY, "user"))
        raise StoreUnavailable(DOWN)

    scene.store.before["put"] = [_fine, removed_meanwhile]
    link = await service.complete(callback, user_id="alice")
    assert await scene.stored() == link
    assert await scene.stored("scripted/user") is None


async def test_an_access_token_that_is_the_same_again(scene: Scene):
    """Some providers give the one they gave before: the old link is not taken for the new one."""
    service = scene.replica()
    before = await scene.connect(service)
    callback = await scene.authorized(service)
    again = attrs.evolve(before.tokens, scopes=frozenset({"more"}))
    scene.provider.code_script = [Exchanged(again)]
    scene.store.before["put"] = down()
    link = await service.complete(callback, user_id="alice")
    assert (link.version, link.tokens) == (2, again)
    assert await scene.stored() == link


async def test_an_access_token_that_a_refresh_of_the_old_link_gave_as_well(scene: Scene):
    """Equal access tokens are not enough: with the old grant's refresh token it is the old link."""
    service = scene.replica()
    await scene.connect(service)
    callback = await scene.authorized(service)
    tokens = scene.provider.tokens.grant("alice-there")
    scene.provider.code_script = [Exchanged(tokens)]

    async def refreshed_meanwhile():
        link = await scene.stored()
        refreshed = attrs.evolve(link.tokens, access_token=tokens.access_token, refresh_token="rt-of-the-old")
        await scene.inner.save(KEY, link.version, refreshed)
        raise StoreUnavailable(DOWN)

    scene.store.before["put"] = [refreshed_meanwhile]
    link = await service.complete(callback, user_id="alice")
    assert (link.version, link.tokens.refresh_token) == (3, tokens.refresh_token)
    assert await scene.stored() == link


async def test_a_put_that_did_not_work_wins_over_a_refresh_of_the_old_link(scene: Scene):
    """A single version that is not ours was written by another: the user's own authorization counts."""
    service = scene.replica()
    await scene.connect(service)
    callback = await scene.authorized(service)

    async def refreshed_meanwhile():
        await _refresh(scene)
        raise StoreUnavailable(DOWN)

    scene.store.before["put"] = [refreshed_meanwhile]
    link = await service.complete(callback, user_id="alice")
    assert link.version == 3
    assert await scene.stored() == link


@pytest.mark.parametrize("call", ["get", "put"])
async def test_a_store_that_is_interrupted(scene: Scene, call):
    """A cancellation of something that the store waits for is not one of the completion."""
    service = scene.replica()
    callback = await scene.authorized(service)
    scene.store.before["put"] = [asyncio.CancelledError()] if call == "put" else down()
    scene.store.before["get"] = [_fine, _fine, asyncio.CancelledError()] if call == "get" else []
    assert await service.complete(callback, user_id="alice") == await scene.stored()


@pytest.mark.parametrize("fault", [RuntimeError("find-me"), KeyError("find-me")])
async def test_a_store_that_cannot_read_after_the_exchange(scene: Scene, caplog, fault):
    """The link is stored nevertheless: the code is spent."""
    service = scene.replica()
    callback = await scene.authorized(service)
    scene.store.before["get"] = [_fine, fault]
    assert (await service.complete(callback, user_id="alice")).version == 1
    assert "find-me" not in caplog.text


async def test_no_companion_that_cannot_be_stored_loses_another(scene: Scene):
    """All that can be are stored, and the first error is raised."""
    scene.provider.linking = LinkingTraits(companions=("a", "b"))
    service = scene.replica()
    callback = await scene.authorized(service)
    put = scene.inner.put

    async def failing(key, *args, **kwargs):
        if key.provider_id == "scripted/a":
            raise StoreUnavailable(DOWN)
        return await put(key, *args, **kwargs)

    scene.inner.put = failing
    with pytest.raises(StoreUnavailable):
        await service.complete(callback, user_id="alice")
    assert [link.key.provider_id for link in await scene.inner.links_of("alice")] == [
        "scripted",
        "scripted/b",
    ]


async def test_one_token_set_that_cannot_be_stored_loses_no_other(scene: Scene):
    """Each is put for itself."""
    scene.provider.linking = LinkingTraits(companions=("user",))
    service = scene.replica()
    callback = await scene.authorized(service)
    put = scene.inner.put

    async def failing(key, *args, **kwargs):
        if key == KEY:
            raise StoreUnavailable(DOWN)
        return await put(key, *args, **kwargs)

    scene.inner.put = failing
    with pytest.raises(StoreUnavailable):
        await service.complete(callback, user_id="alice")
    assert await scene.stored() is None
    assert await scene.stored("scripted/user") is not None


async def test_finding_out_whose_account_it_is_never_blocks_storing(scene: Scene):
    """The link is stored while the provider is asked, and an answer that does not come is done without."""
    service = scene.replica(exchange_timeout=timedelta(milliseconds=50))
    callback = await scene.authorized(service)
    scene.provider.identify_gate = asyncio.Event()
    call = asyncio.create_task(service.complete(callback, user_id="alice"))
    await scene.provider.identifying.wait()
    assert await scene.stored() is not None
    assert (await call).account is None


async def test_no_context_of_the_caller_goes_along(scene: Scene):
    """The provider is asked in an empty context: no request's variables leak into what outlives it."""
    import contextvars

    variable = contextvars.ContextVar("variable", default="clean")
    seen = []

    def answer():
        seen.append(variable.get())
        return scene.provider._grant("alice-there", frozenset())

    scene.provider.code_script = [answer]
    service = scene.replica()
    callback = await scene.authorized(service)
    variable.set("request")
    await service.complete(callback, user_id="alice")
    assert seen == ["clean"]


async def test_another_event_loop(scene: Scene):
    """A service serves one loop, and says so."""
    service = scene.replica()
    callback = await scene.authorized(service)
    scene.provider.gate = asyncio.Event()
    call = asyncio.create_task(service.complete(callback, user_id="alice"))
    await scene.provider.exchanging.wait()
    with pytest.raises(RuntimeError, match="another event loop"):
        await asyncio.to_thread(asyncio.run, service.complete(callback, user_id="alice"))
    scene.provider.gate.set()
    assert (await call).key == LinkKey("scripted", "alice")
