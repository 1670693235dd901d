"""What happens to each way, and what came of it.

A round is one user with one link. Its tokens are judged by the server, right after the callers have them: a
caller has failed who got an error, or a token that the API would refuse. A link is lost if no refresh of what
is stored can succeed any more: its user must connect again, at once or when the access token ends.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, final

import attrs

from compare.catalogue import Entry
from compare.replicas import Replica, replicas
from compare.site import Site, site
from extauth.testing import Fault

LEAD: Final = 0.15
"""Seconds in which every process has its callers ready."""
EXPIRED, WORKING = -1.0, 30.0
"""For how long the stored access token still works, as the application knows it, in seconds."""
SLOW: Final = 1.5
"""Seconds between rotation and answer, where something happens in between."""
OUTAGE: Final = 1000
"""More requests than any way sends while the provider is out."""
LONGEST: Final = 20.0
"""Seconds in which a way must be served again after an outage."""


@final
@attrs.define
class Result:
    """What one way came to in one scenario."""

    links: int = 0
    lost: int = 0
    callers: int = 0
    failed: int = 0
    presented: int = 0
    replays: int = 0
    errors: Counter[str] = attrs.field(factory=Counter)
    outage: bool = False
    back: float | None = None
    """Seconds after the end of an outage until a caller was served, at the slowest; None: never."""


async def _callers(
    site: Site,
    asked: Sequence[Replica],
    user: str,
    callers: int,
    result: Result,
    *,
    patience: float | None = None,
) -> None:
    """Let all callers of all processes ask at one moment, and judge what they got."""
    start = time.monotonic() + LEAD
    for replica in asked:
        order = {"do": "ask", "user": user, "callers": callers, "start": start, "patience": patience}
        await replica.tell(order)
    for told in await asyncio.gather(*(replica.hear() for replica in asked)):
        dead = [token for token in told["tokens"] if not site.server.accepts(token)]
        result.callers += callers
        result.failed += len(told["errors"]) + len(dead)
        result.errors.update(told["errors"] + ["a dead token"] * len(dead))


async def close(site: Site, replica: Replica, user: str, result: Result, *, patience: float = 0.0) -> None:
    """Judge what is stored; a refresh that goes on behind the callers has ``patience`` seconds to end."""
    grants = site.server.grants
    ends = time.monotonic() + patience
    while True:
        stored = await replica.do("stored", user=user)
        whole = stored is not None and grants.refreshable(stored)
        if whole or stored is None or grants.revoked(stored) or time.monotonic() >= ends:
            break
        await asyncio.sleep(0.05)
    result.links += 1
    result.lost += not whole
    result.presented = len(site.server.presented)
    result.replays = grants.replays


async def _rotated(site: Site, rotations: int) -> None:
    """Wait until the server has rotated once more."""
    async with asyncio.timeout(30):
        while site.server.grants.rotations == rotations:
            await asyncio.sleep(0.005)


async def storm(entry: Entry, dsn: str, *, processes: int, callers: int, rounds: int) -> Result:
    """All callers find the same expired link."""
    result = Result()
    async with site(dsn) as here, replicas(entry, here.orders, processes) as started:
        for number in range(rounds):
            user = f"storm-{processes}-{number}"
            await started[0].do("connect", user=user, tokens=here.grant(user, left=EXPIRED))
            await _callers(here, started, user, callers, result)
            await close(here, started[0], user, result)
    return result


async def killed(
    entry: Entry, dsn: str, *, rounds: int, left: float = WORKING, forgiving: bool = False
) -> Result:
    """A process is killed between the rotation and its answer; others then ask."""
    result = Result()
    if left == WORKING and not entry.ahead:
        return result  # it would not have been asked to rotate
    async with (
        site(dsn, answer_delay=SLOW, forgiving=forgiving) as here,
        replicas(entry, here.orders, 1) as [other],
    ):
        for number in range(rounds):
            user = f"killed-{forgiving}-{number}"
            async with replicas(entry, here.orders, 1) as [doomed]:
                await doomed.do("connect", user=user, tokens=here.grant(user, left=left))
                rotations = here.server.grants.rotations
                start = time.monotonic()
                await doomed.tell({"do": "ask", "user": user, "callers": 1, "start": start, "patience": None})
                await _rotated(here, rotations)
                await doomed.kill()
            await _callers(here, [other], user, 10, result)
            await close(here, other, user, result)
    return result


async def lost_reply(
    entry: Entry, dsn: str, *, rounds: int, left: float = WORKING, forgiving: bool = False
) -> Result:
    """The server rotates, and the connection breaks before the reply; then ten more callers ask."""
    result = Result()
    if left == WORKING and not entry.ahead:
        return result  # it would not have been asked to rotate
    async with site(dsn, forgiving=forgiving) as here, replicas(entry, here.orders, 1) as [replica]:
        for number in range(rounds):
            user = f"reply-{left}-{forgiving}-{number}"
            await replica.do("connect", user=user, tokens=here.grant(user, left=left))
            rotations = here.server.grants.rotations
            here.server.faults.plan(Fault.LOST_REPLY)
            await _callers(here, [replica], user, 1, result)
            await _rotated(here, rotations)
            await asyncio.sleep(0.2)
            await _callers(here, [replica], user, 10, result)
            await close(here, replica, user, result)
    return result


async def outage(entry: Entry, dsn: str, fault: Fault, *, rounds: int, left: float = WORKING) -> Result:
    """The provider answers nothing else for two seconds, in which twenty callers ask, twice."""
    result = Result(outage=True)
    async with site(dsn) as here, replicas(entry, here.orders, 1) as [replica]:
        for number in range(rounds):
            user = f"outage-{fault}-{left}-{number}"
            tokens = here.grant(user, left=left)
            await replica.do("connect", user=user, tokens=tokens)
            here.server.faults.plan(*[fault] * OUTAGE)
            for _ in range(2):
                await _callers(here, [replica], user, 20, result)
                await asyncio.sleep(1)
            here.server.faults._planned.clear()
            ended = time.monotonic()
            while time.monotonic() < ended + LONGEST:
                told = await replica.do("ask", user=user, callers=1, start=time.monotonic(), patience=None)
                if any(map(here.server.accepts, told["tokens"])):
                    result.back = max(result.back or 0.0, time.monotonic() - ended)
                    break
                if here.server.grants.revoked(tokens["refresh_token"]):
                    break  # nothing can serve it any more
                await asyncio.sleep(0.1)
            await close(here, replica, user, result, patience=LONGEST)
    return result


async def reauthorized(entry: Entry, dsn: str, *, rounds: int) -> Result:
    """The user authorizes anew, in another process, between the rotation and its answer."""
    result = Result()
    async with site(dsn, answer_delay=SLOW) as here, replicas(entry, here.orders, 2) as [one, other]:
        for number in range(rounds):
            user = f"again-{number}"
            await one.do("connect", user=user, tokens=here.grant(user, left=EXPIRED))
            rotations = here.server.grants.rotations
            asking = asyncio.create_task(_callers(here, [one], user, 1, result))
            await _rotated(here, rotations)
            again = f"{user}-again"
            await other.do("connect", user=user, tokens=here.grant(again, left=3600.0))
            await asking
            await close(here, other, user, result)
            stored = await other.do("stored", user=user)
            result.lost += stored not in here.server.grants.live_refresh_tokens(again)
    return result


async def given_up(entry: Entry, dsn: str, *, rounds: int) -> Result:
    """A caller gives up after a second, between the rotation and its answer; then ten others ask."""
    result = Result()
    async with site(dsn, answer_delay=SLOW) as here, replicas(entry, here.orders, 1) as [replica]:
        for number in range(rounds):
            user = f"given-up-{number}"
            await replica.do("connect", user=user, tokens=here.grant(user, left=EXPIRED))
            await _callers(here, [replica], user, 1, Result(), patience=1.0)
            await asyncio.sleep(SLOW)
            await _callers(here, [replica], user, 10, result)
            await close(here, replica, user, result)
    return result


async def reads(entry: Entry, dsn: str) -> tuple[float, float]:
    """How much longer than a bare read the token of a fresh link takes, and the bare read's seconds."""
    async with site(dsn) as here, replicas(entry, here.orders, 1) as [replica]:
        await replica.do("connect", user="fresh", tokens=here.grant("fresh", left=12 * 3600.0))
        told = await replica.do("reads", user="fresh")
        return told["ratio"], told["bare"]


@final
@attrs.frozen
class Scenario:
    """One column group of the table."""

    name: str
    title: str
    run: Callable[[Entry, str], Awaitable[Result]]


SCENARIOS: Final = (
    Scenario(
        "storm",
        "20 callers in one process find an expired link",
        lambda entry, dsn: storm(entry, dsn, processes=1, callers=20, rounds=5),
    ),
    Scenario(
        "processes",
        "The same in three processes, 7 callers each",
        lambda entry, dsn: storm(entry, dsn, processes=3, callers=7, rounds=5),
    ),
    Scenario(
        "given-up",
        "A caller gives up between rotation and answer",
        lambda entry, dsn: given_up(entry, dsn, rounds=2),
    ),
    Scenario(
        "reauthorized",
        "The user authorizes anew meanwhile",
        lambda entry, dsn: reauthorized(entry, dsn, rounds=2),
    ),
    Scenario(
        "killed",
        "A process is killed between rotation and answer, the access token works for 30 s more",
        lambda entry, dsn: killed(entry, dsn, rounds=2),
    ),
    Scenario(
        "killed-forgiven",
        "The same with an expired access token, at a server that forgives a replay for 30 s",
        lambda entry, dsn: killed(entry, dsn, rounds=1, left=EXPIRED, forgiving=True),
    ),
    Scenario(
        "lost-reply",
        "The reply is lost, the access token works for 30 s more",
        lambda entry, dsn: lost_reply(entry, dsn, rounds=2),
    ),
    Scenario(
        "lost-reply-expired",
        "The reply is lost, the access token has expired",
        lambda entry, dsn: lost_reply(entry, dsn, rounds=2, left=EXPIRED),
    ),
    Scenario(
        "lost-reply-forgiven",
        "The same at a server that forgives a replay for 30 s",
        lambda entry, dsn: lost_reply(entry, dsn, rounds=2, left=EXPIRED, forgiving=True),
    ),
    Scenario(
        "unavailable",
        "503 for two seconds, the access token works for 30 s more",
        lambda entry, dsn: outage(entry, dsn, Fault.UNAVAILABLE_BEFORE, rounds=2),
    ),
    Scenario(
        "unavailable-expired",
        "503 for two seconds, the access token has expired",
        lambda entry, dsn: outage(entry, dsn, Fault.UNAVAILABLE_BEFORE, rounds=2, left=EXPIRED),
    ),
    Scenario(
        "rate-limited",
        "429 for two seconds, the access token works for 30 s more",
        lambda entry, dsn: outage(entry, dsn, Fault.RATE_LIMITED, rounds=2),
    ),
)
