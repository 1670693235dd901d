"""A standby that was behind is promoted under running replicas: ``python -m chaos.failover``.

Real Postgres servers: streaming to the standby is stalled, replicas rotate every link one to three times, the
primary is killed and the standby promoted. Then every link is refreshed by another replica than the one that
saved it last. The provider revokes a grant whose refresh token is presented twice. Exit status 1 if a link is
lost that a replica which still runs knows.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Final

import attrs

from extauth import LinkKey, RefreshPolicy, TokenService, open_store
from extauth.domain.errors import ReauthorizationRequired, TemporarilyUnavailable
from extauth.domain.events import Event, StoreWentBack
from extauth.testing import ScriptedProvider
from tests.servers.postgres_server import OwnPostgresServer, own_postgres
from tests.support.postgres_admin import run, session

REPLICAS: Final = 3
PROVIDER: Final = "scripted"
HOLD: Final = timedelta(seconds=2)


@attrs.frozen
class Variant:
    """How the replicas are set up, and what happens to one of them."""

    policy: RefreshPolicy
    restarted: bool = False
    """Whether the one that saved the first of every three links last is gone when the standby takes over."""


VARIANTS: Final[Mapping[str, Variant]] = {
    "nothing is remembered": Variant(RefreshPolicy(remember_most=0, hold_after_failover=timedelta(0))),
    "without the hold": Variant(RefreshPolicy(hold_after_failover=timedelta(0))),
    "as it is": Variant(RefreshPolicy(hold_after_failover=HOLD)),
    "as it is, one replica restarted": Variant(RefreshPolicy(hold_after_failover=HOLD), restarted=True),
}
SAFE: Final = ("as it is", "as it is, one replica restarted")


@attrs.frozen
class Outcome:
    """What came of it."""

    links: int
    live: int
    """Of how many the provider takes what is stored."""
    replays: int
    healed: Sequence[StoreWentBack]


class _Events:
    def __init__(self) -> None:
        self.went_back: list[StoreWentBack] = []

    def notify(self, event: Event) -> None:
        if isinstance(event, StoreWentBack):
            self.went_back.append(event)


@asynccontextmanager
async def _replica(
    dsn: str, provider: ScriptedProvider, policy: RefreshPolicy, events: _Events
) -> AsyncIterator[TokenService]:
    async with (
        open_store(dsn, keys="plain", max_size=3, command_timeout=timedelta(seconds=3)) as store,
        TokenService(store, [provider], policy=policy, observer=events) as tokens,
    ):
        yield tokens


async def failover(variant: Variant, links: int) -> Outcome:
    """Lose what the standby has not received, and see which links live."""
    provider = ScriptedProvider(PROVIDER)
    keys = [LinkKey(PROVIDER, f"user-{number}") for number in range(links)]
    events = _Events()
    with own_postgres() as primary, own_postgres(standby_of=primary) as standby:
        hosts = ",".join(server.dsn.split("@")[1].split("/")[0] for server in (primary, standby))
        dsn = f"postgresql://postgres@{hosts}/postgres?sslmode=disable"
        async with AsyncExitStack() as stack:

            async def started() -> tuple[AsyncExitStack, TokenService]:
                own = await stack.enter_async_context(AsyncExitStack())
                opening = _replica(dsn, provider, variant.policy, events)
                return own, await own.enter_async_context(opening)

            replicas = [await started() for _ in range(REPLICAS)]
            async with open_store(dsn, keys="plain") as store:
                for key in keys:
                    await store.put(key, provider.grant())
            await _stall(primary, standby)
            for number, key in enumerate(keys):
                for time in range(1 + number % 3):
                    await _until_served(replicas[(number + time) % REPLICAS][1], key)
                # Another one that only reads it, as replicas of one application do.
                await replicas[(number + 2) % REPLICAS][1].link(key.provider_id, key.user_id)
            await asyncio.to_thread(primary.stop, "immediate")
            await run(standby.dsn, "SELECT pg_promote()")
            if variant.restarted:
                await replicas[0][0].aclose()
                replicas[0] = await started()
            work = (
                _until_served(replicas[(2 * number + 1) % REPLICAS][1], key)
                for number, key in enumerate(keys)
            )
            await asyncio.gather(*work)
            async with open_store(standby.dsn, keys="plain") as store:
                stored = [await store.get(key) for key in keys]
    live = sum(link is not None and provider.is_live(link.tokens) for link in stored)
    return Outcome(links, live, provider.families_revoked, tuple(events.went_back))


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


async def _until_served(tokens: TokenService, key: LinkKey) -> None:
    while True:
        try:
            await tokens.refresh(key.provider_id, key.user_id)
        except TemporarilyUnavailable:
            await asyncio.sleep(0.05)
        except ReauthorizationRequired:
            return
        else:
            return


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
