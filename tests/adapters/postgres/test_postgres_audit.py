"""An audit trail that the application can only add to, and what it costs where there is none."""

from __future__ import annotations

import asyncpg
import pytest

from extauth import AuditTrail, LinkKey, StoreUnavailable, TokenSet, open_store
from extauth.adapters.audit import AuditedStore
from extauth.adapters.postgres import audit, statements
from extauth.adapters.postgres.sending import LONGEST, ON_THE_PRIMARY
from tests.support.postgres_admin import role_of, run, session

ALICE = LinkKey("app", "alice")


async def test_a_role_that_can_only_add(postgres_dsn):
    """The store works with it, writes and reads the trail, and nobody changes or removes an entry by it."""
    async with open_store(postgres_dsn, keys="plain"):
        pass
    async with role_of(postgres_dsn) as app:
        role = app.partition("://")[2].partition(":")[0]
        await run(postgres_dsn, f"REVOKE ALL ON external_auth_audit FROM {role}")
        await run(postgres_dsn, f"GRANT INSERT, SELECT ON external_auth_audit TO {role}")
        async with open_store(app, keys="plain") as store:
            audited = AuditedStore(store, AuditTrail.in_store())
            await audited.put(ALICE, TokenSet("at", "rt"))
            await audited.trail.handed_out(await audited.get(ALICE))
            await audited.delete(ALICE)
            kept = [entry.kind.value for _, entry in await store.audit.find()]
            with pytest.raises(
                StoreUnavailable, match="takes a role that may delete from external_auth_audit"
            ):
                await store.audit.purge(await store.time())
        assert kept == ["connected", "handed_out", "unlinked"]
        async with session(app) as connection:
            for tampering in (
                "UPDATE external_auth_audit SET actor = 'user:mallory'",
                "DELETE FROM external_auth_audit",
                "TRUNCATE external_auth_audit",
                "DROP TABLE external_auth_audit",
                "ALTER TABLE external_auth_audit DISABLE TRIGGER ALL",
                "INSERT INTO external_auth_audit OVERRIDING SYSTEM VALUE SELECT * FROM external_auth_audit",
            ):
                with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.UniqueViolationError)):
                    await connection.execute(tampering)
    async with open_store(postgres_dsn, keys="plain") as owner:
        assert [entry.kind.value for _, entry in await owner.audit.find()] == kept
        assert await owner.audit.purge(await owner.time()) == len(kept)


@pytest.mark.parametrize("name", ["PUT", "SAVE", "RECORD_FAILURE", "LIFT_FAILURE", "DELETE"])
def test_statements_with_an_entry(name):
    """Each stays one statement, short enough to be prepared under a name."""
    sql = getattr(statements, name)
    with_entry = audit._with_entry(sql, 18)
    assert len(ON_THE_PRIMARY + with_entry) <= LONGEST
    assert with_entry.count("INSERT INTO external_auth_audit") == 1
    assert "$24::text" in with_entry
    assert "external_auth_audit" not in sql
