"""How Postgres reads what is due next: from the index, in its order, and no more than a page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from extauth.adapters.postgres import PostgresLinkStore, statements
from extauth.adapters.postgres.rows import due_parameters
from extauth.domain.due import Due, DueBy
from extauth.domain.link import LinkKey
from tests.support.postgres_admin import session

LINKS = """INSERT INTO external_auth_links (provider_id, user_id, version, created_at, updated_at,
  oauth_access_token, oauth_refresh_token, oauth_scopes, oauth_token_type, oauth_extra, oauth_expiry,
  oauth_refresh_token_expiry)
SELECT CASE n % 2 WHEN 0 THEN 'github' ELSE 'gitlab' END, 'user-' || n, 1, now(), now(), 'at', 'rt',
  '[]', 'Bearer', '',
  now() + n * interval '1 second', CASE n % 4 / 2 WHEN 0 THEN now() + n * interval '1 minute' END
FROM generate_series(1, 60000) AS n"""


@pytest.mark.parametrize("by", DueBy)
async def test_a_page_is_read_in_the_order_of_its_index(postgres_dsn, by):
    """Without sorting: planned for its parameters, as a statement is that is sent whole, and for any."""
    async with PostgresLinkStore.open(postgres_dsn) as store:
        async with session(postgres_dsn) as connection:
            await connection.execute(LINKS)
            await connection.execute("ANALYZE external_auth_links")
            after = Due(datetime.now(UTC), LinkKey("github", "user-1"))
            late = datetime.max.replace(tzinfo=UTC)
            asked = due_parameters("github", late, after, 50)
            plans = [await connection.fetch(f"EXPLAIN {statements.DUE[by]}", *asked)]
            await connection.execute("SET plan_cache_mode = force_generic_plan")
            await connection.execute(f"PREPARE due AS {statements.DUE[by]}")
            plans.append(
                await connection.fetch(
                    "EXPLAIN EXECUTE due ('github', 'github/', 'github0', 'github', now(), now(), '', '', 50)"
                )
            )
        page = await store.due("github", by, late, limit=100)
    assert len(page) == 100
    assert sorted(page, key=lambda due: (due.at, due.key.user_id)) == page
    for lines in plans:
        plan = "\n".join(line for (line,) in lines)
        assert f"Scan using external_auth_links_by_{by.value} on" in plan
        assert "Sort" not in plan
