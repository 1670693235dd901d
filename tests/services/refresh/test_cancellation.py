"""What happens to a refresh when whoever wanted it goes away."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from extauth import LinkKey, StoreUnavailable
from extauth.domain.events import SaveAbandoned, SaveDelayed
from extauth.domain.outcomes import NotSent

KEY = LinkKey("scripted", "alice")
EXPIRED = timedelta(0)


class TestCancelledCaller:
    @pytest.mark.parametrize("where", ["claim", "exchange", "save", "reply"])
    async def test_changes_nothing(self, scene, where):
        """Whatever the refresh is at when its only caller is cancelled, it is finished and saved."""
        await scene.link(expires_in=EXPIRED)
        gate = asyncio.Event()
        held = asyncio.Event()

        async def hold():
            held.set()
            await gate.wait()

        async def held_exchange(tokens):
            if where == "exchange":
                await hold()
            outcome = scene.provider.rotate(tokens)
            if where == "reply":
                await hold()
            return outcome

        scene.provider.script = [held_exchange]
        if where in {"claim", "save"}:
            scene.store.before[where] = [hold]
        tokens = scene.replica()
        call = asyncio.create_task(tokens.link("scripted", "alice"))
        await held.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        gate.set()
        await tokens.aclose()
        link = await scene.stored()
        assert link.version == 2
        assert scene.provider.is_live(link.tokens)
        assert scene.provider.exchanges == 1

    async def test_touches_no_other_caller(self, scene):
        """The first caller of a refresh can go away; the others get their token."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.gate = asyncio.Event()
        tokens = scene.replica()
        calls = [asyncio.create_task(tokens.access_token("scripted", "alice")) for _ in range(4)]
        await scene.provider.exchanging.wait()
        calls[0].cancel()
        calls[2].cancel()
        scene.provider.gate.set()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [asyncio.CancelledError, str] * 2
        assert scene.provider.exchanges == 1

    async def test_by_its_own_time_out(self, scene):
        """A caller that sets itself a time limit gets TimeoutError, and the refresh goes on."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.gate = asyncio.Event()
        tokens = scene.replica()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await tokens.access_token("scripted", "alice")
        scene.provider.gate.set()
        await tokens.aclose()
        assert (await scene.stored()).version == 2


class TestClosing:
    async def test_finishes_what_was_begun(self, scene):
        """Leaving the service waits for the exchange under way and its save."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.gate = asyncio.Event()
        async with scene.replica() as tokens:
            call = asyncio.create_task(tokens.link("scripted", "alice"))
            await scene.provider.exchanging.wait()
            asyncio.get_running_loop().call_soon(scene.provider.gate.set)
        assert call.done()
        assert (await scene.stored()).version == 2

    async def test_puts_its_own_cancellation_off(self, scene):
        """A service that is being left is left when the tokens are saved, cancelled or not."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.gate = asyncio.Event()
        tokens = scene.replica()
        call = asyncio.create_task(tokens.link("scripted", "alice"))
        await scene.provider.exchanging.wait()
        closing = asyncio.create_task(tokens.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.sleep(0)
        closing.cancel()
        scene.provider.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert (await call).version == 2
        assert (await scene.stored()).version == 2

    async def test_everything_visible_is_cancelled(self, scene):
        """What asyncio.run does at its end, cancelling every task it can see, loses nothing."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.gate = asyncio.Event()
        tokens = scene.replica()
        call = asyncio.create_task(tokens.link("scripted", "alice"))
        await scene.provider.exchanging.wait()
        swept = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in swept:
            task.cancel()
        asyncio.get_running_loop().call_soon(scene.provider.gate.set)
        await asyncio.gather(*swept, return_exceptions=True)
        assert call.cancelled()
        assert (await scene.stored()).version == 2

    async def test_everything_visible_is_cancelled_while_the_store_is_down(self, scene):
        """The same holds for tokens that wait to be saved."""
        await scene.link(expires_in=EXPIRED)
        back = asyncio.Event()
        scene.store.before["save"] = [StoreUnavailable("down"), back.wait]
        tokens = scene.replica()
        await tokens.link("scripted", "alice")
        swept = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in swept:
            task.cancel()
        asyncio.get_running_loop().call_soon(back.set)
        await asyncio.gather(*swept, return_exceptions=True)
        assert (await scene.stored()).version == 2

    async def test_everything_visible_is_cancelled_and_then_the_store_fails(self, scene):
        """The same holds where the first try to save fails only after everything has been cancelled."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.gate = asyncio.Event()
        back = asyncio.Event()
        scene.store.before["save"] = [StoreUnavailable("down"), back.wait]
        tokens = scene.replica()
        call = asyncio.create_task(tokens.link("scripted", "alice"))
        await scene.provider.exchanging.wait()
        swept = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in swept:
            task.cancel()
        scene.provider.gate.set()
        ending = asyncio.gather(*swept, return_exceptions=True)
        while SaveDelayed(KEY, 2) not in scene.events:
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        waits = not ending.done()
        back.set()
        await ending
        assert waits
        assert call.cancelled()
        assert (await scene.stored()).version == 2

    async def test_gives_up_when_the_store_stays_down(self, scene, caplog):
        """Closing tries to save for as long as the policy says, then reports the loss, and ends."""
        await scene.link(expires_in=EXPIRED)
        scene.store.before["save"] = [StoreUnavailable("down") for _ in range(1000)]
        tokens = scene.replica()
        await tokens.link("scripted", "alice")
        before = scene.clock.monotonic()
        await tokens.aclose()
        assert 9 <= scene.clock.monotonic() - before <= 12
        assert SaveDelayed(KEY, 2) in scene.events
        assert SaveAbandoned(KEY, 2) in scene.events
        assert "SaveAbandoned" in caplog.text

    async def test_repeats_nothing(self, scene):
        """While closing, a request that was not sent is not sent again."""
        await scene.link(expires_in=EXPIRED)
        scene.provider.gate = asyncio.Event()
        tokens = scene.replica()
        from extauth.domain.outcomes import NotSent

        scene.provider.script = [NotSent("dns")] * 5
        call = asyncio.create_task(tokens.link("scripted", "alice"))
        await scene.provider.exchanging.wait()
        closing = asyncio.create_task(tokens.aclose())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        scene.provider.gate.set()
        await closing
        assert scene.provider.exchanges == 1
        assert isinstance(call.exception(), Exception)

    async def test_twice(self, scene):
        """Closing again does nothing."""
        tokens = scene.replica()
        await tokens.aclose()
        await tokens.aclose()


async def test_the_end_of_a_run_is_no_time_for_repeating(scene):
    """A refresh whose task ``asyncio.run`` cancels at its end finishes what it is at, and repeats nothing."""
    await scene.link(expires_in=EXPIRED)
    scene.provider.gate = asyncio.Event()
    scene.provider.script = [NotSent("connect_failed")] * 2
    tokens = scene.replica()
    call = asyncio.create_task(tokens.link("scripted", "alice"))
    await scene.provider.exchanging.wait()
    flight = tokens._flights._flights[KEY].task
    flight.cancel()
    await asyncio.sleep(0)
    assert not flight.done()
    scene.provider.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert scene.provider.exchanges == 1
    assert (await scene.stored()).pending is None


async def test_the_end_of_a_run_leaves_a_save_its_grace_only(scene):
    """Tokens that wait for a store that stays down are given up in the end, or the run would have none."""
    await scene.link(expires_in=EXPIRED)
    scene.store.before["save"] = [StoreUnavailable("down") for _ in range(1000)]
    tokens = scene.replica()
    await tokens.link("scripted", "alice")
    await asyncio.sleep(0)
    guard = tokens._unsaved_tokens._guards[KEY]
    guard.cancel()
    await asyncio.wait({guard})
    assert SaveAbandoned(KEY, 2) in scene.events
    assert scene.store.before["save"]
