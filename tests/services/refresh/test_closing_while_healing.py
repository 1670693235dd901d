"""A service that is closed, or whose program ends, while a link is just being put back."""

from __future__ import annotations

import asyncio

import pytest

from extauth import TokenService


async def being_put_back(scene) -> tuple[TokenService, asyncio.Task[object], asyncio.Event]:
    """Have a link that has gone back put back, up to where it is written; nothing else is under way."""
    await scene.link()
    before = scene.inner._rows[next(iter(scene.inner._rows))]
    tokens = scene.replica()
    newest = await tokens.link("scripted", "alice")
    scene.inner._write(newest.key, before)
    gate = asyncio.Event()
    scene.store.entered.clear()
    scene.store.before["save"] = [gate.wait]
    looking = asyncio.ensure_future(tokens._refresh_flight.healing.read(newest.key))
    await scene.store.entered["save"].wait()
    return tokens, looking, gate


async def test_closing_waits_for_it(scene):
    """The store may be closed next."""
    tokens, looking, gate = await being_put_back(scene)
    closing = asyncio.ensure_future(tokens.aclose())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not closing.done()
    gate.set()
    await closing
    assert (await scene.stored()).version == 2
    await looking


async def test_it_is_work_under_way(scene):
    """So it is not to be closed on another loop, where it cannot be finished."""
    tokens, looking, gate = await being_put_back(scene)
    seen: list[bool] = []
    tokens._serving.close = lambda *, idle: seen.append(idle)
    await tokens.aclose()
    assert seen == [False]
    del tokens._serving.close
    gate.set()
    await looking


@pytest.mark.parametrize("cancelled", [False, True])
async def test_the_end_of_the_program_waits_for_it(scene, cancelled):
    """As for a refresh: it is not in reach of what cancels all tasks."""
    tokens, looking, gate = await being_put_back(scene)
    if cancelled:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
    gate.set()
    await tokens.aclose()
    assert (await scene.stored()).version == 2
    looking.cancel()
    await asyncio.wait({looking})
