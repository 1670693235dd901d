"""A fenced link is served as long as its access token works, and its refresh token stays where it is."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs
import pytest

from extauth import LinkFenced, LinkKey, ReauthorizationRequired
from extauth.domain.fence import FENCED, fence, is_fenced
from extauth.domain.imports import ImportedLink
from extauth.domain.outcomes import Deferred, GrantRejected
from extauth.testing.scripted.provider import ScriptedProvider
from extauth.transfer import import_links, lift_fence

KEY = LinkKey("scripted", "alice")
HOUR = timedelta(hours=1)


async def imported(scene, *, expires_in, **changes):
    """Import alice's link, fenced."""
    now = scene.clock.now()
    tokens = attrs.evolve(scene.provider.grant(), expires_at=now + expires_in, **changes)
    link = ImportedLink(KEY, tokens, updated_at=now + expires_in - HOUR)
    report = await import_links(scene.inner, [link])
    assert (report.added, report.fenced) == (1, 1)
    return tokens


async def test_it_is_served_until_it_expires(scene):
    """Also where a refresh is due; then callers are told why, and the refresh token is never presented."""
    tokens = await imported(scene, expires_in=timedelta(seconds=3))
    service = scene.replica()
    assert tokens.access_token == await service.access_token("scripted", "alice")
    assert tokens.access_token == await service.access_token("scripted", "alice", valid_for=HOUR)
    scene.clock.advance(timedelta(seconds=3))
    for _ in range(3):
        with pytest.raises(
            LinkFenced, match=r"^the link of 'alice' to scripted is fenced: .*lift_fence"
        ) as caught:
            await service.access_token("scripted", "alice")
        assert caught.value.retry_after is None
    assert scene.provider.exchanges == 0


async def test_an_api_that_refuses_the_token_opens_no_fence(scene):
    """``refresh``, with the refused token or without, does not go through."""
    tokens = await imported(scene, expires_in=HOUR)
    service = scene.replica()
    for rejected in (None, tokens.access_token):
        with pytest.raises(LinkFenced):
            await service.refresh("scripted", "alice", rejected=rejected)
    assert scene.provider.exchanges == 0
    assert tokens.access_token == await service.access_token("scripted", "alice")


@pytest.mark.parametrize("leap", [timedelta(days=-3650), timedelta(seconds=-1), timedelta(days=3650)])
async def test_no_clock_opens_it(scene, leap):
    """A replica whose clock is behind, or far ahead, holds it as well."""
    await imported(scene, expires_in=timedelta(days=-7300))
    scene.clock.advance(leap)
    with pytest.raises(LinkFenced):
        await scene.replica().access_token("scripted", "alice")
    assert scene.provider.exchanges == 0


async def test_a_trial_for_one_user_leaves_the_others_fenced(scene):
    """The first refresh that succeeds is the end of that link's fence, and of no other's."""
    await imported(scene, expires_in=timedelta(0))
    bob = LinkKey("scripted", "bob")
    await import_links(scene.inner, [ImportedLink(bob, scene.provider.grant())])
    assert await lift_fence(scene.inner, "scripted", user_id="alice") == 1
    service = scene.replica()
    await service.access_token("scripted", "alice")
    assert scene.provider.exchanges == 1
    assert ((await scene.stored()).failure, (await scene.stored()).version) == (None, 2)
    assert is_fenced(await scene.inner.get(bob))
    with pytest.raises(LinkFenced):
        await service.refresh("scripted", "bob")
    assert await lift_fence(scene.inner, "scripted") == 1
    await service.refresh("scripted", "bob")
    assert scene.provider.exchanges == 2


async def test_a_trial_that_fails_for_now_can_be_fenced_again(scene):
    """What the trial's failure left behind is a mark like any other, which the fence replaces."""
    await imported(scene, expires_in=timedelta(0))
    await lift_fence(scene.inner, "scripted")
    scene.provider.script.append(Deferred("http_503"))
    with pytest.raises(Exception, match="http_503"):
        await scene.replica().access_token("scripted", "alice")
    await scene.inner.record_failure(KEY, 1, fence(scene.clock.now()))
    assert (await scene.stored()).failure.reason == FENCED


@pytest.mark.parametrize("outcome", [Deferred("http_503"), GrantRejected("invalid_grant")])
async def test_an_exchange_that_fails_behind_it_leaves_it(scene, outcome):
    """It was under way when the fence was put up; what it says then does not open the fence."""
    link = await scene.link(expires_in=timedelta(0))
    scene.provider.gate = asyncio.Event()
    scene.provider.script.append(outcome)
    asking = asyncio.create_task(scene.replica().access_token("scripted", "alice"))
    await scene.provider.exchanging.wait()
    await scene.inner.record_failure(KEY, link.version, fence(scene.clock.now()))
    scene.provider.gate.set()
    with pytest.raises((LinkFenced, ReauthorizationRequired, Exception)):
        await asking
    assert (await scene.stored()).failure.reason == FENCED
    scene.clock.advance(timedelta(days=30))
    with pytest.raises(LinkFenced):
        await scene.replica().access_token("scripted", "alice")


async def test_a_claim_after_it_presents_nothing(scene):
    """A replica has read the link before the fence was put up, and claims it after: it sees it there."""
    link = await scene.link(expires_in=timedelta(0))
    shut = asyncio.Event()
    scene.store.before["claim"].append(shut.wait)
    asking = asyncio.create_task(scene.replica().access_token("scripted", "alice"))
    await scene.store.entered["claim"].wait()
    await scene.inner.record_failure(KEY, link.version, fence(scene.clock.now()))
    shut.set()
    with pytest.raises(LinkFenced):
        await asking
    assert (scene.provider.exchanges, (await scene.stored()).pending) == (0, None)


async def test_the_users_own_authorization_ends_it(scene):
    """A new grant is nobody else's."""
    await imported(scene, expires_in=timedelta(0))
    await scene.link(expires_in=timedelta(0))
    await scene.replica().access_token("scripted", "alice")
    assert scene.provider.exchanges == 1


async def test_without_a_refresh_token_there_is_nothing_to_fence(scene):
    """When such a token has expired, the user must connect again, as everywhere."""
    grant = ScriptedProvider(now=scene.clock.now).grant()
    tokens = attrs.evolve(grant, refresh_token=None, expires_at=scene.clock.now())
    report = await import_links(scene.inner, [ImportedLink(KEY, tokens)])
    assert (report.added, report.fenced) == (1, 0)
    with pytest.raises(ReauthorizationRequired, match="no_refresh_token"):
        await scene.replica().access_token("scripted", "alice")
