"""Restored and copied databases that no replica remembers: which are noticed, and what is presented then."""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from extauth import LinkDoubtful, LinkKey, RefreshPolicy, TokenService, open_store
from extauth.adapters.postgres import PostgresLinkStore
from extauth.adapters.postgres import history as module
from extauth.domain.events import StoreRestored
from extauth.domain.fence import fence
from extauth.domain.policy import ProviderTraits
from extauth.domain.store_history import HeldLinks
from extauth.testing.scripted.provider import ScriptedProvider
from tests.adapters.postgres.failing_over import until_it_works
from tests.servers.postgres_binaries import find_binaries
from tests.servers.postgres_server import own_postgres

POLICY = RefreshPolicy(hold_after_failover=timedelta(seconds=0.6), hold_doubtful=True)
SOON = timedelta(minutes=1)


class World:
    """Providers that revoke a grant whose refresh token comes twice, or give the same one always."""

    def __init__(self) -> None:
        self.strict = ScriptedProvider("strict")
        self.lasting = ScriptedProvider("lasting", traits=ProviderTraits(rotates=False))
        self.told: list[StoreRestored] = []

    def notify(self, event: object) -> None:
        if isinstance(event, StoreRestored):
            self.told.append(event)

    async def opened(self, stack: AsyncExitStack, dsn: str) -> TokenService:
        """Start a replica."""
        opening = open_store(dsn, keys="plain")
        store = await until_it_works(lambda: stack.enter_async_context(opening))
        providers = [self.strict, self.lasting]
        tokens = TokenService(store, providers, policy=POLICY, observer=self)
        return await stack.enter_async_context(tokens)

    async def connect(self, dsn: str) -> None:
        """Have links, used by a replica; the access token of one works."""
        async with open_store(dsn, keys="plain") as store, AsyncExitStack() as stack:
            ended = datetime.now(UTC) - SOON
            for provider, users in ((self.strict, ("used", "left", "works")), (self.lasting, ("used",))):
                for user in users:
                    tokens = attrs.evolve(provider.grant(), expires_at=ended)
                    await store.put(LinkKey(provider.provider_id, user), tokens)
            replica = await self.opened(stack, dsn)
            await replica.link("strict", "works")

    async def use(self, dsn: str) -> None:
        """Refresh what the restored database has an older state of."""
        async with AsyncExitStack() as stack:
            replica = await self.opened(stack, dsn)
            for provider in ("strict", "lasting"):
                await replica.refresh(provider, "used")

    async def after(self, dsn: str) -> None:
        """See that nothing is presented by replicas that know of nothing, and what an operator does."""
        presented = len(self.strict.presented)
        async with AsyncExitStack() as stack:
            replicas = [await self.opened(stack, dsn) for _ in range(2)]
            for user in ("used", "left"):
                for replica in replicas:
                    with pytest.raises(LinkDoubtful):
                        await replica.link("strict", user)
            await replicas[0].link("strict", "works")
            await replicas[0].link("lasting", "used")
            assert len(self.strict.presented) == presented
            assert self.told == [StoreRestored(doubtful=3, held=3)]
            store: Any = replicas[0]._refresh_flight._store
            assert await store.lift_failure("strict", user_id="left", reason="doubtful") == 1
            assert (await replicas[1].link("strict", "left")).version == 2
        assert self.strict.families_revoked == 0
        async with AsyncExitStack() as stack:
            replica = await self.opened(stack, dsn)
            assert not replica._refresh_flight._watch.holding
        assert len(self.told) == 1


def tool(name: str, *arguments: str) -> None:
    """Run one of Postgres's own."""
    done = subprocess.run([find_binaries() / name, *arguments], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("where", ["the same place", "another cluster"])
async def test_a_dump_that_was_restored(postgres_dsn, tmp_path, where):
    """Whether the tables are made anew where they were, or in a cluster of their own."""
    world, dump = World(), str(tmp_path / "links.dump")
    await world.connect(postgres_dsn)
    await asyncio.to_thread(
        tool, "pg_dump", "--format=custom", "--table=external_auth_*", f"--file={dump}", postgres_dsn
    )
    await world.use(postgres_dsn)
    restore = ("pg_restore", "--clean", "--if-exists", "--single-transaction")
    if where == "the same place":
        await asyncio.to_thread(tool, *restore, f"--dbname={postgres_dsn}", dump)
        await world.after(postgres_dsn)
        return
    with own_postgres() as other:
        async with open_store(other.dsn, keys="plain"):  # makes the functions that the tables' triggers call
            pass
        await asyncio.to_thread(tool, *restore, f"--dbname={other.dsn}", dump)
        await world.after(other.dsn)


async def test_a_base_backup():
    """Recovered as for a point in time it has another timeline. Started as it is it has the same name for
    everything, which nobody can tell from the server that it was made of: an operator says so."""
    world = World()
    with own_postgres() as server:
        await world.connect(server.dsn)
        with own_postgres(restored_from=server, becomes="recovered") as recovered:
            with own_postgres(restored_from=server) as started:
                await world.use(server.dsn)
                server.stop("immediate")
                async with PostgresLinkStore.open(started.dsn) as store:
                    seen = await store.history.look()
                    assert seen.accepted == seen.current
                    assert (await store.history.hold(await store.time(), spared=["lasting"])).held == 3
                async with AsyncExitStack() as stack:
                    with pytest.raises(LinkDoubtful):
                        await (await world.opened(stack, started.dsn)).link("strict", "used")
            assert world.told == []
            await world.after(recovered.dsn)


async def test_a_copy_of_the_database(postgres_server, postgres_dsn):
    """As it is made for a trial, on the same server: it presents nothing of what its original refreshes."""
    world = World()
    await world.connect(postgres_dsn)
    name = postgres_dsn.rsplit("/", 1)[1].split("?")[0]
    async with postgres_server.fresh_database(f"TEMPLATE {name}") as copy:
        await world.use(postgres_dsn)
        await world.after(copy)


async def test_a_copy_without_links_is_refreshed_at_once(postgres_server, postgres_dsn):
    """As from a template that has the tables, which each test of an application may begin with."""
    world = World()
    async with AsyncExitStack() as stack:
        await world.opened(stack, postgres_dsn)
    name = postgres_dsn.rsplit("/", 1)[1].split("?")[0]
    async with postgres_server.fresh_database(f"TEMPLATE {name}") as copy, AsyncExitStack() as stack:
        replica = await world.opened(stack, copy)
        assert not replica._refresh_flight._watch.holding
    assert world.told == []


async def test_many_links_are_held_in_steps(postgres_dsn, monkeypatch):
    """Each marks some, and says where to go on; what was written since, is dead or fenced stays as it is."""
    world = World()
    await world.connect(postgres_dsn)
    async with PostgresLinkStore.open(postgres_dsn) as store:
        before = await store.time()
        await store.put(LinkKey("strict", "new"), world.strict.grant())
        await store.record_failure(LinkKey("strict", "left"), 1, fence(before))
        monkeypatch.setattr(module, "AT_ONCE", 2)
        monkeypatch.setattr(module, "HOLD", module.HOLD.replace("LIMIT 2000", "LIMIT 2"))
        first = await store.history.hold(before, spared=["lasting"])
        assert (first.held, first.next) == (0, LinkKey("strict", "left"))
        second = await store.history.hold(before, spared=["lasting"], after=first.next)
        assert (second.held, second.next) == (1, LinkKey("strict", "used"))
        third = await store.history.hold(before, spared=["lasting"], after=second.next)
        assert (third.held, third.next) == (1, None)
        assert await store.history.hold(before, after=LinkKey("zoom", "zoe")) == HeldLinks(0, None)
        marks = {
            link.key.user_id: link.failure and link.failure.reason
            for user in ("new", "left", "used", "works")
            for link in await store.links_of(user)
            if link.key.provider_id == "strict"
        }
        assert marks == {"new": None, "left": "fenced", "used": "doubtful", "works": "doubtful"}
