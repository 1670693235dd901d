"""A primary gives way to its standby under a storm, by each way in: ``python -m chaos.poolers``.

Real Postgres servers with streaming, and the real PgBouncer, pgpool-II and HAProxy. Three replicas read and
rotate links of a provider that ends a grant whose refresh token is presented twice. The primary is killed, or
stopped in order, which sends its standby all that it has; the standby is promoted at once. Exit status 1 if a
link is lost or a replica is not served again.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Final, Literal, TypeAlias, TypeVar

import asyncpg
import attrs

from chaos.served import Callers
from chaos.ways_in import WAYS, WayIn, port_of, versions
from extauth import LinkKey, RefreshPolicy, TokenService, open_store
from extauth.domain.events import Event, StoreWentBack
from extauth.testing import ScriptedProvider
from tests.servers.postgres_server import OwnPostgresServer, own_postgres
from tests.support.postgres_admin import run, session

T = TypeVar("T")

How: TypeAlias = Literal["crash", "switchover"]

REPLICAS: Final = 3
CALLERS: Final = 3
"""Of each replica, who read; and as many who rotate."""
PROVIDER: Final = "scripted"
WARM: Final = 50
"""Rotations of each replica before anything happens."""
PATIENCE: Final = 180.0
"""Seconds for being served again: a lease that the failure has left behind is over long before."""
LOOK: Final = 0.02
"""Seconds between two looks at what leads where."""


@attrs.frozen
class Handover:
    """When each step was done; in seconds since the primary began to go."""

    began: float
    """On the loop's clock."""
    gone: float
    promoted: float
    followed: float
    """A new connection by this way is the new primary's."""


@attrs.frozen
class Outcome:
    """What came of one; times are counted likewise."""

    handover: Handover
    reads: float
    """Each replica has served one that began later than the primary was gone."""
    rotations: float
    whole: float
    """Each link has been rotated by somebody."""
    quiet: float
    """The last call that failed has ended."""
    failures: str
    lost: int
    replays: int
    healed: int


class _Healed:
    def __init__(self) -> None:
        self.links = 0

    def notify(self, event: Event) -> None:
        if isinstance(event, StoreWentBack):
            self.links += event.healed


@asynccontextmanager
async def _replica(
    dsn: str, provider: ScriptedProvider, policy: RefreshPolicy, healed: _Healed
) -> AsyncIterator[TokenService]:
    async with (
        open_store(dsn, keys="plain", max_size=5) as store,
        TokenService(store, [provider], policy=policy, observer=healed) as tokens,
    ):
        yield tokens


async def give_way(name: str, how: How, policy: RefreshPolicy, *, links: int, seed: str) -> Outcome:
    """Let the primary go in the middle of a storm, and see when all is as before."""
    provider = ScriptedProvider(PROVIDER)
    keys = [LinkKey(PROVIDER, f"user-{number}") for number in range(links)]
    callers, healed = Callers(keys), _Healed()
    with own_postgres() as primary, own_postgres(standby_of=primary) as standby:
        async with open_store(primary.dsn, keys="plain") as store:
            for key in keys:
                await store.put(key, provider.grant())
        async with WAYS[name](primary, standby) as way, AsyncExitStack() as stack:
            opening = (_replica(way.dsn, provider, policy, healed) for _ in range(REPLICAS))
            replicas = [await stack.enter_async_context(each) for each in opening]
            async with callers.calling(replicas, each=CALLERS, seed=seed):
                await _once(
                    lambda: all(callers.rotated(number) >= WARM for number in range(REPLICAS)) or None
                )
                handover = await _hand_over(way, primary, standby, how)
                since = handover.began + handover.gone
                reads, rotations, whole = [
                    await _once(at) - handover.began
                    for at in (
                        lambda: callers.by_all("read", REPLICAS, since),
                        lambda: callers.by_all("rotation", REPLICAS, since),
                        lambda: callers.of_all_links(since),
                    )
                ]
        async with open_store(standby.dsn, keys="plain") as store:
            stored = [await store.get(key) for key in keys]
    live = sum(link is not None and provider.is_live(link.tokens) for link in stored)
    return Outcome(
        handover,
        reads,
        rotations,
        whole,
        callers.last_failed(handover.began) - handover.began,
        callers.failures(handover.began),
        links - live,
        provider.families_revoked,
        healed.links,
    )


async def _hand_over(
    way: WayIn, primary: OwnPostgresServer, standby: OwnPostgresServer, how: How
) -> Handover:
    loop = asyncio.get_running_loop()
    began = loop.time()
    if how == "crash":
        await asyncio.to_thread(primary.kill)
    else:
        await way.pause()
        # It sends its standby all that it has before it ends.
        await asyncio.to_thread(primary.stop, "fast")
    gone = loop.time() - began
    await run(standby.dsn, "SELECT pg_promote()")
    promoted = loop.time() - began
    await way.follow()
    await _until_it_leads_to(port_of(standby), way)
    return Handover(began, gone, promoted, loop.time() - began)


async def _until_it_leads_to(port: int, way: WayIn) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                async with asyncio.timeout(1), session(way.dsn) as new:
                    if await new.fetchval("/* on the primary */ SELECT inet_server_port()") == port:
                        return
            await asyncio.sleep(LOOK)


async def _once(found: Callable[[], T | None]) -> T:
    """Return what is found, once it is."""
    async with asyncio.timeout(PATIENCE):
        while (value := found()) is None:
            await asyncio.sleep(LOOK)
        return value


def _row(name: str, how: How, outcome: Outcome) -> str:
    handover = outcome.handover
    times = (
        handover.promoted,
        handover.followed,
        outcome.reads,
        outcome.rotations,
        outcome.whole,
        outcome.quiet,
    )
    return (
        f"{name:31} {how:11}{''.join(f'{each:11.2f}' for each in times)}"
        f"{outcome.lost:6}{outcome.healed:8}  {outcome.failures}"
    )


def main(arguments: Sequence[str]) -> int:
    """Run each way and each mishap as often as asked for, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m chaos.poolers", description=__doc__)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS), metavar="WAY")
    parser.add_argument("--links", type=int, default=24)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--hold", type=float, help="seconds of hold_after_failover, in place of its default")
    options = parser.parse_args(arguments)
    policy = RefreshPolicy()
    if options.hold is not None:
        policy = attrs.evolve(policy, hold_after_failover=timedelta(seconds=options.hold))
    logging.getLogger("extauth").addHandler(logging.NullHandler())
    logging.getLogger("extauth").propagate = False
    print(f"{versions()}; hold_after_failover {policy.hold_after_failover.total_seconds():g} s")
    steps = ("promoted", "followed", "reads", "rotations", "all links", "last error")
    print(f"{'way in':31} {'':11}{''.join(f'{step:>11}' for step in steps)}{'lost':>6}{'healed':>8}  errors")
    lost = 0
    for number in range(options.times):
        for name in options.ways:
            for how in ("crash", "switchover"):
                seed = f"{name} {how} {number}"
                outcome = asyncio.run(give_way(name, how, policy, links=options.links, seed=seed))
                print(_row(name, how, outcome), flush=True)
                lost += outcome.lost
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
