"""Encryption that is broken on purpose, each bug with the check that was made for it."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from extauth.adapters.encryption import EncryptedStore, opening, rows, sealing, store
from extauth.adapters.encryption.opened import OpenedLinks
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.outcomes import Stale
from extauth.domain.stored_link import opened_like
from extauth.testing import LinkingStoreContract, LinkStoreContract
from tests.adapters.encryption import test_encrypted_store as on_files
from tests.adapters.encryption import test_sealing as on_texts
from tests.support.encrypted_memory import KEYS

Patch = Callable[[Any], None]
Check = Callable[[Path], None]


class Contract(LinkStoreContract, LinkingStoreContract):
    """Both contracts on an encrypted store in memory, to be called without pytest."""

    encrypts = True

    @asynccontextmanager
    async def open_store(self):
        self.store = MemoryLinkStore()
        yield EncryptedStore(self.store, KEYS)

    async def dump_storage(self) -> str:
        return pickle.dumps(self.store.state(), protocol=0).decode("latin-1")


def by_contract(name: str) -> Check:
    """Return a test of the contract as a check."""
    return lambda _: getattr(Contract(), name)()


def on_file(test: Callable[..., Awaitable[None]], *arguments: object) -> Check:
    """Return a test of encrypted stores on a file as a check."""

    def check(folder: Path) -> None:
        asyncio.run(test(on_files.File(folder / "links.db"), *arguments))  # type: ignore[arg-type]

    return check


def on_text(test: Callable[[], None]) -> Check:
    """Return a test of sealing as a check."""
    return lambda _: test()


def _associated(written: Callable[[str, sealing.Context], bytes]) -> Patch:
    def patch(monkeypatch: Any) -> None:
        monkeypatch.setattr(sealing, "associated", written)
        monkeypatch.setattr(on_texts, "associated", written)

    return patch


def _place(of: Callable[..., sealing.Context]) -> Patch:
    return lambda monkeypatch: monkeypatch.setattr(rows, "link_context", of)


def _sealed(changed: Callable[..., Any]) -> Patch:
    """Change what is stored of a token set."""
    real = rows.sealed_tokens

    def sealed(key, link, tokens):
        return changed(tokens, real(key, link, tokens))

    return lambda monkeypatch: monkeypatch.setattr(store, "sealed_tokens", sealed)


def _with_given_ids(given, sealed):
    access, refresh = given.access_token_key_id, given.refresh_token_key_id
    return attrs.evolve(
        sealed,
        access_token_key_id=access or sealed.access_token_key_id,
        refresh_token_key_id=refresh or sealed.refresh_token_key_id,
    )


def _gives_out_ids(monkeypatch: Any) -> None:
    real = rows.opened_link

    def opened(opener, stored):
        link = real(opener, stored)
        ids = {"refresh_token_key_id": stored.tokens.refresh_token_key_id}
        return attrs.evolve(link, tokens=attrs.evolve(link.tokens, **ids))

    monkeypatch.setattr(opening, "opened_link", opened)


def _carries_ids_forward(monkeypatch: Any) -> None:
    _gives_out_ids(monkeypatch)
    _sealed(_with_given_ids)(monkeypatch)


def _compares_texts(monkeypatch: Any) -> None:
    real = EncryptedStore.save

    async def save(self, key, version, tokens, **options):
        stored = await self._store.get(key)
        if stored is not None:
            link = await self.get(key)
            again = await self._sealed(key, link.tokens)
            if again.refresh_token != stored.tokens.refresh_token:
                return Stale(attrs.evolve(link, version=version + 1))
        return await real(self, key, version, tokens, **options)

    monkeypatch.setattr(EncryptedStore, "save", save)


def _remembers_by_key(monkeypatch: Any) -> None:
    def of(self, stored, key):
        latest = self._latest.get((key.provider_id, key.user_id))
        return None if latest is None else opened_like(stored, *latest.texts)

    monkeypatch.setattr(OpenedLinks, "of", of)


def _takes_plain(monkeypatch: Any) -> None:
    monkeypatch.setattr(opening, "Opener", lambda key_of, _: rows.Opener(key_of, refuses_plain=False))


def _plain_salts(monkeypatch: Any) -> None:
    monkeypatch.setattr(store, "sealed_pending", lambda _, pending: pending)


def _one_nonce(monkeypatch: Any) -> None:
    fixed = partial(sealing.seal, random=bytes)
    for module in (rows, on_texts):
        monkeypatch.setattr(module, "seal", fixed)


def _takes_missing_for_none(monkeypatch: Any) -> None:
    async def get(self, key):
        try:
            stored = await self._store.get(key)
            return None if stored is None else await self._openers.link(stored)
        except Exception:  # noqa: BLE001 - that is the bug
            return None

    monkeypatch.setattr(EncryptedStore, "get", get)


def _removes_what_opens_only(monkeypatch: Any) -> None:
    real = EncryptedStore.delete

    async def delete(self, key):
        await self.get(key)
        return await real(self, key)

    monkeypatch.setattr(EncryptedStore, "delete", delete)


def _claims_and_goes(monkeypatch: Any) -> None:
    async def claim(self, key, version, owner, ttl, *, takeover=True):
        outcome = await self._store.claim(key, version, owner, ttl, takeover=takeover)
        return await self._opened(outcome) if hasattr(outcome, "link") else outcome

    monkeypatch.setattr(EncryptedStore, "claim", claim)


MOVED = on_files.test_a_text_moved_to_another_row_does_not_open
ELSEWHERE = on_files.test_a_text_moved_to_another_column_or_provider_does_not_open
MEMBERS = on_files.test_members_cannot_change_places
CARRIED = on_files.test_a_refresh_token_that_is_carried_forward_can_be_opened
IDS = on_files.test_key_ids_are_those_of_the_keys

BUGS: dict[str, tuple[Patch, Check]] = {
    "no place": (_associated(lambda *_: b""), on_file(MOVED, "oauth_access_token")),
    "no key id": (
        _associated(lambda _, context: "|".join(context).encode()),
        on_text(on_texts.test_another_key),
    ),
    "parts are joined": (
        _associated(lambda key_id, context: "/".join((key_id, *context)).encode()),
        on_text(on_texts.test_places_that_a_separator_would_confuse),
    ),
    "no user": (
        _place(lambda key, *parts: ("links", key.provider_id, *parts)),
        on_file(MOVED, "oauth_refresh_token"),
    ),
    "no provider": (
        _place(lambda key, *parts: ("links", key.user_id, *parts)),
        on_file(ELSEWHERE, "", "gitlab"),
    ),
    "no column": (
        _place(lambda key, *_: ("links", key.provider_id, key.user_id)),
        on_file(ELSEWHERE, "access to refresh", "github"),
    ),
    "no member": (
        _place(lambda key, column, *_: ("links", key.provider_id, key.user_id, column)),
        on_file(MEMBERS, "oauth_resource_tokens"),
    ),
    "one nonce": (_one_nonce, on_text(on_texts.test_no_two_are_alike)),
    "texts are compared": (_compares_texts, by_contract("test_save_is_the_next_version")),
    "key ids that were given": (_sealed(_with_given_ids), on_file(IDS)),
    "key ids are given out": (_gives_out_ids, by_contract("test_every_field_comes_back")),
    "key ids are carried forward": (
        _carries_ids_forward,
        on_file(CARRIED),
    ),
    "extra is plain": (
        _sealed(lambda given, sealed: attrs.evolve(sealed, extra=given.extra)),
        on_file(on_files.test_nothing_secret_is_stored_plain),
    ),
    "resource tokens are plain": (
        _sealed(lambda given, sealed: attrs.evolve(sealed, resource_tokens=given.resource_tokens)),
        on_file(on_files.test_nothing_secret_is_stored_plain),
    ),
    "salts are plain": (_plain_salts, by_contract("test_the_salt_is_gone_once_it_is_taken")),
    "what was opened is remembered by key": (
        _remembers_by_key,
        by_contract("test_get_sees_every_kind_of_write"),
    ),
    "plain text is taken": (
        _takes_plain,
        on_file(on_files.test_nobody_can_plant_a_token, "oauth_refresh_token", "planted"),
    ),
    "a missing key is no link": (
        _takes_missing_for_none,
        on_file(on_files.test_a_missing_key_is_its_rows_trouble_alone),
    ),
    "what does not open stays": (
        _removes_what_opens_only,
        on_file(on_files.test_what_does_not_open_can_be_removed_and_replaced),
    ),
    "a claim stays": (_claims_and_goes, on_file(on_files.test_a_claim_of_what_does_not_open_leaves_no_lease)),
}
