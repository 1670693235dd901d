"""Keys are rotated while processes refresh: ``python -m chaos.rotation``, on Postgres and on one SQLite file.

All links are under the old key. Four processes refresh links drawn at random at a real authorization server
and one of them is killed with SIGKILL; so is the process that rotates, and then two others share the rest.
Afterwards every link must open with the new key alone, with the refresh token that the server holds to be the
newest, or with one that gives a new one: the server forgives a token that is one behind, since what a killed
process was told cannot be known. Exit status 1 if a link does not, or a grant is lost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import attrs

from chaos.processes import OurProcess
from chaos.rotating import PROVIDER, Orders, provider, user
from extauth import LinkKey, TokenService, open_store
from extauth.adapters.encryption import EncryptionKey
from extauth.domain.linking_ports import Store
from extauth.keys import KeyUse, keys_status
from extauth.testing import AuthorizationServer
from tests.servers.postgres_server import own_postgres

_AT_ONCE = 200
"""Links that are written at the beginning, or looked at in the end, at the same time."""


@final
@attrs.frozen
class Outcome:
    """What came of a storm."""

    links: int
    refreshed: int
    """Refreshes that the processes that lived were told of."""
    refused: dict[str, int]
    """Calls that failed, by the error's code."""
    rotating: float
    """Seconds from the first rotation's beginning to the last one's end."""
    written: list[int]
    """Links written by each rotation that came to its end."""
    unopened: int
    """Links that are not there, or not under the new key alone."""
    behind: int
    """Links with another refresh token than the server's newest."""
    lost: list[str]
    """Of those, users whose grant is dead."""
    revoked: int
    """Grants that the server has revoked because of a reuse."""
    old: KeyUse
    """What the old key is still in use for."""

    @property
    def good(self) -> bool:
        """Whether nothing is lost."""
        return not (self.unopened or self.lost or self.revoked or self.old.rows)


async def storm(url: str, folder: Path, *, links: int, replicas: int = 4, seed: int = 1) -> Outcome:
    """Run one.

    :raises ProcessFailed: if a process ended that nobody killed.
    """
    old, new = EncryptionKey.generate("old"), EncryptionKey.generate("new")
    rng = random.Random(seed)
    async with AuthorizationServer(reuse="one_behind") as server:
        async with open_store(url, keys=old) as store:
            await _connect(store, server, links)
        orders = Orders(
            role="refresh",
            store=url,
            keys=[new.reveal(), old.reveal()],
            token_url=server.token_url,
            client_id=server.client_id,
            client_secret=server.client_secret,
            links=links,
            seed=str(seed),
        )
        processes: list[OurProcess] = []

        async def start(name: str, **changes: Any) -> OurProcess:
            process = await OurProcess.start(name, folder, "chaos.rotating")
            processes.append(process)
            process.tell(json.dumps(attrs.asdict(attrs.evolve(orders, seed=f"{seed}:{name}", **changes))))
            return process

        try:
            refreshing = [await start(f"replica-{number}") for number in range(replicas)]
            for process in refreshing:
                await process.hear()
            began = time.monotonic()
            first = await start("rotation-0", role="rotate")
            await _until(first, links * 8 // 10)
            await refreshing.pop(rng.randrange(replicas)).kill()
            await _until(first, links * 7 // 10)
            await first.kill()
            ends = await asyncio.gather(
                *[_end(await start(f"rotation-{number}", role="rotate")) for number in (1, 2)]
            )
            rotating = time.monotonic() - began
            told = [await _stopped(process) for process in refreshing]
        finally:
            await asyncio.gather(*(process.kill() for process in processes))
        async with open_store(url, keys=new, plain_rows="refuse") as store:
            unopened, behind = await _looked_at(store, server, links)
            lost = await _lost(store, orders, behind)
            status = await keys_status(store)
        return Outcome(
            links=links,
            refreshed=sum(each["refreshed"] for each in told),
            refused=_summed([each["refused"] for each in told]),
            rotating=rotating,
            written=[end["written"] for end in ends],
            unopened=unopened,
            behind=len(behind),
            lost=lost,
            revoked=server.grants.families_revoked,
            old=status.use_of("old"),
        )


async def _connect(store: Store, server: AuthorizationServer, links: int) -> None:
    for start in range(0, links, _AT_ONCE):
        users = map(user, range(start, min(start + _AT_ONCE, links)))
        await asyncio.gather(*(store.put(LinkKey(PROVIDER, each), server.new_grant(each)) for each in users))


async def _until(rotation: OurProcess, left: int) -> None:
    """Wait until so many are left: what replicas refresh need not be rotated, and all may be."""
    while json.loads(await rotation.hear()).get("remaining", 0) > left:
        pass


async def _end(rotation: OurProcess) -> dict[str, Any]:
    while "left" not in (told := json.loads(await rotation.hear())):
        pass
    return dict(told)


async def _stopped(process: OurProcess) -> dict[str, Any]:
    await process.stop()
    return dict(json.loads(await process.hear()))


async def _looked_at(store: Store, server: AuthorizationServer, links: int) -> tuple[int, list[str]]:
    newest = server.grants.live_refresh_tokens()
    unopened, behind = 0, list[str]()
    for start in range(0, links, _AT_ONCE):
        users = [user(number) for number in range(start, min(start + _AT_ONCE, links))]
        found = await asyncio.gather(
            *(store.get(LinkKey(PROVIDER, each)) for each in users), return_exceptions=True
        )
        for each, link in zip(users, found, strict=True):
            if link is None or isinstance(link, BaseException):
                unopened += 1
            elif (token := link.tokens.refresh_token or "") not in newest:
                behind.append(each)
            else:
                unopened += server.grants.subject_of(token) != each
    return unopened, behind


async def _lost(store: Store, orders: Orders, users: Sequence[str]) -> list[str]:
    lost: list[str] = []
    async with TokenService(store, [provider(orders)]) as tokens:
        for each in users:
            link = await store.get(LinkKey(PROVIDER, each))
            try:
                rejected = None if link is None else link.tokens.access_token
                await tokens.refresh(PROVIDER, each, rejected=rejected)
            except Exception as error:  # noqa: BLE001 - whatever it is, the user has no token
                lost.append(f"{each}: {error}")
    return lost


def _summed(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    codes = sorted({code for each in counts for code in each})
    return {code: sum(each.get(code, 0) for each in counts) for code in codes}


def report(what: str, outcome: Outcome) -> str:
    """Say what came of it."""
    return (
        f"{what}: {'nothing is lost' if outcome.good else 'FAILED'}\n"
        f"  {outcome.links} links brought under another key in {outcome.rotating:.1f} s, by one rotation that"
        f" was killed and two that went on ({' and '.join(map(str, outcome.written))} links)\n"
        f"  {outcome.refreshed} refreshes meanwhile; calls that failed: {outcome.refused or 'none'}\n"
        f"  not to be opened with the new key: {outcome.unopened}; old key in use for: {outcome.old};"
        f" grants revoked: {outcome.revoked}\n"
        f"  one behind after the kill: {outcome.behind}, of which lost: {outcome.lost or 'none'}"
    )


def main(arguments: list[str]) -> int:
    """Run what the options ask for and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m chaos.rotation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", choices=["postgres", "sqlite", "both"], default="postgres")
    parser.add_argument("--links", type=int, default=100_000)
    parser.add_argument("--replicas", type=int, default=4)
    options = parser.parse_args(arguments)
    good = True

    def run(what: str, url: str, folder: Path) -> None:
        nonlocal good
        folder.mkdir()
        running = storm(url, folder, links=options.links, replicas=options.replicas, seed=options.seed)
        outcome = asyncio.run(running)
        print(report(what, outcome), flush=True)
        good &= outcome.good

    with tempfile.TemporaryDirectory(prefix="extauth-rotation-") as name:
        if options.store in {"postgres", "both"}:
            with own_postgres() as server:
                run("Postgres", server.dsn, Path(name) / "postgres")
        if options.store in {"sqlite", "both"}:
            run("one SQLite file", f"sqlite:///{name}/links.db", Path(name) / "sqlite")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
