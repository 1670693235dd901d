"""What an application sees while its database is locked, refuses, is damaged, is changed or is gone."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta

import attrs

from extauth import TokenSet
from extauth.domain.linking import ClientRegistration, PendingAuthorization
from extauth.domain.token_set import ResourceToken
from tests.secrecy.acts import KEY, Act, Stage
from tests.secrecy.places import SQLITE

TABLES = ("external_auth_links", "external_auth_authorizations", "external_auth_registrations")
TTL = timedelta(minutes=1)


async def locked(stage: Stage) -> None:
    """Others hold a lock for longer than the store waits."""
    await stage.connect()
    callback = stage.canaries.of_callback(await stage.callback())
    async with stage.place.locked():
        await _refused(stage, [*_writes(stage), *_flows(stage, callback)])


async def refusing(stage: Stage) -> None:
    """The database refuses rows, and says which."""
    await stage.connect()
    callback = stage.canaries.of_callback(await stage.callback())
    for number, table in enumerate(TABLES):
        for statement in _refusals(stage, table, f"refuse_{number}"):
            await stage.place.execute(statement)
    await _refused(stage, [*_writes(stage), *_flows(stage, callback)])


async def refusing_a_save(stage: Stage) -> None:
    """The database takes the lease and refuses the new tokens, until it takes them after all."""
    await stage.connect()
    event = "UPDATE OF oauth_access_token"
    for statement in _refusals(stage, TABLES[0], "refuse", event):
        await stage.place.execute(statement)
    await stage.refresh()
    where = "" if stage.place.kind in SQLITE else f" ON {TABLES[0]}"
    await stage.place.execute(f"DROP TRIGGER refuse{where}")


async def damaged(stage: Stage) -> None:
    """A row holds what nobody can have written."""
    await stage.connect()
    token, extra = stage.canaries.new("access token"), stage.canaries.new("id token")
    await _damage(stage, "oauth_extra", f'\'{{"id_token": "{extra}\'')
    await stage.watch.refused(stage.token())
    await stage.watch.refused(stage.linking.links("alice"))
    await _damage(stage, "oauth_extra", "''")
    await _damage(stage, "oauth_resource_tokens", f"'[\"{extra}\"]'")
    await stage.watch.refused(stage.token())
    await _damage(stage, "oauth_resource_tokens", "''")
    if stage.place.kind in SQLITE:
        for column in ("oauth_extra", "oauth_access_token"):
            await _damage(stage, column, f"CAST(x'{token.encode().hex()}ff' AS TEXT)")
            await stage.watch.refused(stage.token())
            await stage.watch.refused(stage.place.store.links_of("alice"))


async def changed(stage: Stage) -> None:
    """Somebody has renamed the tables."""
    await stage.connect()
    callback = stage.canaries.of_callback(await stage.callback())
    for table in TABLES:
        await stage.place.execute(f"ALTER TABLE {table} RENAME TO {table}_old")
    await _refused(stage, [*_reads(stage), *_writes(stage), *_flows(stage, callback)])


async def gone(stage: Stage) -> None:
    """The connections are gone, and no other can be had."""
    await stage.connect()
    callback = stage.canaries.of_callback(await stage.callback())
    async with stage.place.cut():
        await _refused(stage, [*_writes(stage), *_reads(stage), *_flows(stage, callback)])


BREAKAGES: tuple[Act, ...] = (locked, refusing, refusing_a_save, damaged, changed, gone)


def _reads(stage: Stage) -> list[Awaitable[object]]:
    store = stage.place.store
    return [store.get(KEY), store.links_of("alice"), store.registration("one"), stage.token()]


def _writes(stage: Stage) -> list[Awaitable[object]]:
    store, canaries = stage.place.store, stage.canaries
    resource = {"https://api.example": ResourceToken(canaries.new("access token"))}
    tokens = TokenSet(
        canaries.new("access token"),
        canaries.new("refresh token"),
        extra={"id_token": canaries.new("id token")},
        resource_tokens=resource,
    )
    pending = PendingAuthorization(
        state_hash="0" * 64, key=KEY, redirect_uri="https://app.example/c", salt=canaries.new("state or salt")
    )
    registration = ClientRegistration(
        issuer="https://as.example",
        client_id="c-1",
        client_secret=canaries.new("client secret"),
        registration_token=canaries.new("registration token"),
    )
    sealed = attrs.evolve(tokens, resource_tokens={})
    return [
        store.put(KEY, tokens),
        store.save(KEY, 1, tokens),
        store.reseal(KEY, 1, sealed),
        store.delete(KEY),
        store.begin_authorization(pending, TTL),
        store.keep_registration("one", registration),
    ]


def _flows(stage: Stage, callback: str) -> list[Awaitable[object]]:
    return [
        stage.refresh(),
        stage.callback(),
        stage.linking.complete(callback, user_id="alice"),
        stage.linking.unlink("example", "alice"),
    ]


async def _damage(stage: Stage, column: str, value: str) -> None:
    await stage.place.execute(f"UPDATE {TABLES[0]} SET {column} = {value}")  # noqa: S608 - the test's own


async def _refused(stage: Stage, calls: list[Awaitable[object]]) -> None:
    for call in calls:
        await stage.watch.refused(call)


def _refusals(stage: Stage, table: str, name: str, *events: str) -> list[str]:
    """Write statements that make the database refuse these changes, quoting the row where it can."""
    events = events or ("INSERT", "UPDATE", "DELETE")
    if stage.place.kind in SQLITE:
        several = len(events) > 1
        return [
            f"CREATE TRIGGER {name}{number if several else ''} BEFORE {event} ON {table}"
            " BEGIN SELECT RAISE(ABORT, 'no'); END"
            for number, event in enumerate(events)
        ]
    refuse = f"CREATE TRIGGER {name} BEFORE {' OR '.join(events)} ON {table}"
    return [
        f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'refused' USING DETAIL = coalesce(NEW, OLD)::text, HINT = coalesce(NEW, OLD)::text;
END $$""",
        f"{refuse} FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]
