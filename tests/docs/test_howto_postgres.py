"""What the guide to Postgres says of its log and of rights is so."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import asyncpg
import pytest

from extauth import LinkKey, TokenSet, open_store
from extauth.adapters.postgres import PostgresLinkStore
from tests.adapters.postgres.whole_store import use_all_of
from tests.servers.postgres_server import own_postgres

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "run-on-postgres.md").read_text()
[SETTINGS, GRANTS] = re.findall(r"```sql\n(.*?)```", GUIDE, re.DOTALL)
KEY = LinkKey("p", "alice")
TOKEN = "token-of-alice"


@pytest.fixture(scope="module")
def talkative():
    """A server that logs every statement."""
    with own_postgres({"log_min_duration_statement": "0"}) as server:
        yield server


async def logged_of(server) -> tuple[bool, bool]:
    """Keep a link as the guide's role; return whether the log has the statement, and whether the token."""
    before = len(server.log())
    async with open_store(server.dsn.replace("postgres@", "extauth@")) as store:
        await store.put(KEY, TokenSet(TOKEN))
    log = server.log()[before:]
    return "INSERT INTO external_auth_links" in log, TOKEN in log


async def test_the_settings_keep_tokens_out_of_the_log(talkative):
    """Without them the log has each token; with them only the statements."""
    owner = await asyncpg.connect(talkative.dsn)
    try:
        await owner.execute("CREATE ROLE extauth LOGIN; GRANT ALL ON SCHEMA public TO extauth")
        assert await logged_of(talkative) == (True, True)
        await owner.execute(SETTINGS)
        assert await logged_of(talkative) == (True, False)
    finally:
        await owner.close()


async def test_the_grants_are_what_a_role_needs(postgres_dsn):
    """With them a store does everything that it can be asked."""
    async with PostgresLinkStore.open(postgres_dsn):
        pass
    role = f"app_{uuid.uuid4().hex}"
    owner = await asyncpg.connect(postgres_dsn)
    try:
        await owner.execute(f"CREATE ROLE {role} LOGIN; {GRANTS.replace('TO app;', f'TO {role};')}")
        async with PostgresLinkStore.open(postgres_dsn.replace("postgres@", f"{role}@", 1)) as store:
            await use_all_of(store)
    finally:
        await owner.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        await owner.close()
