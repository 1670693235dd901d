"""A standby that was behind is promoted under running replicas: ``python -m chaos.failover``.

Real Postgres servers and processes: streaming to the standby is stalled, replicas rotate every link one to
three times, the primary is killed and the standby promoted. Then every link is refreshed by another replica
than the one that saved it last. The provider revokes a grant whose refresh token is presented twice. Exit
status 1 if a link is lost that a replica which still runs knows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, final

import attrs

from chaos.failover_replica import PROVIDER, Orders, Task
from chaos.processes import OurProcess
from extauth import LinkKey, RefreshPolicy, open_store
from extauth.domain.events import StoreWentBack
from extauth.testing import AuthorizationServer
from tests.servers.postgres_server import OwnPostgresServer, own_postgres
from tests.support.postgres_admin import run, session

REPLICAS: Final = 3
HOLD: Final = timedelta(seconds=2)


@attrs.frozen
class Variant:
    """How the replicas are set up, and what happens to one of them."""

    policy: RefreshPolicy
    killed: bool = False
    """Whether the one that saved the first of every three links last is killed before the standby takes over,
    by SIGKILL, and another one started in its place."""


VARIANTS: Final[Mapping[str, Variant]] = {
    "nothing is remembered": Variant(RefreshPolicy(remember_most=0, hold_after_failover=timedelta(0))),
    "without the hold": Variant(RefreshPolicy(hold_after_failover=timedelta(0))),
    "as it is": Variant(RefreshPolicy(hold_after_failover=HOLD)),
    "as it is, one replica killed": Variant(RefreshPolicy(hold_after_failover=HOLD), killed=True),
}
SAFE: Final = ("as it is", "as it is, one replica killed")


@attrs.frozen
class Outcome:
    """What came of it."""

    links: int
    live: int
    """Of how many the provider takes what is stored."""
    replays: int
    healed: Sequence[StoreWentBack]


@final
class _Replica:
    """A process of its own."""

    def __init__(self, process: OurProcess) -> None:
        self._process = process

    @classmethod
    async def start(cls, folder: Path, orders: Orders) -> _Replica:
        """Start it, and wait until it has opened the store."""
        process = await OurProcess.start("replica", folder, "chaos.failover_replica")
        process.tell(json.dumps(attrs.asdict(orders)))
        await process.hear()
        return cls(process)

    async def carry_out(self, act: Literal["refresh", "read"], *users: str) -> list[StoreWentBack]:
        """Have it do that, and return what it was told of meanwhile."""
        self._process.tell(json.dumps(attrs.asdict(Task(act, users))))
        told = json.loads(await self._process.hear())
        return [StoreWentBack(**event | {"held": timedelta(seconds=event["held"])}) for event in told]

    async def kill(self) -> None:
        """End it with SIGKILL."""
        await self._process.kill()


async def failover(variant: Variant, links: int) -> Outcome:
    """Lose what the standby has not received, and see which links live."""
    users = [f"user-{number}" for number in range(links)]
    keys = [LinkKey(PROVIDER, user) for user in users]
    with own_postgres() as primary, own_postgres(standby_of=primary) as standby:
        hosts = ",".join(server.dsn.split("@")[1].split("/")[0] for server in (primary, standby))
        dsn = f"postgresql://postgres@{hosts}/postgres?sslmode=disable"
        async with AuthorizationServer() as server, AsyncExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="extauth-failover-")))
            orders = Orders(
                store=dsn,
                token_url=server.token_url,
                client_id=server.client_id,
                client_secret=server.client_secret,
                remember_most=variant.policy.remember_most,
                hold=variant.policy.hold_after_failover.total_seconds(),
            )

            async def started() -> _Replica:
                replica = await _Replica.start(folder, orders)
                stack.push_async_callback(replica.kill)
                return replica

            async with open_store(dsn, keys="plain") as store:
                for user, key in zip(users, keys, strict=True):
                    await store.put(key, server.new_grant(user))
            replicas = [await started() for _ in range(REPLICAS)]
            await _stall(primary, standby)
            for number, user in enumerate(users):
                for time in range(1 + number % 3):
                    await replicas[(number + time) % REPLICAS].carry_out("refresh", user)
                # Another one that only reads it, as replicas of one application do.
                await replicas[(number + 2) % REPLICAS].carry_out("read", user)
            await asyncio.to_thread(primary.stop, "immediate")
            if variant.killed:
                await replicas[0].kill()
            await run(standby.dsn, "SELECT pg_promote()")
            if variant.killed:
                replicas[0] = await started()
            work = (
                replica.carry_out(
                    "refresh",
                    *(user for each, user in enumerate(users) if (2 * each + 1) % REPLICAS == number),
                )
                for number, replica in enumerate(replicas)
            )
            told = [event for events in await asyncio.gather(*work) for event in events]
            async with open_store(standby.dsn, keys="plain") as store:
                stored = [await store.get(key) for key in keys]
            live = sum(
                link is not None and server.grants.refreshable(link.tokens.refresh_token or "")
                for link in stored
            )
            return Outcome(links, live, server.grants.families_revoked, told)


async def _stall(primary: OwnPostgresServer, standby: OwnPostgresServer) -> None:
    """Let the standby catch up, and receive nothing more."""
    async with session(primary.dsn) as there, session(standby.dsn) as here:
        written = await there.fetchval("SELECT pg_current_wal_lsn()::text")
        while not await here.fetchval("SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", written):
            await asyncio.sleep(0.02)
        await here.execute("ALTER SYSTEM SET primary_conninfo = ''")
        await here.execute("SELECT pg_reload_conf()")
        while await here.fetchval("SELECT count(*) FROM pg_stat_wal_receiver"):
            await asyncio.sleep(0.02)


def main(arguments: Sequence[str]) -> int:
    """Run each variant as often as asked for, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m chaos.failover", description=__doc__)
    parser.add_argument("--links", type=int, default=24)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args(arguments)
    logging.getLogger("extauth").addHandler(logging.NullHandler())
    logging.getLogger("extauth").propagate = False
    lost = 0
    print(f"{'replicas':34}{'links that live, of ' + str(options.links):28}grants revoked for a replay")
    for name, variant in VARIANTS.items():
        outcomes = [asyncio.run(failover(variant, options.links)) for _ in range(options.times)]
        live = ", ".join(str(outcome.live) for outcome in outcomes)
        print(f"{name:34}{live:28}{', '.join(str(outcome.replays) for outcome in outcomes)}", flush=True)
        if name in SAFE:
            lost += sum(outcome.links - outcome.live for outcome in outcomes)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
