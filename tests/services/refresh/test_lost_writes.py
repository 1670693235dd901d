"""A store that has lost its last writes has nothing newer: what this replica knows is put back."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from extauth import Link, LinkKey, ProviderUnavailable, ReauthorizationRequired, TokenService, open_store
from extauth.adapters.memory.rows import Row
from extauth.domain.events import LinkAdopted, LinkRefreshed
from extauth.domain.lost_writes import fell_back
from extauth.domain.outcomes import Deferred, GrantRejected
from extauth.testing.scripted.provider import ScriptedProvider
from tests.support.faulty_store import down

KEY = LinkKey("scripted", "alice")
MINUTE = timedelta(minutes=1)


async def _refreshed(scene) -> tuple[Link, Row]:
    """The link after two refreshes whose token has expired, and its row as it was before them."""
    await scene.link()
    before = scene.inner._rows[KEY]
    tokens = scene.replica()
    for _ in range(2):
        scene.clock.advance(timedelta(hours=2))
        await tokens.link("scripted", "alice")
    scene.clock.advance(timedelta(hours=2))
    return await scene.stored(), before


def _restore(scene, row):
    async def restore() -> None:
        scene.inner._write(KEY, row)

    return restore


async def test_a_save_that_meets_an_older_state_saves_over_it(scene):
    """The newest tokens are stored and handed out, and nobody is told of an adopted link."""
    _, before = await _refreshed(scene)
    scene.store.before["save"] = [_restore(scene, before)]
    scene.events.clear()

    link = await scene.replica().link("scripted", "alice")

    assert scene.provider.is_live(link.tokens)
    assert (await scene.stored()).tokens == link.tokens
    assert [event for event in scene.events if isinstance(event, LinkAdopted)] == []
    assert [event.version for event in scene.events if isinstance(event, LinkRefreshed)] == [link.version]
    assert scene.provider.families_revoked == 0


async def test_a_save_that_failed_first_meets_it_just_the_same(scene):
    """Tokens that are kept in memory meanwhile are saved over an older state, too."""
    _, before = await _refreshed(scene)
    scene.store.before["save"] = [*down(2), _restore(scene, before)]
    replica = scene.replica()

    link = await replica.link("scripted", "alice")
    await replica.aclose()

    assert scene.provider.is_live(link.tokens)
    assert (await scene.stored()).tokens == link.tokens


async def test_what_the_user_authorized_since_then_wins(scene):
    """A lower version that was written later is no older state: it may be another account."""
    _, before = await _refreshed(scene)
    newest = scene.provider.grant()

    async def restore_and_authorize() -> None:
        scene.inner._write(KEY, before)
        scene.clock.advance(MINUTE)
        await scene.inner.put(KEY, newest)

    scene.store.before["save"] = [restore_and_authorize]

    await scene.replica().link("scripted", "alice")

    assert (await scene.stored()).tokens.refresh_token == newest.refresh_token


async def test_what_the_user_authorizes_while_a_link_is_put_back_is_handed_out(scene):
    """The exchange that failed was of the grant before: nobody hears of it."""
    _, before = await _refreshed(scene)
    newest = scene.provider.grant()

    async def authorize() -> None:
        scene.clock.advance(MINUTE)
        await scene.inner.put(KEY, newest)

    scene.store.before["record_failure"] = [_restore(scene, before)]
    scene.store.before["save"] = [authorize]
    scene.provider.script = [GrantRejected("invalid_grant")]
    assert (await scene.replica().link("scripted", "alice")).tokens.access_token == newest.access_token
    assert (await scene.stored()).failure is None


async def test_a_claim_that_meets_an_older_state_presents_nothing_of_it(scene):
    """Its refresh token was used up long ago: the link that was read before is put back and refreshed."""
    known, before = await _refreshed(scene)
    scene.store.before["claim"] = [_restore(scene, before)]

    link = await scene.replica().link("scripted", "alice")

    assert scene.provider.is_live(link.tokens)
    assert scene.provider.families_revoked == 0
    assert link.tokens.refresh_token != known.tokens.refresh_token
    assert (await scene.stored()).tokens == link.tokens


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Deferred("server_error"), ProviderUnavailable),
        (GrantRejected("invalid_grant"), ReauthorizationRequired),
    ],
)
async def test_a_mark_that_meets_an_older_state_is_put_on_what_is_put_back(scene, outcome, error):
    """No older refresh token is presented because an exchange failed while the store lost writes."""
    known, before = await _refreshed(scene)
    scene.store.before["record_failure"] = [_restore(scene, before)]
    presented = []

    async def refresh(tokens, *, resource=None):
        presented.append(tokens.refresh_token)
        return outcome

    scene.provider.refresh = refresh

    with pytest.raises(error):
        await scene.replica().link("scripted", "alice")

    stored = await scene.stored()
    assert presented == [known.tokens.refresh_token]
    assert stored.tokens == known.tokens
    assert (stored.failure.version, stored.pending) == (stored.version, None)


async def test_an_older_state_of_a_real_file(tmp_path):
    """A backup that is restored into the file under an exchange costs no link."""
    live, backup = tmp_path / "links.db", tmp_path / "backup.db"

    def copy(source, target) -> None:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
        old.close()
        new.close()

    provider = ScriptedProvider(lifetime=timedelta(0))
    async with open_store(live) as store:
        await store.put(KEY, provider.grant())
        copy(live, backup)
        await asyncio.sleep(0.002)  # SQLite's clock counts milliseconds
        async with TokenService(store, [provider]) as tokens:
            await tokens.link("scripted", "alice")
            provider.reply_gate = asyncio.Event()
            asked = asyncio.ensure_future(tokens.link("scripted", "alice"))
            while provider.exchanges < 2:
                await asyncio.sleep(0)
            copy(backup, live)
            provider.reply_gate.set()
            link = await asked

        assert provider.is_live(link.tokens)
        assert (await store.get(KEY)).tokens.refresh_token == link.tokens.refresh_token


def test_only_an_older_state_is_a_loss(scene):
    """A higher version is not, nor is a lower one that was written later."""
    link = Link(KEY, ScriptedProvider().grant(), 5, scene.clock.now(), scene.clock.now())

    def written(version: int, later: timedelta) -> Link:
        return Link(KEY, link.tokens, version, link.created_at, link.updated_at + later)

    assert fell_back(written(4, -MINUTE), link)
    assert fell_back(written(4, timedelta(0)), link)
    assert not fell_back(written(4, MINUTE), link)
    assert not fell_back(written(5, -MINUTE), link)
    assert not fell_back(written(6, timedelta(0)), link)
