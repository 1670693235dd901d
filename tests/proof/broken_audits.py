"""Audit trails that are broken on purpose, each with the test that was made for it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import attrs

import extauth
from extauth import open_store
from extauth.adapters.audit import store as audited_store
from extauth.adapters.audit.trail import RecordedTrail
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.memory.audit import MemoryAudit
from extauth.adapters.sqlite import audit as sqlite_audit
from extauth.adapters.sqlite import audit_schema, schema
from extauth.adapters.sqlite import store as sqlite_store
from extauth.adapters.sqlite.grouped_writes import GroupedWrites
from extauth.domain import audit
from extauth.domain.audit import AuditEntry
from extauth.services.linking import carry_through
from extauth.testing import AuditContract
from tests.adapters.audit import test_delivery as on_sinks
from tests.adapters.audit import test_in_one_transaction as on_files
from tests.services import test_audited_services as on_services

Patch = Callable[[Any], None]
Check = Callable[[Path], None]


class OnMemory(AuditContract):
    """The contract in memory, to be called without pytest."""

    def open_store(self):
        return MemoryLinkStore()


class OnSqlite(AuditContract):
    """The contract in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @asynccontextmanager
    async def open_store(self):
        async with open_store(self.path / "links.db", keys="plain") as store:
            yield store


def in_memory(name: str) -> Check:
    """Return a test of the contract as a check."""
    return lambda _: getattr(OnMemory(), name)()


def in_a_file(name: str) -> Check:
    """Return one on SQLite."""
    return lambda path: getattr(OnSqlite(path), name)()


def awaited(test: Callable[..., Any], *arguments: object) -> Check:
    """Return an async test as a check."""
    return lambda _: asyncio.run(test(*arguments))


def _changed(owner: Any, name: str, change: Callable[[Any], Any]) -> Patch:
    return lambda monkeypatch: monkeypatch.setattr(owner, name, change(getattr(owner, name)))


def _audit(writes: GroupedWrites) -> sqlite_audit.SqliteAudit:
    return sqlite_audit.SqliteAudit(writes._connection, writes, lambda: None)


def _in_a_transaction_of_its_own(monkeypatch: Any) -> None:
    async def written(writes: GroupedWrites, sql: str, parameters: Any) -> Any:
        rows = await writes.fetch_all(sql, parameters)
        entry = audit.entry_to_write()
        if entry is not None:
            for row in rows:
                found = attrs.evolve(entry, provider_id=row[0], user_id=row[1], version=row[2])
                await _audit(writes).append([found])
        return rows

    monkeypatch.setattr(sqlite_store, "written", written)


def _whatever_came_of_it(monkeypatch: Any) -> None:
    """The entry is written before the write, which may then lose its race."""

    async def written(writes: GroupedWrites, sql: str, parameters: Any) -> Any:
        entry = audit.entry_to_write()
        if entry is not None:
            await _audit(writes).append([entry])
        return await writes.fetch_all(sql, parameters)

    monkeypatch.setattr(sqlite_store, "written", written)


def _numbers_come_again(monkeypatch: Any) -> None:
    tables = [each.replace(" AUTOINCREMENT", "") for each in audit_schema.AUDIT_TABLES]
    newest = [each for each in schema.MIGRATIONS[-1] if each not in audit_schema.AUDIT_TABLES]
    monkeypatch.setattr(schema.migrate, "__defaults__", ((*schema.MIGRATIONS[:-1], (*newest, *tables)),))


def _hexadecimal(_: Any) -> Any:
    return lambda token: None if token is None else hashlib.sha256(token.encode()).hexdigest()


def _url_safe(_: Any) -> Any:
    return lambda token: (
        None if token is None else base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode()
    )


def _sealed_fingerprints(monkeypatch: Any) -> None:
    """Entries are made of what a link was given, whatever the caller has: here of a text that is not it."""
    real: Any = audit.AuditEntry.of

    def of(kind: Any, *args: Any, tokens: Any = None, **kwargs: Any) -> Any:
        sealed = (
            None if tokens is None else attrs.evolve(tokens, access_token="$extauth1$k$$x", refresh_token="$")
        )
        return real(kind, *args, tokens=sealed, **kwargs)

    monkeypatch.setattr(audit.AuditEntry, "of", of)


def _sampled_by_link(monkeypatch: Any) -> None:
    monkeypatch.setattr(
        RecordedTrail, "_remember", lambda self, seen: self._seen.__setitem__((*seen[:2], "user:alice"), None)
    )


def _forgets_the_caller(monkeypatch: Any) -> None:
    monkeypatch.setattr(carry_through, "current_actor", lambda: None)


def _in_nobodys_name(monkeypatch: Any) -> None:
    monkeypatch.setattr(audited_store.AuditedStore, "acting_as", lambda self, actor: self)


def _block_never_ends(monkeypatch: Any) -> None:
    def entry_beside(entry: AuditEntry) -> Any:
        audit._beside.set(entry)
        return nullcontext()

    monkeypatch.setattr("extauth.testing.contract.auditing.entry_beside", entry_beside)


def _lost_writes_are_told(monkeypatch: Any) -> None:
    monkeypatch.setattr(audited_store, "Saved", object)
    monkeypatch.setattr(
        audited_store.AuditedStore, "_wrote", lambda self, entry, link: self._recorder.wrote(entry)
    )


def _keeps_nothing(real: Any) -> Any:
    async def append(self: Any, entries: Any) -> None:
        await real(self, [attrs.evolve(entry, reason=None) for entry in entries])

    return append


def _finds_all(real: Any) -> Any:
    return lambda self, **asked: real(self)


def _purges_all(real: Any) -> Any:
    async def purge(self: Any, before: Any) -> int:
        return int(await real(self, before.replace(year=9999)))

    return purge


BUGS: dict[str, tuple[Patch, Check]] = {
    "an entry in a transaction of its own": (
        _in_a_transaction_of_its_own,
        lambda path: asyncio.run(on_files.test_no_entry_no_write(f"sqlite:///{path}/links.db")),
    ),
    "an entry whatever came of the write": (
        _whatever_came_of_it,
        in_a_file("test_a_write_that_did_nothing_leaves_none"),
    ),
    "of many at once each has an entry": (
        _whatever_came_of_it,
        in_a_file("test_of_many_at_once_one_leaves_its_entry"),
    ),
    "numbers come again": (_numbers_come_again, in_a_file("test_entries_are_purged")),
    "no entry in memory": (
        _changed(MemoryAudit, "note_write", lambda _: lambda self, key, version: None),
        in_memory("test_a_write_leaves_its_entry"),
    ),
    "one entry for many": (
        _changed(
            MemoryAudit,
            "note_write",
            lambda real: lambda self, key, version: None if self._entries else real(self, key, version),
        ),
        in_memory("test_a_mark_lifted_from_many"),
    ),
    "the block never ends": (_block_never_ends, in_memory("test_an_entry_belongs_to_the_calls_of_its_block")),
    "something is left out": (
        _changed(MemoryAudit, "append", _keeps_nothing),
        in_memory("test_an_entry_is_kept_as_it_is"),
    ),
    "finds all": (_changed(MemoryAudit, "find", _finds_all), in_memory("test_entries_are_found")),
    "purges all": (_changed(MemoryAudit, "purge", _purges_all), in_memory("test_entries_are_purged")),
    "fingerprints in hexadecimal": (
        _changed(extauth, "fingerprint", _hexadecimal),
        lambda _: on_services.test_a_fingerprint(),
    ),
    "fingerprints for URLs": (
        _changed(extauth, "fingerprint", _url_safe),
        lambda _: on_services.test_a_fingerprint(),
    ),
    "fingerprints of something else": (
        _sealed_fingerprints,
        lambda path: asyncio.run(on_services.test_fingerprints_are_of_the_plain_tokens(path)),
    ),
    "sampled by link": (_sampled_by_link, awaited(on_services.test_what_is_handed_out, "sampled", 2)),
    "the caller is forgotten": (_forgets_the_caller, awaited(on_services.test_a_links_life, {})),
    "services act in nobody's name": (_in_nobodys_name, awaited(on_services.test_two_callers_in_one_flight)),
    "a sink hears of lost writes": (_lost_writes_are_told, awaited(on_sinks.test_entries_arrive_in_order)),
}
