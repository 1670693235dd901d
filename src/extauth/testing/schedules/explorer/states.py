"""What tells two states of a run apart."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, final

from extauth.testing.schedules.explorer.bounds import USER
from extauth.testing.schedules.interleaver.interleaver import Interleaver
from extauth.testing.schedules.interleaver.replica import lease_owner


@final
class Numbering:
    """Gives each replica's history a number, the same one for equal histories, along one run."""

    def __init__(self, known: dict[tuple[int, Hashable], int]) -> None:
        self._known = known
        self._reached: dict[str, tuple[int, int]] = {}
        """How many events were numbered so far, and the number of that history."""

    def of(self, world: Interleaver, replica: str) -> int:
        """Return the number of what the replica has been told so far."""
        history = world.history(replica)
        length, number = self._reached.get(replica, (0, 0))
        for event in history[length:]:
            number = self._known.setdefault((number, event), len(self._known) + 1)
        self._reached[replica] = len(history), number
        return number


def state_of(
    world: Interleaver, store: Any, numbers: Numbering, spent: Hashable, *, more_calls: bool
) -> Hashable:
    """Return all that the future depends on, to compare by value; ``walk`` says why this is all."""
    rows, owners = store.state()
    replicas: list[Hashable] = []
    for replica in world.replicas:
        leases = tuple(
            (key, number) for key, owner in owners for name, number in [lease_owner(owner)] if name == replica
        )
        idle = replica not in world.busy and replica not in {call.replica for call in world.calls.values()}
        if replica in world.ledger.crashed:
            code: Hashable = "crashed"
        elif idle and not more_calls:
            code = "idle" if replica in world.running else "ended"
        else:
            code = numbers.of(world, replica)
        replicas.append((code, leases, world.ledger.state_of(replica), world.oracle.ages.told(replica, USER)))
    replicas.sort(key=repr)
    refused = frozenset(world.ledger.refused_access_tokens), world.oracle.ages.state()
    return (
        rows,
        frozenset(world.ledger.ever_stored),
        _provider_state(world),
        world.clock.monotonic(),
        world.clock.jumped,
        refused,
        spent,
        tuple(replicas),
    )


def _provider_state(world: Interleaver) -> Hashable:
    grants = world.provider.grants
    presented = tuple(grants.presentations().items())
    history = tuple(grants.history) if world.setting.replay_window is not None else ()
    live = grants.live_access_tokens(world.clock.monotonic()) if world.setting.resources else ()
    bound = frozenset((token, world.provider.resource_of(token)) for token in live)
    return presented, grants.live_refresh_tokens(), history, bound
