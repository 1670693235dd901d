"""A spent refresh token ends all of an account's grants at some providers: then other links count, too."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs
import pytest

from extauth import Account, LinkKey, ProviderUnavailable, ReauthorizationRequired, RefreshFailure
from extauth.domain.policy import ProviderTraits
from extauth.testing import Fault
from extauth.testing.scripted.provider import ScriptedProvider
from tests.services.conftest import KEY
from tests.support.faulty_store import down

WORK = LinkKey("scripted/work", "alice")
HOUR = timedelta(hours=1)


@pytest.fixture
def strict(scene):
    """The scene at a provider that ends the whole account on reuse."""
    scene.provider = ScriptedProvider(now=scene.clock.now, reuse="strict_account")
    return scene


async def connect(scene, key, left, account=None, **tokens):
    """Connect alice's account there once more, with an access token that has this much left."""
    now = scene.clock.now()
    granted = attrs.evolve(scene.provider.grant("there"), expires_at=now + left, issued_at=now - HOUR)
    link = await scene.inner.put(key, attrs.evolve(granted, **tokens))
    if account is not None:
        await scene.inner.record_account(key, link.version, Account(account))
    return link


def live(scene):
    """How many of the account's grants are alive."""
    return len(scene.provider.grants.live_refresh_tokens("there"))


async def test_an_answer_is_lost(strict):
    """The refresh token is not presented again, though its own access token is over; the other link lives."""
    await connect(strict, KEY, timedelta(0))
    work = await connect(strict, WORK, HOUR)
    strict.provider.faults.plan(Fault.LOST_REPLY)
    with pytest.raises(ProviderUnavailable):
        await strict.replica().access_token("scripted", "alice")
    assert len(strict.provider.presented) == 1
    assert (live(strict), strict.provider.works_now(work.tokens.access_token)) == (2, True)


async def test_later_the_user_is_asked_to_connect_again(strict):
    """No later try would be any better, and no mark says that the provider had rejected it."""
    await connect(strict, KEY, timedelta(0))
    await connect(strict, WORK, HOUR)
    strict.provider.faults.plan(Fault.LOST_REPLY)
    tokens = strict.replica()
    with pytest.raises(ProviderUnavailable):
        await tokens.access_token("scripted", "alice")
    strict.clock.advance(timedelta(minutes=5))
    with pytest.raises(ReauthorizationRequired) as caught:
        await tokens.access_token("scripted", "alice")
    assert caught.value.reason == "reply_lost"
    assert (len(strict.provider.presented), live(strict)) == (1, 2)
    assert not (await strict.stored()).failure.permanent

    # With the other link gone there is nothing to lose, and trying costs nothing.
    await strict.inner.delete(WORK)
    with pytest.raises(ReauthorizationRequired):
        await tokens.access_token("scripted", "alice")
    assert len(strict.provider.presented) == 2


async def test_nobody_is_asked_to_connect_again_whose_own_token_works(strict):
    """With something of its own to lose the link waits, as it would without the other one."""
    own = await connect(strict, KEY, timedelta(minutes=3))
    await connect(strict, WORK, HOUR)
    strict.provider.faults.plan(Fault.LOST_REPLY)
    tokens = strict.replica()
    with pytest.raises(ProviderUnavailable):
        await tokens.refresh("scripted", "alice")
    strict.clock.advance(timedelta(minutes=2))
    with pytest.raises(ProviderUnavailable, match="an earlier refresh is unresolved"):
        await tokens.refresh("scripted", "alice")
    assert await tokens.access_token("scripted", "alice") == own.tokens.access_token
    assert len(strict.provider.presented) == 1


@pytest.mark.parametrize(
    ("account", "tokens", "marked", "spared"),
    [
        ("home", {}, False, True),
        (None, {}, False, True),
        ("other", {}, False, False),
        ("home", {"refresh_token": None}, False, False),
        ("home", {}, True, False),
    ],
)
async def test_which_links_count(strict, account, tokens, marked, spared):
    """Those of the same account, or perhaps the same, that have something to lose."""
    await connect(strict, KEY, timedelta(0), "home")
    work = await connect(strict, WORK, timedelta(0), account, **tokens)
    if marked:
        failure = RefreshFailure("invalid_grant", strict.clock.now(), work.version)
        await strict.inner.record_failure(WORK, work.version, failure)
    strict.provider.faults.plan(Fault.LOST_REPLY)
    with pytest.raises((ProviderUnavailable, ReauthorizationRequired)):
        await strict.replica().access_token("scripted", "alice")
    assert len(strict.provider.presented) == (1 if spared else 2)


async def test_nobody_can_tell(strict):
    """A store that does not list the links now is reason enough for care."""
    await connect(strict, KEY, timedelta(0))
    strict.provider.faults.plan(Fault.LOST_REPLY)
    strict.store.before["links_of"] = down()
    with pytest.raises(ProviderUnavailable):
        await strict.replica().access_token("scripted", "alice")
    assert len(strict.provider.presented) == 1


async def in_vain(scene, traits):
    """Let the answer to a refresh get lost at a provider with these traits; return how it ended."""
    scene.provider.traits = traits
    await connect(scene, KEY, timedelta(0))
    await connect(scene, WORK, HOUR)
    scene.provider.faults.plan(Fault.LOST_REPLY)
    asked = asyncio.create_task(scene.replica().access_token("scripted", "alice"))
    await asyncio.wait({asked})
    assert len(scene.provider.presented) == 2
    assert scene.store.calls["links_of"] == 0
    return asked.exception()


async def test_a_rejection_that_could_not_be_marked(strict):
    """The next replica knows that the token may be spent, and spares what the user has connected since."""
    await connect(strict, KEY, timedelta(0))
    strict.provider.faults.plan(Fault.LOST_REPLY)
    strict.store.before["record_failure"] = down()
    for presented in (2, 2):  # once more with nothing left to lose, and never since
        with pytest.raises(ReauthorizationRequired) as caught:
            await strict.replica().access_token("scripted", "alice")
        assert (caught.value.reason, len(strict.provider.presented)) == ("reply_lost", presented)
        await connect(strict, WORK, HOUR)


async def test_elsewhere_other_links_are_not_looked_at(scene):
    """Where reuse ends one grant alone, the link decides for itself."""
    assert (await in_vain(scene, ProviderTraits())).reason == "reply_lost"


async def test_without_rotation_there_is_no_reuse(scene):
    """A refresh token that stays the same is shown again, whatever else is said of the provider."""
    assert await in_vain(scene, ProviderTraits(rotates=False, reuse_revokes_account=True)) is None
