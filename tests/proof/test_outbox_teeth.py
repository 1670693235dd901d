"""The contract of the outbox bites: in memory, and in what both databases are told."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from extauth import open_store
from extauth.adapters.postgres import outbox_schema as postgres_schema
from extauth.adapters.postgres import outbox_statements as postgres
from extauth.adapters.sqlite import outbox_schema as sqlite_schema
from extauth.adapters.sqlite import outbox_statements as sqlite
from extauth.testing import OutboxContract
from tests.proof.broken_outbox import BROKEN, BUGS, HealthyOutbox, OutboxContractOn
from tests.support.postgres_admin import run

CONTRACT = sorted(name for part in OutboxContract.__mro__ for name in vars(part) if name.startswith("test_"))
EVERY_BUG = pytest.mark.parametrize("bug", [pytest.param(bug, id=bug.name) for bug in BUGS])


@pytest.mark.parametrize("test", CONTRACT)
def test_nothing_is_wrong_with_a_healthy_outbox(test):
    """The one that the broken ones are made from passes every test in the same runner."""
    getattr(OutboxContractOn(HealthyOutbox), test)()


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_outbox_is_caught(kind):
    """By the test that was made for it."""
    with pytest.raises(AssertionError):
        getattr(OutboxContractOn(kind), kind.caught_by)()


class _OnSqlite(OutboxContract):
    def __init__(self, path) -> None:
        self.path = path

    def open_store(self):
        for file in self.path.parent.glob(self.path.name + "*"):
            file.unlink()
        return open_store(f"sqlite:///{self.path}", keys="plain")


class _OnPostgres(OutboxContract):
    def __init__(self, dsn) -> None:
        self.dsn = dsn

    @asynccontextmanager
    async def open_store(self):
        await run(self.dsn, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
        async with open_store(self.dsn, keys="plain") as store:
            if self.triggers:  # what was made with the schema is as it should be
                await run(
                    self.dsn, *(f"DROP TRIGGER {name} ON external_auth_links" for name in self.triggers)
                )
            yield store

    triggers: tuple[str, ...] = ()


def broken_statements(bug, which, statements, monkeypatch):
    """Break each statement that has what the bug replaces."""
    old, new = getattr(bug, which)
    found = {name: sql for name, sql in vars(statements).items() if name.isupper() and old in str(sql)}
    assert found, f"{bug.name} would break nothing"
    for name, sql in found.items():
        monkeypatch.setattr(statements, name, sql.replace(old, new))


@EVERY_BUG
def test_a_bug_in_sqlite_is_caught(bug, tmp_path, monkeypatch):
    """By the test that was made for it, which passes without the bug."""
    contract = _OnSqlite(tmp_path / "links.db")
    getattr(contract, bug.caught_by)()
    if bug.trigger:
        old, new = bug.sqlite
        changed = tuple(sql.replace(old, new) for sql in sqlite_schema.TRIGGERS)
        assert changed != sqlite_schema.TRIGGERS
        monkeypatch.setattr("extauth.adapters.sqlite.outbox.TRIGGERS", changed)
        contract = _Rebuilt(tmp_path / "links.db")
    else:
        broken_statements(bug, "sqlite", sqlite, monkeypatch)
    with pytest.raises(AssertionError):
        getattr(contract, bug.caught_by)()


class _Rebuilt(_OnSqlite):
    @asynccontextmanager
    async def open_store(self):
        async with super().open_store() as store:
            for [name] in await store._writer.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
            ):
                if name.startswith("external_auth_links_") and not name.endswith("retire"):
                    await store._writer.execute(f"DROP TRIGGER {name}")
            yield store


@EVERY_BUG
def test_a_bug_in_postgres_is_caught(bug, postgres_dsn, monkeypatch):
    """By the test that was made for it, which passes without the bug."""
    contract = _OnPostgres(postgres_dsn)
    getattr(contract, bug.caught_by)()
    if bug.trigger:
        old, new = bug.postgres
        changed = {name: sql.replace(old, new) for name, sql in postgres_schema.TRIGGERS.items()}
        changed = {name: sql.replace("WHEN false AND (", "WHEN (false AND ") for name, sql in changed.items()}
        assert changed != postgres_schema.TRIGGERS
        monkeypatch.setattr("extauth.adapters.postgres.outbox.TRIGGERS", changed)
        contract.triggers = tuple(changed)
    else:
        broken_statements(bug, "postgres", postgres, monkeypatch)
    with pytest.raises(AssertionError):
        getattr(contract, bug.caught_by)()
