"""Bringing everything under another key, on each store, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import timedelta
from typing import Any

import attrs
import pytest

from extauth import (
    CannotDecrypt,
    ConfigurationError,
    LinkKey,
    StoreUnavailable,
    TokenService,
    TokenSet,
    open_store,
)
from extauth.adapters.audit import AuditedStore, AuditTrail
from extauth.adapters.encryption import DataKey, EncryptedStore, EncryptionKey
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.audit import AuditKind
from extauth.domain.linking_outcomes import Taken
from extauth.domain.outcomes import Claimed, Saved
from extauth.keys import KeyUse, RotationProgress, RowLeft, keys_status, rotate
from extauth.testing import ScriptedProvider
from tests.adapters.encryption.support import (
    ALICE,
    BOB,
    LOST,
    NEW,
    OLD,
    TTL,
    begin_expired,
    pending,
    registration,
    tokens,
)


class Watched:
    """A store beneath, whose reseals are counted, and at which something may happen first."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.resealed = Counter[LinkKey]()
        self.meanwhile: Any = None
        """Awaited before each reseal, with its key."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def reseal(self, key, version, tokens, *, written_at=None):
        if self.meanwhile is not None:
            await self.meanwhile(key)
        self.resealed[key] += 1
        return await self._store.reseal(key, version, tokens, written_at=written_at)


def users(number: int) -> list[LinkKey]:
    """Return as many keys."""
    return [LinkKey("github", f"user-{each:03}") for each in range(number)]


async def filled(inner: Any, number: int = 120, *keys: EncryptionKey) -> list[LinkKey]:
    """Put that many links under the old key, or under those."""
    store = EncryptedStore(inner, keys or OLD)
    for key in users(number):
        await store.put(key, TokenSet(f"at-{key.user_id}", f"rt-{key.user_id}"))
    return users(number)


async def test_everything_is_brought_under_the_primary_key(any_store):
    """Links with all their secrets, plain ones, and registered clients; nothing else of them changes."""
    old, both = EncryptedStore(any_store, OLD), EncryptedStore(any_store, [NEW, OLD])
    await old.put(ALICE, tokens())
    await old.claim(ALICE, 1, "owner", TTL)
    await any_store.put(BOB, tokens("2"))
    await old.keep_registration("client", registration())
    await any_store.keep_registration("plain", registration("2"))
    await both.put(LinkKey("github", "carol"), tokens("3"))
    before = [await both.get(key) for key in (ALICE, BOB)]
    report = await rotate(both)
    assert (report.key_id, report.total, report.done, report.failed) == ("new", 4, 4, ())
    assert report.status.use_of("old") == KeyUse() == report.status.remaining == report.status.plain
    assert report.status.use_of("new") == KeyUse(links=3, registrations=2)
    new = EncryptedStore(any_store, NEW, plain_rows="refuse")
    assert [await new.get(key) for key in (ALICE, BOB)] == before
    assert [await new.registration(name) for name in ("client", "plain")] == [
        registration(),
        registration("2"),
    ]
    stored = (await any_store.get(BOB)).tokens
    assert (stored.access_token_key_id, stored.refresh_token_key_id) == ("new", "new")


async def test_a_refresh_token_that_was_not_renewed_opens_under_the_new_key(any_store):
    """Carried forward by a refresh between two rotations, it is under the new key by text and by name."""
    provider = ScriptedProvider("github", reuse="non_rotating")
    granted = attrs.evolve(provider.grant(), expires_at=None, extra={"id_token": "id-canary"})
    old, both = EncryptedStore(any_store, OLD), EncryptedStore(any_store, [NEW, OLD])
    await old.put(ALICE, granted)
    for store in (old, both):
        async with TokenService(store, [provider]) as service:
            link = await service.refresh(
                "github", "alice", rejected=(await store.get(ALICE)).tokens.access_token
            )
        assert link.tokens.refresh_token == granted.refresh_token
    await rotate(both)
    newest = EncryptionKey.generate("newest")
    await rotate(EncryptedStore(any_store, [newest, NEW]))
    async with TokenService(EncryptedStore(any_store, newest), [provider]) as service:
        link = await service.refresh("github", "alice", rejected=link.tokens.access_token)
    assert (link.version, link.tokens.refresh_token) == (4, granted.refresh_token)
    assert link.tokens.extra == {"id_token": "id-canary"}
    assert provider.rejected == {}


async def test_authorizations_under_way_are_left_and_count(any_store):
    """A callback is not disturbed; until it has come, or the rest is purged, the old key is in use."""
    old, both = EncryptedStore(any_store, OLD), EncryptedStore(any_store, [NEW, OLD])
    await old.begin_authorization(pending(), TTL)
    await begin_expired(old, pending("2"))
    report = await rotate(both)
    assert (report.total, report.done, report.failed) == (0, 0, ())
    use = report.status.use_of("old")
    assert (use.rows, use.authorizations) == (1, 1)
    assert report.status.remaining == use
    assert timedelta(0) < use.latest_expiry - await any_store.time() <= TTL
    assert await both.take_authorization("hash-1") == Taken(pending())
    assert (await keys_status(both)).use_of("old") == KeyUse()


async def test_what_does_not_open_is_listed_and_left(any_store):
    """With its key and the reason, a registered client by its name; the rest goes on."""
    keys = await filled(any_store, 7)
    lost = EncryptedStore(any_store, LOST)
    await lost.put(keys[2], TokenSet("at"))
    await lost.keep_registration("client", registration())
    elsewhere = (await any_store.get(keys[0])).tokens
    await any_store.put(keys[4], elsewhere)
    store = EncryptedStore(any_store, [NEW, OLD])
    report = await rotate(store)
    assert set(report.failed) == {
        RowLeft(None, "client", "missing_key", "lost"),
        RowLeft(keys[2], None, "missing_key", "lost"),
        RowLeft(keys[4], None, "not_authentic", "old"),
    }
    assert (report.total, report.done) == (8, 5)
    assert report.status.remaining == KeyUse(links=2, registrations=1)
    assert (await any_store.get(keys[4])).tokens == elsewhere
    again = await rotate(EncryptedStore(any_store, [NEW, LOST, OLD]))
    assert [row.key for row in again.failed] == [keys[4]]
    with pytest.raises(CannotDecrypt):
        await store.get(keys[4])


async def test_plain_rows_that_are_refused_are_listed(any_store):
    """What could have been planted is not encrypted as if it were ours."""
    await any_store.put(ALICE, TokenSet("planted"))
    report = await rotate(EncryptedStore(any_store, NEW, plain_rows="refuse"))
    assert report.failed == (RowLeft(ALICE, None, "plain_text"),)
    assert (await any_store.get(ALICE)).tokens == TokenSet("planted")
    assert report.status.plain == report.status.remaining == KeyUse(links=1)


async def test_progress_is_told(any_store):
    """At the beginning, on the way and at the end; the parts make up the whole, and nothing goes back."""
    keys = await filled(any_store)
    await EncryptedStore(any_store, LOST).put(keys[5], TokenSet("at"))
    await EncryptedStore(any_store, OLD).keep_registration("client", registration())
    told: list[RotationProgress] = []
    await rotate(EncryptedStore(any_store, [NEW, OLD]), progress=told.append)
    assert told[0] == RotationProgress(done=0, total=121, failed=0, remaining=121)
    assert told[-1] == RotationProgress(done=120, total=121, failed=1, remaining=0)
    assert len(told) >= 4
    assert all(each.done + each.failed + each.remaining == each.total == 121 for each in told)
    assert [each.remaining for each in told] == sorted((each.remaining for each in told), reverse=True)


class Stopped(Exception):
    pass


async def test_it_goes_on_where_it_was_stopped(any_store):
    """Ended by its observer, cancelled or failed by the store: it begins again, and writes no link twice."""
    keys = await filled(any_store)
    beneath = Watched(any_store)
    store: Any = EncryptedStore(beneath, [NEW, OLD])

    def stop(progress: RotationProgress) -> None:
        if progress.done >= 50:
            raise Stopped

    async def interrupt(_: LinkKey) -> None:
        if beneath.resealed.total() == 70:
            rotation.cancel()
            await asyncio.Event().wait()

    async def fail(_: LinkKey) -> None:
        if beneath.resealed.total() == 90:
            msg = "down"
            raise StoreUnavailable(msg)

    with pytest.raises(Stopped):
        await rotate(store, progress=stop)
    for ending, beneath.meanwhile in ((asyncio.CancelledError, interrupt), (StoreUnavailable, fail)):
        rotation = asyncio.create_task(rotate(store, at_once=1))
        with pytest.raises(ending):
            await rotation
    beneath.meanwhile = None
    report = await rotate(store)
    assert (report.total, report.done, report.status.remaining) == (30, 30, KeyUse())
    assert beneath.resealed == Counter(keys)


async def test_nothing_goes_on_after_it_was_cancelled(any_store):
    """Its writers end with it."""
    await filled(any_store)
    beneath = Watched(any_store)
    reached, gate = asyncio.Event(), asyncio.Event()

    async def hold(_: LinkKey) -> None:
        reached.set()
        await gate.wait()

    beneath.meanwhile = hold
    rotation = asyncio.create_task(rotate(EncryptedStore(beneath, [NEW, OLD])))
    await reached.wait()
    rotation.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rotation
    gate.set()
    await asyncio.sleep(0)
    assert beneath.resealed.total() == 0


async def test_nothing_goes_on_after_one_writer_failed():
    """The error is raised when the others have ended, and not before."""
    await filled(inner := MemoryLinkStore(), 10)
    beneath = Watched(inner)
    begun, ended = [], []

    async def fail_the_third(key: LinkKey) -> None:
        begun.append(key)
        if len(begun) == 3:
            msg = "down"
            raise StoreUnavailable(msg)
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(10):
                await asyncio.sleep(0)
            ended.append(key)

    beneath.meanwhile = fail_the_third
    with pytest.raises(StoreUnavailable):
        await rotate(EncryptedStore(beneath, [NEW, OLD]), at_once=3)
    assert ended == begun[:2]


async def test_two_at_once_share_the_work(any_store):
    """Begun at the same moment they end with everything done, and hardly a link written twice."""
    keys = await filled(any_store, 400)
    beneath: Any = Watched(any_store)

    async def give_way(_: LinkKey) -> None:
        await asyncio.sleep(0)

    beneath.meanwhile = give_way
    replicas = [EncryptedStore(beneath, [NEW, OLD]) for _ in range(2)]
    told: list[list[int]] = [[], []]
    reports = await asyncio.gather(
        *(
            rotate(
                store,
                rng=random.Random(number),
                progress=lambda so_far, n=number: told[n].append(so_far.done),
            )
            for number, store in enumerate(replicas)
        )
    )
    assert told == [sorted(each) for each in told]
    for report in reports:
        assert (report.status.remaining, report.failed) == (KeyUse(), ())
    assert sorted(beneath.resealed) == keys
    assert beneath.resealed.total() <= 1.25 * len(keys)


async def test_a_refresh_that_saves_meanwhile_is_kept(any_store):
    """What it saved is read again and encrypted; a refresh in flight saves over what was encrypted anew."""
    [key] = await filled(any_store, 1)
    old = EncryptedStore(any_store, OLD)
    beneath = Watched(any_store)

    async def save(_: LinkKey) -> None:
        beneath.meanwhile = None
        assert isinstance(await old.claim(key, 1, "owner", TTL), Claimed)
        assert isinstance(await old.save(key, 1, TokenSet("at-2", "rt-2")), Saved)
        assert isinstance(await old.claim(key, 2, "owner", TTL), Claimed)

    beneath.meanwhile = save
    report = await rotate(EncryptedStore(beneath, [NEW, OLD]))
    assert (report.done, report.failed) == (1, ())
    link = await EncryptedStore(any_store, NEW).get(key)
    assert (link.version, link.tokens, link.pending.live) == (2, TokenSet("at-2", "rt-2"), True)
    assert isinstance(await old.save(key, 2, TokenSet("at-3", "rt-3")), Saved)


async def test_a_version_that_is_given_again_is_read_again(any_store):
    """A failover between read and write loses what was read, and the user connects anew: that grant stays."""
    both = EncryptedStore(beneath := Watched(any_store), [NEW, OLD])
    await EncryptedStore(any_store, OLD).put(ALICE, tokens())
    new = tokens("2")

    async def connect(_) -> None:
        beneath.meanwhile = None
        await asyncio.sleep(0.002)  # SQLite's clock counts milliseconds
        await _forget(any_store, ALICE)
        await EncryptedStore(any_store, OLD).put(ALICE, new)

    beneath.meanwhile = connect
    report = await rotate(both)
    link = await EncryptedStore(any_store, NEW, plain_rows="refuse").get(ALICE)
    assert (link.version, link.tokens) == (1, attrs.evolve(new, access_token_key_id=None))
    assert (report.done, report.failed, beneath.resealed[ALICE]) == (1, (), 2)


async def test_a_store_that_does_not_know_when_it_wrote_is_rotated(any_store):
    """An application's own may have been written for an earlier version."""

    class Older(Watched):
        async def reseal(self, key, version, tokens):
            return await self._store.reseal(key, version, tokens)

    await EncryptedStore(any_store, OLD).put(ALICE, tokens())
    assert (await rotate(EncryptedStore(Older(any_store), [NEW, OLD]))).done == 1


async def _forget(store: Any, key: LinkKey) -> None:
    """Let the store lose its last writes: there is no link, and versions begin anew."""
    if isinstance(store, MemoryLinkStore):
        store._rows.pop(key)
        return
    beneath = getattr(store, "_connection", None) or store._pool
    await beneath.execute("DELETE FROM external_auth_links")
    await beneath.execute("UPDATE external_auth_meta SET retired_version = 0")


async def test_a_link_that_changes_all_the_time_is_listed(any_store):
    """After some tries the rotation goes on; the next one will find it."""
    key, other = await filled(any_store, 2)
    old = EncryptedStore(any_store, OLD)
    beneath = Watched(any_store)

    async def put(resealing: LinkKey) -> None:
        if resealing == key:
            await old.put(key, TokenSet("at", "rt"))

    beneath.meanwhile = put
    report = await rotate(EncryptedStore(beneath, [NEW, OLD]))
    assert report.failed == (RowLeft(key, None, "busy"),)
    assert (await EncryptedStore(any_store, NEW).get(other)).version == 1
    assert report.status.remaining == KeyUse(links=1)


async def test_links_that_go_meanwhile_are_no_failure(any_store):
    """An unlink is an unlink."""
    keys = await filled(any_store, 30)
    beneath = Watched(any_store)

    async def unlink(key: LinkKey) -> None:
        await any_store.delete(key)

    beneath.meanwhile = unlink
    report = await rotate(EncryptedStore(beneath, [NEW, OLD]))
    assert (report.total, report.done, report.failed) == (30, 30, ())
    assert [key for key in keys if await any_store.get(key)] == []


async def test_a_client_that_is_registered_meanwhile_remains(any_store):
    """By a replica that has not got the new key yet: it is told, and the next rotation does it."""
    await filled(any_store, 3)
    beneath = Watched(any_store)

    async def register(_: LinkKey) -> None:
        await EncryptedStore(any_store, OLD).keep_registration("client", registration())

    beneath.meanwhile = register
    told: list[RotationProgress] = []
    report = await rotate(EncryptedStore(beneath, [NEW, OLD]), progress=told.append)
    assert told[-1] == RotationProgress(done=3, total=4, failed=0, remaining=1)
    assert report.status.remaining == KeyUse(registrations=1)
    assert (await rotate(EncryptedStore(any_store, [NEW, OLD]))).done == 1


async def test_links_that_are_connected_meanwhile_are_done_as_well(any_store):
    """By a replica that has not got the new key yet: the whole grows by them."""
    [key, *_] = await filled(any_store, 3)
    await EncryptedStore(any_store, LOST).put(key, TokenSet("at"))
    beneath = Watched(any_store)

    async def connect(_: LinkKey) -> None:
        beneath.meanwhile = None
        for user_id in ("yan", "zoe"):
            await EncryptedStore(any_store, OLD).put(LinkKey("github", user_id), TokenSet("at"))

    beneath.meanwhile = connect
    told: list[RotationProgress] = []
    report = await rotate(EncryptedStore(beneath, [NEW, OLD]), progress=told.append)
    assert (report.total, report.done, len(report.failed)) == (5, 4, 1)
    assert min(each.remaining for each in told) == 0


async def test_a_client_that_is_replaced_meanwhile_is_kept(any_store):
    """Its secrets are written over only where they are those that were read."""
    old = EncryptedStore(any_store, OLD)
    await old.keep_registration("client", registration())

    class Replaced:
        def __getattr__(self, name: str) -> Any:
            return getattr(any_store, name)

        async def registration(self, name: str) -> Any:
            stored = await any_store.registration(name)
            await old.keep_registration(name, registration("2"), instead_of="client-1")
            return stored

    report = await rotate(EncryptedStore(Replaced(), [NEW, OLD]))
    assert (report.done, report.failed) == (1, ())
    assert await EncryptedStore(any_store, NEW).registration("client") == registration("2")


class Service:
    """A key service that wraps by turning bits over."""

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        self.asked = 0

    async def new_data_key(self) -> DataKey:
        self.asked += 1
        plain = bytes(range(self.asked, self.asked + 32))
        return DataKey(plain, bytes(255 - each for each in plain))

    async def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        return bytes(255 - each for each in wrapped)


async def test_data_keys_count_as_their_services_key(any_store):
    """From a key of the application's to a service, and from one key of the service to another."""
    await filled(any_store, 3)
    kms = Service("kms/1")
    report = await rotate(EncryptedStore(any_store, [kms, OLD]))
    assert [(key.key_id, key.primary, key.given, key.use.links) for key in report.status.keys] == [
        ("kms/1", True, True, 3),
        ("old", False, True, 0),
    ]
    await EncryptedStore(any_store, Service("kms/1")).put(ALICE, TokenSet("at"))
    kms.key_id = "kms/2"
    report = await rotate(EncryptedStore(any_store, kms))
    assert (report.done, report.failed) == (4, ())
    assert [(key.key_id, key.use.links) for key in report.status.keys] == [("kms/2", 4)]


async def test_a_row_that_cannot_be_read_is_listed(tmp_path):
    """One that another program has damaged, and a text of a newer version; the rest goes on."""
    path = tmp_path / "links.db"
    async with open_store(path, keys="plain") as inner:
        keys = await filled(inner, 4)
        await inner.put(keys[1], TokenSet("$extauth7$of a newer version"))
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            spoil = "UPDATE external_auth_links SET oauth_extra = '{' WHERE user_id = ?"
            connection.execute(spoil, [keys[2].user_id])
        report = await rotate(EncryptedStore(inner, [NEW, OLD]))
    assert set(report.failed) == {
        RowLeft(keys[1], None, "unknown_format"),
        RowLeft(keys[2], None, "unreadable"),
    }
    assert (report.done, report.status.unknown) == (2, KeyUse(links=2))
    assert report.status.use_of("old") == KeyUse(links=1)


async def test_it_is_entered_in_the_trail_if_there_is_something_to_do():
    """Once, with the id of the key, when it begins."""
    inner = MemoryLinkStore()
    store = AuditedStore(EncryptedStore(inner, [NEW, OLD]), AuditTrail.in_store())
    await filled(inner, 2)
    for done in (2, 0):
        assert (await rotate(store)).done == done
        found = [(entry.kind, entry.reason) for _, entry in await inner.audit.find()]
        assert found == [(AuditKind.KEYS_ROTATED, NEW.key_id)]
    await store.aclose()


@pytest.mark.parametrize(("options", "most"), [({}, 4), ({"at_once": 2}, 2)])
async def test_so_many_are_written_at_the_same_time(options, most):
    """So many saves of refreshes wait for them at most: four unless it is said."""
    inner = MemoryLinkStore()
    await filled(inner, 20)
    beneath = Watched(inner)
    under_way: list[int] = []
    now = 0

    async def meanwhile(_key: LinkKey) -> None:
        nonlocal now
        now += 1
        under_way.append(now)
        for _ in range(10):
            await asyncio.sleep(0)
        now -= 1

    beneath.meanwhile = meanwhile
    assert (await rotate(EncryptedStore(beneath, [NEW, OLD]), **options)).done == 20
    assert max(under_way) == most


async def test_what_cannot_be_rotated_says_so():
    """Stores that do not encrypt, or cannot say what is encrypted; and arguments that make no sense."""
    with pytest.raises(ConfigurationError, match="open it with keys"):
        await rotate(MemoryLinkStore())

    class Foreign:
        keep_registration = purge_authorizations = MemoryLinkStore.purge_authorizations

    with pytest.raises(ConfigurationError, match="Foreign cannot say which rows"):
        await rotate(Foreign())
    with pytest.raises(ConfigurationError, match="attribute sealed"):
        await keys_status(EncryptedStore(Foreign(), NEW))
    with pytest.raises(ValueError, match="at_once"):
        await rotate(EncryptedStore(MemoryLinkStore(), NEW), at_once=0)
