"""What is saved over the older state of a store that has lost its last writes, and what is left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from extauth import Account, GrantOrigin, LinkKey, LinkNotFound, StoreUnavailable
from tests.support.faulty_store import down

KEY = LinkKey("scripted", "alice")
WHO = ("scripted", "alice")
OWN = GrantOrigin("client", "https://as.example/token")
HOURS = timedelta(hours=2)


class Own:
    """An application's own store, whose ``save`` takes just what it says."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        return await self._store.save(key, version, tokens, origin=origin, written_at=written_at)


class Older:
    """One that knows neither origins nor accounts, nor when a link was written."""

    def __init__(self, store):
        for name in ("get", "claim", "release", "record_failure", "wait_for_change"):
            setattr(self, name, getattr(store, name))
        self._store = store

    async def save(self, key, version, tokens):
        return await self._store.save(key, version, tokens)


async def refreshed(scene, *, origin=None):
    """Let the store have a link that was refreshed twice and has expired; return how to lose both writes."""
    await scene.inner.put(KEY, (await scene.link()).tokens, origin=origin)
    before = scene.inner._rows[KEY]
    for _ in range(2):
        scene.clock.advance(HOURS)
        await scene.replica().link(*WHO)
    scene.clock.advance(HOURS)

    async def restore():
        scene.inner._write(KEY, before)

    return restore


async def known_account(scene, account):
    """Let the link as it is now be that account's."""
    await scene.inner.record_account(KEY, (await scene.stored()).version, account)


def connected(scene, version):
    """Return what connects the user anew, under a version that was given before."""

    async def connect():
        scene.inner._rows.pop(KEY)
        scene.inner._retired_version = version - 1
        scene.clock.advance(timedelta(seconds=1))
        scene.new = await scene.inner.put(KEY, scene.provider.grant())
        assert scene.new.version == version

    return connect


async def test_a_token_under_another_lease_is_not_presented_when_it_is_put_back(scene):
    """The lease of a replica that is at it is lost too: one in nobody's name stands for it."""
    restore = await refreshed(scene)
    link = await scene.stored()
    scene.provider.presented.clear()

    async def other():
        await scene.inner.claim(KEY, link.version, "another", timedelta(seconds=45))

    scene.store.before["claim"] = [other]
    scene.store.before["wait_for_change"] = [restore, *down()]
    with pytest.raises(StoreUnavailable):
        await scene.replica().link(*WHO)

    stored = await scene.stored()
    assert (link.tokens, True) == (stored.tokens, stored.pending.live)
    assert scene.provider.presented == []


async def test_the_new_origin_is_kept_with_tokens_that_are_saved_over(scene):
    """The refresh that said whose the link is found an older state when it saved."""
    restore = await refreshed(scene)
    scene.provider.origin = OWN
    scene.store.before["save"] = [restore]
    link = await scene.replica().refresh(*WHO)
    assert (link.origin, (await scene.stored()).origin) == (OWN, OWN)


@pytest.mark.parametrize("how", ["save", "claim"])
async def test_the_links_origin_is_put_back_by_a_store_of_the_applications(scene, how):
    """The row that came back said no origin, as it was before origins were kept."""
    restore = await refreshed(scene, origin=None)
    scene.provider.origin = OWN
    await scene.replica().refresh(*WHO)
    scene.clock.advance(HOURS)
    scene.store.before[how] = [restore]
    scene.store = Own(scene.store)
    await scene.replica().refresh(*WHO)
    assert (await scene.stored()).origin == OWN


async def test_a_user_who_connects_anew_meanwhile_is_left_alone(scene):
    """The version repeats, not the time: the tokens are not saved over a link written since."""
    restore = await refreshed(scene)
    faults, scene.store = scene.store, Own(scene.store)
    faults.before["save"] = [restore, connected(scene, (await scene.stored()).version - 2)]
    await scene.replica().link(*WHO)
    assert scene.new.tokens == (await scene.stored()).tokens


async def test_a_user_who_connects_another_account_keeps_it(scene):
    """The account of the tokens that are not saved is not noted beside another's."""
    restore = await refreshed(scene)
    await known_account(scene, Account("old"))

    async def connect():
        scene.clock.advance(timedelta(seconds=1))
        new = await scene.inner.put(KEY, scene.provider.grant())
        await scene.inner.record_account(KEY, new.version, Account("new"))

    scene.store.before["save"] = [restore, connect]
    await scene.replica().link(*WHO)
    assert Account("new") == (await scene.stored()).account


async def test_an_account_that_is_there_is_not_noted_again(scene):
    """The older state is the same account's, as nearly always."""
    account = Account("her")
    link = await scene.link()
    await scene.inner.record_account(KEY, link.version, account)
    before = scene.inner._rows[KEY]
    await scene.replica().link(*WHO)
    scene.clock.advance(HOURS)

    async def restore():
        scene.inner._write(KEY, before)

    scene.store.before["save"] = [restore]
    assert (account, 0) == ((await scene.replica().link(*WHO)).account, scene.store.calls["record_account"])


async def test_an_account_that_cannot_be_noted_costs_no_link(scene):
    """The tokens are stored: that is what counts."""
    restore = await refreshed(scene)
    await known_account(scene, Account("her"))
    scene.store.before["save"] = [restore]
    scene.store.before["record_account"] = down()
    link = await scene.replica().link(*WHO)
    assert await scene.stored() == link
    assert scene.provider.is_live(link.tokens)


@pytest.mark.parametrize("how", ["save", "claim"])
@pytest.mark.parametrize("origin", [None, OWN])
async def test_a_store_that_knows_tokens_alone_gets_them(scene, how, origin):
    """An application's own store may know no origins and no accounts."""
    scene.provider.origin = origin
    restore = await refreshed(scene, origin=origin)
    await known_account(scene, Account("her"))
    scene.store.before[how] = [restore]
    scene.store = Older(scene.store)
    link = await scene.replica().link(*WHO)
    assert await scene.stored() == link
    assert scene.provider.is_live(link.tokens)


async def test_a_user_who_unlinks_while_it_is_put_back(scene):
    """There is no link to put back."""
    restore = await refreshed(scene)

    async def unlink():
        await scene.inner.delete(KEY)

    scene.store.before["claim"] = [restore]
    scene.store.before["save"] = [unlink]
    with pytest.raises(LinkNotFound):
        await scene.replica().link(*WHO)


async def test_what_another_replica_has_put_back_is_refreshed(scene):
    """Two find the older state at once: the second goes on with what the first has written."""
    restore = await refreshed(scene)
    known = await scene.stored()

    async def put_back():
        scene.clock.advance(timedelta(seconds=1))
        await scene.inner.save(KEY, known.version - 2, known.tokens)

    scene.store.before["claim"] = [restore]
    scene.store.before["save"] = [put_back]
    link = await scene.replica().link(*WHO)
    assert scene.provider.is_live(link.tokens)
    assert scene.provider.families_revoked == 0
