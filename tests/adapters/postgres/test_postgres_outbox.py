"""What makes a Postgres database write events, where somebody has changed its tables or its rights."""

from __future__ import annotations

import pytest

from extauth import ConfigurationError, LinkKey, TokenSet, open_store
from extauth.adapters.postgres.outbox_schema import TRIGGERS
from extauth.testing.contract.outbox.harness import broken_link, kinds, taken
from tests.support.postgres_admin import role_of, run, session

ALICE = LinkKey("github", "alice")


@pytest.mark.parametrize("name", TRIGGERS)
async def test_lost_triggers_are_put_back(name, postgres_dsn):
    """By who may, before events are delivered."""
    async with open_store(postgres_dsn) as store:
        await run(postgres_dsn, f"DROP TRIGGER {name} ON external_auth_links")
        await store.outbox.keep_on()
        version = await broken_link(store)
        assert [("link.broken", ALICE, version)] == kinds(await taken(store))
        await store.outbox.keep_on()  # nothing is missing now


async def test_who_may_not_put_them_back_is_told(postgres_dsn):
    """Also where one is there and switched off."""
    async with open_store(postgres_dsn):
        pass
    async with role_of(postgres_dsn) as dsn, open_store(dsn) as store:
        await store.outbox.keep_on()
        for change in (
            "DISABLE TRIGGER external_auth_links_broken",
            "ENABLE TRIGGER external_auth_links_broken",
        ):
            await run(postgres_dsn, f"ALTER TABLE external_auth_links {change}")
            if change.startswith("DISABLE"):
                with pytest.raises(ConfigurationError, match="no trigger external_auth_links_broken"):
                    await store.outbox.keep_on()
        await run(postgres_dsn, "DROP TRIGGER external_auth_links_broken ON external_auth_links")
        with pytest.raises(ConfigurationError, match="as the owner of the table"):
            await store.outbox.keep_on()


async def test_a_role_from_before_goes_on(postgres_dsn):
    """In a rolling upgrade the old replicas' role has no right on the outbox: nobody listens yet, and their
    writes work."""
    async with open_store(postgres_dsn) as store:
        await run(
            postgres_dsn,
            "CREATE ROLE old_app",
            "GRANT ALL ON external_auth_links, external_auth_meta TO old_app",
        )
        await broken_link(store)
        marks = "UPDATE external_auth_links SET oauth_refresh_failure_reason = {reason}"
        for statement in (
            marks.format(reason="NULL"),
            marks.format(reason="'x'"),
            "DELETE FROM external_auth_links",
        ):
            await run(postgres_dsn, f"SET ROLE old_app; {statement}")
        assert await store.get(ALICE) is None
        await run(postgres_dsn, "DROP OWNED BY old_app", "DROP ROLE old_app")


async def test_what_is_undone_is_not_told(postgres_dsn):
    """A mark that is rolled back has not happened, and one that is committed has."""
    async with open_store(postgres_dsn) as store, session(postgres_dsn) as other:
        await store.outbox.keep_on()
        await store.put(ALICE, TokenSet("at", "rt"))
        mark = """UPDATE external_auth_links SET oauth_refresh_failure_reason = 'x',
            oauth_refresh_failure_version = version"""
        for end, events in (("ROLLBACK", 0), ("COMMIT", 1)):
            await other.execute(f"BEGIN; {mark}")
            assert (await store.outbox.counts()).waiting == 0
            await other.execute(end)
            assert (await store.outbox.counts()).waiting == events


async def test_a_lost_meta_row_is_put_back(postgres_dsn):
    """After a TRUNCATE of all tables, too."""
    async with open_store(postgres_dsn) as store:
        await run(postgres_dsn, "TRUNCATE external_auth_meta")
        await store.outbox.keep_on()
        version = await broken_link(store)
        assert [("link.broken", ALICE, version)] == kinds(await taken(store))
