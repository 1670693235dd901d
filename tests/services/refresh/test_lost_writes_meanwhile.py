"""A store that loses its last writes while replicas wait for each other, close, and users authorize anew."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from extauth import Account, GrantOrigin, LinkKey, TokenService
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.sqlite import SqliteLinkStore
from extauth.domain.outcomes import GrantRejected, Unknown
from extauth.testing.scripted.provider import ScriptedProvider
from tests.support.faulty_store import FaultyStore, down

KEY = LinkKey("scripted", "alice")
ENDPOINT = "https://provider.example/token"
OLD, NEW = GrantOrigin("old", ENDPOINT), GrantOrigin("new", ENDPOINT)
HOURS = timedelta(hours=2)


class Backup:
    """All links of a store of any kind, as they were when it was made."""

    def __init__(self, store):
        self._store = store
        self._rows = {}

    @classmethod
    async def of(cls, store):
        backup = cls(store)
        if isinstance(store, MemoryLinkStore):
            backup._rows = dict(store._rows)
        else:
            await backup._run("CREATE TABLE backup AS SELECT * FROM external_auth_links")
        return backup

    async def restore(self):
        if isinstance(self._store, MemoryLinkStore):
            for key, row in self._rows.items():
                self._store._write(key, row)
        elif isinstance(self._store, SqliteLinkStore):
            await self._run("REPLACE INTO external_auth_links SELECT * FROM backup")
        else:  # in one transaction: nobody sees it without a link
            await self._run(
                "DELETE FROM external_auth_links; INSERT INTO external_auth_links SELECT * FROM backup"
            )

    async def _run(self, sql):
        sqlite = isinstance(self._store, SqliteLinkStore)
        await (self._store._connection if sqlite else self._store._pool).execute(sql)


@pytest.mark.parametrize("lost", [1, 2])
async def test_a_wait_that_meets_an_older_state_presents_nothing_of_it(any_store, lost):
    """Who waits for another replica's exchange when the store falls back puts back what it knew, and lets
    that exchange end, whose tokens are stored at last."""
    provider = ScriptedProvider(lifetime=timedelta(0))
    store = FaultyStore(any_store)
    async with TokenService(store, [provider]) as one, TokenService(store, [provider]) as two:
        await store.put(KEY, provider.grant())
        backup = await Backup.of(any_store)
        await asyncio.sleep(0.002)  # SQLite's clock counts milliseconds
        for _ in range(lost):
            await one.refresh("scripted", "alice")
        provider.reply_gate = asyncio.Event()
        provider.exchanging.clear()
        first = asyncio.ensure_future(one.link("scripted", "alice"))
        await provider.exchanging.wait()
        second = asyncio.ensure_future(two.link("scripted", "alice"))
        await store.entered["wait_for_change"].wait()
        store.entered["wait_for_change"].clear()

        await backup.restore()
        await store.entered["wait_for_change"].wait()  # again, for what was put back
        provider.reply_gate.set()
        await asyncio.gather(first, second)

        assert len(set(provider.presented)) == len(provider.presented)
        assert provider.families_revoked == 0
        assert provider.is_live((await store.get(KEY)).tokens)


async def _known(scene, lost):
    """Let the store have a link with an expired token, and return it with how to lose its last writes."""
    await scene.link()
    backup = await Backup.of(scene.inner)
    for _ in range(lost):
        scene.clock.advance(HOURS)
        await scene.replica().link("scripted", "alice")
    scene.clock.advance(HOURS)
    return backup


async def test_a_lost_reply_counts_though_another_has_put_the_link_back(scene):
    """Under a version that is lower and newer there are the very tokens that were presented: they get the
    mark, and are not presented again as somebody else's."""
    backup = await _known(scene, 2)
    known = await scene.stored()

    async def restored_and_put_back():
        await backup.restore()
        scene.clock.advance(timedelta(seconds=1))
        await scene.inner.save(KEY, 1, known.tokens)

    scene.store.before["record_failure"] = [restored_and_put_back]
    scene.provider.traits = attrs.evolve(scene.provider.traits, replay_window=None)
    scene.provider.script = [Unknown("http_500", retry_after=timedelta(seconds=1)) for _ in range(2)]

    with pytest.raises(Exception, match="http_500"):
        await scene.replica().link("scripted", "alice")

    stored = await scene.stored()
    assert scene.provider.presented.count(known.tokens.refresh_token) == 1
    assert (stored.tokens, stored.failure.reason, stored.pending.live) == (known.tokens, "http_500", False)


async def test_what_is_put_back_is_whose_it_was(scene):
    """The older row was another client's and account's grant: the newer tokens do not become theirs."""
    scene.provider.origin = NEW
    old = await scene.inner.put(KEY, scene.provider.grant(), origin=OLD)
    await scene.inner.record_account(KEY, old.version, Account("old"))
    backup = await Backup.of(scene.inner)
    for _ in range(2):
        scene.clock.advance(HOURS)
        new = await scene.inner.put(KEY, scene.provider.grant(), origin=NEW)
    await scene.inner.record_account(KEY, new.version, Account("new"))
    scene.clock.advance(HOURS)

    for method in ("claim", "save"):
        scene.store.before[method] = [backup.restore]
        link = await scene.replica().refresh("scripted", "alice")
        assert (method, link.origin, link.account) == (method, NEW, Account("new"))
        assert await scene.stored() == link
    assert scene.provider.families_revoked == 0


@pytest.mark.parametrize("method", ["claim", "save", "record_failure"])
async def test_an_account_that_nobody_knew_is_not_the_older_rows(scene, method):
    """The older row was another account's, of a client that said who it was: the newer tokens become neither
    that account's nor that client's."""
    old = await scene.inner.put(KEY, scene.provider.grant(), origin=OLD)
    await scene.inner.record_account(KEY, old.version, Account("old"))
    backup = await Backup.of(scene.inner)
    scene.clock.advance(HOURS)
    await scene.inner.put(KEY, scene.provider.grant())
    scene.clock.advance(HOURS)

    if method == "record_failure":
        scene.provider.script = [GrantRejected("invalid_grant")]
    scene.store.before[method] = [backup.restore]
    await asyncio.gather(scene.replica().refresh("scripted", "alice"), return_exceptions=True)
    stored = await scene.stored()
    assert (stored.origin, stored.account) == (None, None)
    assert scene.provider.families_revoked == 0


async def test_the_right_account_is_there_or_none(scene):
    """A replica that ends between the save and the account leaves no older row's account."""
    old = await scene.inner.put(KEY, scene.provider.grant())
    await scene.inner.record_account(KEY, old.version, Account("old"))
    backup = await Backup.of(scene.inner)
    scene.clock.advance(HOURS)
    new = await scene.inner.put(KEY, scene.provider.grant())
    await scene.inner.record_account(KEY, new.version, Account("new"))
    scene.clock.advance(HOURS)

    scene.store.before["save"] = [backup.restore]
    scene.store.before["record_account"] = down()
    link = await scene.replica().refresh("scripted", "alice")
    assert (link.account, (await scene.stored()).account) == (None, None)


async def test_an_account_that_was_found_out_meanwhile_is_kept(scene):
    """Another replica has put back the very tokens, and found out whose they are."""
    backup = await _known(scene, 2)
    known = await scene.stored()

    async def put_back():
        await backup.restore()
        scene.clock.advance(timedelta(seconds=1))
        saved = await scene.inner.save(KEY, 1, known.tokens)
        await scene.inner.record_account(KEY, saved.link.version, Account("hers"))

    scene.store.before["save"] = [put_back]
    link = await scene.replica().refresh("scripted", "alice")
    assert (link.account, (await scene.stored()).account) == (Account("hers"), Account("hers"))
    assert scene.provider.is_live(link.tokens)


@pytest.mark.parametrize("how", ["saved", "saved late", "rejected"])
async def test_a_new_authorization_is_not_taken_for_the_version_that_was_lost(any_store, how):
    """The version repeats: an exchange of the lost one neither writes its tokens over the user's new ones,
    nor a mark beside them."""
    provider = ScriptedProvider(lifetime=timedelta(0))
    store = FaultyStore(any_store)
    async with TokenService(store, [provider]) as service:
        await store.put(KEY, provider.grant())
        backup = await Backup.of(any_store)
        await asyncio.sleep(0.002)  # SQLite's clock counts milliseconds
        lost = await service.refresh("scripted", "alice")
        provider.reply_gate = asyncio.Event()
        provider.exchanging.clear()
        if how == "rejected":
            provider.script = [GrantRejected("invalid_grant")]
        if how == "saved late":
            store.before["save"] = down()
        call = asyncio.ensure_future(service.link("scripted", "alice"))
        await provider.exchanging.wait()

        await backup.restore()
        await asyncio.sleep(0.002)
        new = await store.put(
            KEY, attrs.evolve(provider.grant(), expires_at=datetime(2100, 1, 1, tzinfo=UTC))
        )
        assert (lost.version, lost.version) == (new.version, (await store.get(KEY)).version)
        provider.reply_gate.set()
        await asyncio.gather(call, return_exceptions=True)
    stored = await any_store.get(KEY)
    assert (stored.tokens, stored.failure) == (new.tokens, None)


@pytest.fixture(params=[-12, 0, 12])
def apart(request, scene):
    """A scene whose store's clock is hours behind or ahead of the replicas'."""
    hours = timedelta(hours=request.param)
    scene.inner._now = lambda: scene.clock.now() + hours
    return scene


async def _unsaved(scene):
    """Let a replica have tokens that the store does not take, and a call that waits until it does.

    Returns the call, the store's state before the last write and how to let it take them."""
    await scene.link()
    before = scene.inner._rows[KEY]
    replica = scene.replica()
    scene.clock.advance(HOURS)
    await replica.link("scripted", "alice")
    scene.clock.advance(HOURS)
    up = asyncio.Event()

    async def until_up():
        await up.wait()

    scene.store.before["save"] = [*down(), until_up]
    await replica.link("scripted", "alice")
    return asyncio.ensure_future(replica.refresh("scripted", "alice")), before, up.set


async def test_unsaved_tokens_are_not_put_over_a_new_authorization(apart):
    """Whatever the replica's clock says: the user authorized anew after the store had lost its last write."""
    call, before, take = await _unsaved(apart)
    apart.inner._write(KEY, before)
    apart.clock.advance(timedelta(minutes=1))
    new = await apart.inner.put(KEY, apart.provider.grant())
    take()
    await asyncio.gather(call, return_exceptions=True)

    assert (await apart.stored()).tokens.refresh_token == new.tokens.refresh_token


async def test_tokens_that_were_unsaved_are_put_back_where_the_store_lost_them(apart):
    """Whatever the replica's clock says, the state that it falls back to is older."""
    call, before, take = await _unsaved(apart)

    async def restore():
        apart.inner._write(KEY, before)

    apart.store.before["claim"] = [restore]
    take()
    await asyncio.gather(call, return_exceptions=True)

    assert apart.provider.families_revoked == 0
    assert apart.provider.is_live((await apart.stored()).tokens)
