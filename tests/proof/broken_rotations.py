"""Rotations and counts of sealed rows, broken on purpose, each bug with the test that was made for it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from extauth.adapters.encryption import EncryptedStore, sealing
from extauth.adapters.encryption import store as encryption
from extauth.adapters.memory import sealed_rows
from extauth.adapters.memory.linking import MemoryRegistrations
from extauth.adapters.memory.sealed_rows import MemorySealedRows
from extauth.adapters.memory.store import MemoryLinkStore
from extauth.domain import key_use
from extauth.domain.sealed import key_ids_of
from extauth.services.keys import rotation
from extauth.testing import SealedRowsContract
from extauth.testing.schedules.interleaver import replica
from tests.proof.breaking import replacing
from tests.services.keys import test_rotation as rotations
from tests.services.keys import test_status as statuses

Patch = Callable[[Any], None]
Check = Callable[[], None]


class Contract(SealedRowsContract):
    """The contract on a store in memory, to be called without pytest."""

    def open_store(self):
        return MemoryLinkStore()


def by_contract(name: str) -> Check:
    """Return a test of the contract as a check."""
    return getattr(Contract(), name)  # type: ignore[no-any-return]


def in_memory(test: Callable[[Any], Awaitable[None]]) -> Check:
    """Return a test of rotations on a store in memory as a check."""

    async def run() -> None:
        async with asyncio.timeout(3):
            await test(MemoryLinkStore())

    return lambda: asyncio.run(run())


def _replaced(owner: Any, name: str, value: Any) -> Patch:
    return lambda monkeypatch: monkeypatch.setattr(owner, name, value)


def _counted(texts: Callable[[Any], list[str | None]]) -> Patch:
    return _replaced(sealed_rows, "_of_tokens", lambda tokens: key_ids_of(texts(tokens)))


def _columns(tokens: Any) -> Any:
    return frozenset({tokens.access_token_key_id, tokens.refresh_token_key_id} - {None})


async def _moves_version(self, key, version, tokens):
    outcome = await _reseal(self, key, version, tokens)
    row = self._rows.get(key)
    if row is not None:
        self._rows[key] = attrs.evolve(row, link=attrs.evolve(row.link, version=row.link.version + 1))
    return outcome


_reseal = MemoryLinkStore.reseal


async def _writes_what_it_read(store, key):
    link = await store.get(key)
    for _ in range(10):
        version = link.version
        outcome = await store.reseal(key, version, link.tokens)
        if not hasattr(outcome, "link") or type(outcome).__name__ != "Stale":
            return "done"
        link = attrs.evolve(link, version=outcome.link.version)
    return "busy"


writes_what_it_read = replacing(replica, "reseal_link", _writes_what_it_read)
"""A rotation writes what it read over whatever has been saved meanwhile: for the explorer."""


async def _gives_up(store, key):
    link = await store.get(key)
    await store.reseal(key, link.version, link.tokens)
    return "done"


async def _patiently(store, key):
    for _ in range(1000):
        link = await store.get(key)
        outcome = await store.reseal(key, link.version, link.tokens)
        if type(outcome).__name__ != "Stale":
            break
    return "done"


def _old_name(monkeypatch: Any) -> None:
    """Seal under the new key, and write the old one's name."""
    real = sealing.seal

    def seal(key, text, context, random=sealing.os.urandom):
        return real(key, text, context, random).replace("$new$", "$old$")

    monkeypatch.setattr("extauth.adapters.encryption.rows.seal", seal)


def _old_columns(monkeypatch: Any) -> None:
    """Leave the columns of key ids as they were."""

    async def reseal(self, key, version, tokens, *, written_at=None):
        stored = await self._store.get(key)
        sealed = await self._sealed(key, tokens)
        ids = {
            "access_token_key_id": stored.tokens.access_token_key_id,
            "refresh_token_key_id": stored.tokens.refresh_token_key_id,
        }
        return await self._store.reseal(key, version, attrs.evolve(sealed, **ids), written_at=written_at)

    monkeypatch.setattr(EncryptedStore, "reseal", reseal)


def _only_tokens(monkeypatch: Any) -> None:
    """Forget extra where a link is encrypted anew."""
    real = encryption.EncryptedStore.reseal

    async def reseal(self, key, version, tokens, *, written_at=None):
        return await real(self, key, version, attrs.evolve(tokens, extra={}), written_at=written_at)

    monkeypatch.setattr(EncryptedStore, "reseal", reseal)


async def _stops_at_trouble(self, key, name, sealing):
    if await sealing == "done":
        self._done += 1


def _without_another_look(monkeypatch: Any) -> None:
    async def links_among(_, keys, __):
        return list(keys)

    monkeypatch.setattr(MemorySealedRows, "links_among", links_among)


def _in_order(monkeypatch: Any) -> None:
    monkeypatch.setattr(random.Random, "shuffle", lambda *_: None)


def _blindly(self, name, _, sealed):
    return bool(self._kept.update({name: sealed}) or True)


async def _leaves_workers(self, keys):
    waiting = iter(await self._store.sealed.links_among(keys, self._key_id))
    await asyncio.gather(*[asyncio.create_task(asyncio.shield(self._links(waiting))) for _ in range(4)])


_GATHERED = rotations.test_nothing_goes_on_after_it_was_cancelled

BUGS: dict[str, tuple[Patch, Check]] = {
    "columns are counted": (
        _replaced(sealed_rows, "_of_tokens", _columns),
        by_contract("test_links_are_counted_by_what_their_texts_say"),
    ),
    "access tokens alone are counted": (
        _counted(lambda tokens: [tokens.access_token]),
        by_contract("test_links_are_counted_by_what_their_texts_say"),
    ),
    "extra is not counted": (
        _counted(lambda tokens: [tokens.access_token, tokens.refresh_token]),
        lambda: asyncio.run(statuses.test_a_row_under_two_keys_counts_for_both()),
    ),
    "resealing moves the version": (
        _replaced(MemoryLinkStore, "reseal", _moves_version),
        in_memory(rotations.test_a_refresh_that_saves_meanwhile_is_kept),
    ),
    "what was read is written at any version": (
        _replaced(rotation, "reseal_link", _writes_what_it_read),
        in_memory(rotations.test_a_refresh_that_saves_meanwhile_is_kept),
    ),
    "what has moved on is passed over": (
        _replaced(rotation, "reseal_link", _gives_up),
        in_memory(rotations.test_a_refresh_that_saves_meanwhile_is_kept),
    ),
    "what moves on is done in the end": (
        _replaced(rotation, "reseal_link", _patiently),
        in_memory(rotations.test_a_link_that_changes_all_the_time_is_listed),
    ),
    "the old key's name is carried": (
        _old_name,
        in_memory(rotations.test_a_refresh_token_that_was_not_renewed_opens_under_the_new_key),
    ),
    "the columns keep the old key's name": (
        _old_columns,
        in_memory(rotations.test_everything_is_brought_under_the_primary_key),
    ),
    "extra is left": (
        _only_tokens,
        in_memory(rotations.test_everything_is_brought_under_the_primary_key),
    ),
    "one row ends it": (
        _replaced(rotation._Rotation, "_settle", _stops_at_trouble),
        in_memory(rotations.test_what_does_not_open_is_listed_and_left),
    ),
    "no other look": (_without_another_look, in_memory(rotations.test_two_at_once_share_the_work)),
    "all in one order": (_in_order, in_memory(rotations.test_two_at_once_share_the_work)),
    "writers outlive it": (
        _replaced(rotation._Rotation, "_chunk", _leaves_workers),
        in_memory(_GATHERED),
    ),
    "clients are written over": (
        _replaced(MemoryRegistrations, "reseal", _blindly),
        in_memory(rotations.test_a_client_that_is_replaced_meanwhile_is_kept),
    ),
    "authorizations do not count": (
        _replaced(key_use, "_kinds", lambda counts: (counts.links, counts.registrations, {})),
        in_memory(rotations.test_authorizations_under_way_are_left_and_count),
    ),
}
