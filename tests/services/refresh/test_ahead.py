"""Refreshing ahead of need, as upkeep asks for it: what came of it is said also where the old token works."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from extauth import ProviderUnavailable, ReauthorizationRequired, RefreshFailure
from extauth.domain.outcomes import Deferred
from tests.support.faulty_store import down

MINUTE = timedelta(minutes=1)


async def test_why_it_failed_is_said_though_the_token_works(scene):
    """With the provider's reason, and how long it wants to be left alone."""
    link = await scene.link(expires_in=30 * MINUTE)
    scene.provider.script = [Deferred("rate_limited", 5 * MINUTE)]
    with pytest.raises(ProviderUnavailable, match="rate_limited") as raised:
        await scene.replica().ahead.refresh(link)
    assert raised.value.retry_after == 5 * MINUTE


@pytest.mark.parametrize(
    ("retry_after", "error"), [(None, ReauthorizationRequired), (MINUTE, ProviderUnavailable)]
)
async def test_what_is_marked_is_not_presented(scene, retry_after, error):
    """A grant that is dead, or that failed a moment ago; no lease is taken for it either."""
    link = await scene.link()
    at = scene.clock.now()
    mark = RefreshFailure("refused", at, 1, retry_at=None if retry_after is None else at + retry_after)
    await scene.store.record_failure(link.key, 1, mark)
    with pytest.raises(error, match="refused"):
        await scene.replica().ahead.refresh(await scene.stored())
    assert scene.provider.presented == []
    assert scene.store.calls["claim"] == 0


async def test_tokens_that_are_not_saved_yet_are_nothing_new(scene):
    """They came by another call, and are presented by nobody before they are stored."""
    link = await scene.link()
    back = asyncio.Event()
    scene.store.before["save"] = [*down(), back.wait]
    tokens = scene.replica()
    await tokens.link("scripted", "alice")
    renewed = await tokens.ahead.refresh(link)
    back.set()
    assert not renewed
    assert scene.provider.exchanges == 1
