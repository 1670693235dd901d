"""The contract bites in SQL too: a wrong condition or column is caught on the real database."""

from __future__ import annotations

from contextlib import asynccontextmanager

import aiosqlite
import asyncpg
import pytest

from extauth import open_store
from extauth.testing import (
    ImportStoreContract,
    LinkingStoreContract,
    LinkStoreContract,
    SealedRowsContract,
)
from tests.proof import (
    broken_credential_statements,
    broken_import_statements,
    broken_lease_statements,
    broken_linking_statements,
    broken_mark_statements,
    broken_sealed_statements,
)
from tests.support.postgres_admin import empty

BUGS = [
    *broken_credential_statements.BUGS,
    *broken_import_statements.BUGS,
    *broken_lease_statements.BUGS,
    *broken_linking_statements.BUGS,
    *broken_mark_statements.BUGS,
    *broken_sealed_statements.BUGS,
]
EVERY_BUG = pytest.mark.parametrize(
    "bug", [pytest.param(bug, id=f"{bug.name}-{bug.caught_by}") for bug in BUGS]
)


class ContractOnSqlite(LinkStoreContract, LinkingStoreContract, ImportStoreContract, SealedRowsContract):
    """Each test gets the same file, emptied."""

    def __init__(self, path) -> None:
        self.path = path

    def open_store(self):
        for file in self.path.parent.glob(self.path.name + "*"):
            file.unlink()
        return open_store(f"sqlite:///{self.path}")

    async def dump_storage(self) -> str:
        async with aiosqlite.connect(self.path) as connection:
            return "\n".join([line async for line in connection.iterdump()])


class ContractOnPostgres(LinkStoreContract, LinkingStoreContract, ImportStoreContract, SealedRowsContract):
    """Each test gets the same database, emptied."""

    def __init__(self, dsn) -> None:
        self.dsn = dsn

    def open_store(self):
        return _emptied(self.dsn)

    async def dump_storage(self) -> str:
        connection = await asyncpg.connect(self.dsn)
        rows = await connection.fetch("TABLE external_auth_authorizations")
        await connection.close()
        return repr(rows)


@asynccontextmanager
async def _emptied(dsn):
    await empty(dsn)
    async with open_store(dsn) as store:
        yield store


def passes_until_broken(bug, store, contract, monkeypatch, record_property):
    """Run the bug's test on the healthy statements, and then on the broken ones."""
    test = getattr(contract, bug.caught_by)
    test()
    bug.put_into(store, monkeypatch)
    with pytest.raises(AssertionError) as caught:
        test()
    assert bug.method in str(caught.value)
    record_property("caught by", bug.caught_by)
    record_property("complaint", str(caught.value))


@EVERY_BUG
def test_a_bug_in_a_sqlite_statement_is_caught(bug, tmp_path, monkeypatch, record_property):
    """The test passes on the healthy statement and fails on the broken one, naming the method."""
    contract = ContractOnSqlite(tmp_path / "links.db")
    passes_until_broken(bug, "sqlite", contract, monkeypatch, record_property)


@EVERY_BUG
def test_a_bug_in_a_postgres_statement_is_caught(bug, shared_postgres_dsn, monkeypatch, record_property):
    """The test passes on the healthy statement and fails on the broken one, naming the method."""
    contract = ContractOnPostgres(shared_postgres_dsn)
    passes_until_broken(bug, "postgres", contract, monkeypatch, record_property)
