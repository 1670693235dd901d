"""What a fresh replica gets when all faults have stopped."""

from __future__ import annotations

from extauth.domain.errors import TemporarilyUnavailable
from extauth.domain.resources import access_tokens
from extauth.testing.schedules.interleaver.interleaver import Interleaver
from extauth.testing.schedules.interleaver.promises import HEALED, Broken
from extauth.testing.schedules.interleaver.replica import Replica
from extauth.testing.schedules.interleaver.steps import Step


def recover(world: Interleaver) -> None:
    """Let a fresh replica ask for everything that users can have, all faults having stopped, and judge it.

    A cool-down is waited for. So is, where an exchange for one resource was left unresolved, the end of the
    access tokens that still work: only then may the refresh token be presented again. The steps are not
    part of the schedule.
    """
    schedule = len(world.steps)
    fresh = world.start_replica()
    for user in world.setting.users:
        for wanted in world.setting.wanted_of(user):
            answer = _ask(world, fresh, user, wanted)
            if isinstance(answer, TemporarilyUnavailable) and (seconds := _works_for(world, user)) > 0:
                world.do(Step("advance", f"{seconds:.6f}"))
                answer = _ask(world, fresh, user, wanted)
            if answer is not None:
                world.oracle.judge_recovery(*world.setting.asked_for(wanted), answer)
    if world.oracle.forgotten:
        _judge_healed(world)
    del world.steps[schedule:]


def _judge_healed(world: Interleaver) -> None:
    """Judge, when everybody has had the time to look, that what somebody knew was put back before it was too
    late. It is for the bounds to leave somebody who knows."""
    for user in world.setting.users:
        link = world.stored(user)
        if link is None or not world.provider.grants.refreshable(link.tokens.refresh_token or ""):
            world.broken.append(Broken(HEALED, f"{user}'s link is gone, or its refresh token is dead"))


def _ask(world: Interleaver, fresh: Replica, user: str, wanted: str) -> str | BaseException | None:
    link = world.stored(user)
    mark = None if link is None else link.failure
    if mark is not None and mark.retry_at is not None and mark.retry_at > world.clock.now():
        world.do(Step("advance", f"{(mark.retry_at - world.clock.now()).total_seconds():.6f}"))
    world.do(Step("call", fresh.name, wanted))
    world.drain()
    return world.answers.get(f"{fresh.name}.c{fresh.callers}")


def _works_for(world: Interleaver, user: str) -> float:
    """Return the seconds until none of a user's several access tokens works."""
    link = world.stored(user)
    if link is None or not world.setting.resources:
        return 0.0
    ends = [
        (token.expires_at - world.clock.now()).total_seconds()
        for token in access_tokens(link.tokens).values()
        if token.expires_at is not None
    ]
    return max(ends, default=0.0)
