"""All that a store can be asked, and what a connection and the log then have of it."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from extauth.adapters.postgres import PostgresLinkStore
from extauth.domain.due import DueBy
from extauth.domain.inventory import LinkFilter
from extauth.domain.link import LinkKey, RefreshFailure
from extauth.domain.linking import ClientRegistration, PendingAuthorization
from extauth.domain.linking_outcomes import AlreadyTaken, Taken
from extauth.domain.outcomes import Claimed, Held, Recorded, Resealed, Saved, Stale
from extauth.domain.token_set import TokenSet

KEY = LinkKey("github", "alice")
OTHER = LinkKey("github", "bob")
TOKENS = TokenSet("at-1", "rt-1")
REGISTRATION = ClientRegistration(issuer="https://issuer.example", client_id="client")
FAILURE = RefreshFailure("invalid_grant", datetime(2030, 1, 1, tzinfo=UTC), 1)


async def use_all_of(store: PostgresLinkStore) -> None:
    """Call every method, most more than once, so that each runs on several server connections."""
    ttl = timedelta(minutes=5)
    for _ in range(3):
        link = await store.put(KEY, TOKENS)
        version = link.version
        failure = RefreshFailure("invalid_grant", FAILURE.at, version)
        assert link == await store.get(KEY)
        assert [link] == await store.links_of("alice")
        assert isinstance(await store.claim(KEY, version, "one", ttl), Claimed)
        assert isinstance(await store.claim(KEY, version, "two", ttl), Held)
        assert isinstance(await store.record_failure(KEY, version, failure), Recorded)
        assert await store.lift_failure("github") == 1
        assert isinstance(await store.reseal(KEY, version, TokenSet("at-2")), Resealed)
        assert await store.release(KEY, version, "one")
        assert await store.wait_for_change(KEY, version, timedelta(minutes=5)) is not None
        now = datetime.now(UTC) + timedelta(days=1)
        assert [await store.due("github", by, now) for by in DueBy] == [[], [], []]  # resealed without
        assert isinstance(await store.save(KEY, version, TOKENS), Saved)
        assert isinstance(await store.save(KEY, version, TOKENS), Stale)
        links = await asyncio.gather(*(store.get(key) for key in (KEY, OTHER) * 5))
        assert [version + 1, None] * 5 == [link and link.version for link in links]
        assert await store.delete(KEY) is not None
        state = uuid.uuid4().hex
        pending = PendingAuthorization(
            state_hash=state, key=KEY, redirect_uri="https://app.example/back", salt="salt"
        )
        await store.begin_authorization(pending, ttl)
        assert isinstance(await store.take_authorization(state), Taken)
        assert isinstance(await store.take_authorization(state), AlreadyTaken)
        assert await store.forget_authorizations(KEY) == 0
        assert await store.purge_authorizations() == 0
        assert await store.keep_registration("app", REGISTRATION) == await store.registration("app")


async def look_at_all_of(store: PostgresLinkStore) -> LinkKey:
    """Read whatever else a store keeps, as operators do, and return the key of the one link."""
    link = await store.put(KEY, TOKENS)
    await store.keep_registration("another", REGISTRATION)
    later = link.updated_at + timedelta(days=1)
    assert await store.registration("another") == REGISTRATION
    assert sum((await store.sealed.count()).links.values()) == 1
    assert await store.audit.find() == []
    assert (await store.outbox.counts()).waiting == 0
    assert await store.outbox.dead_letters() == []
    assert await store.outbox.ending(None, since=link.updated_at, before=later, limit=10) == []
    assert await store.history.look() is not None
    assert await store.inventory.authorizations_of("nobody") == []
    assert (await store.inventory.count(LinkFilter())).counts == {("github", "ok"): 1}
    await store.ping()
    [found] = (await store.inventory.find(LinkFilter())).links
    return found.key


async def names_on(connection: asyncpg.Connection[asyncpg.Record]) -> list[str]:
    """Return the names that the server knows on this connection for statements of the store's."""
    statement = await connection.prepare(
        "SELECT name FROM pg_prepared_statements"
        " WHERE NOT from_sql AND statement NOT LIKE '%pg_prepared_statements%'",
        name="",
    )
    rows = await statement.fetch()
    return [row[0] for row in rows]


def levels_told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return at what levels the log was told something by extauth."""
    return [record.levelname for record in caplog.records if record.name.startswith("extauth")]
