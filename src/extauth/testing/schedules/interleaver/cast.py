"""The replicas of a run, and the callers that ask them."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Any, Final, final

from extauth.domain.errors import StoreUnavailable
from extauth.domain.link import Link
from extauth.domain.ports import LinkStore
from extauth.domain.resources import seen_for
from extauth.testing.schedules.interleaver.ports import Scene
from extauth.testing.schedules.interleaver.replica import Call, Replica
from extauth.testing.schedules.interleaver.setting import Setting
from extauth.testing.schedules.interleaver.tasks import TaskOwners
from extauth.testing.schedules.interleaver.trace import Listener
from extauth.testing.scripted.provider import ScriptedProvider

STOPPING: Final = frozenset({"cancel", "sweep", "close"})
"""Steps that tell somebody to stop, and that no exchange may take notice of."""


@final
class Cast:
    """Lets replicas begin and end, and callers come and go, as the schedule says."""

    def __init__(
        self,
        setting: Setting,
        scene: Scene,
        trace: list[str],
        *,
        store: LinkStore,
        provider: ScriptedProvider,
    ) -> None:
        self._setting = setting
        self._scene = scene
        self._trace = trace
        self._store = store
        self._provider = provider
        self._owners = TaskOwners(scene.loop)
        self.replicas: dict[str, Replica] = {}
        """All of them, whatever has become of them."""
        self.calls: dict[str, Call] = {}
        """Calls under way, by the caller's name; whoever judges one removes it."""
        self._rotations: set[asyncio.Task[None]] = set()
        """Rotations under way; each is removed at the end of the turn in which it ends."""
        self._endings: dict[str, list[asyncio.Task[Any]]] = {}
        """The tasks after which the process of a replica that was told to end is gone, until it is."""

    @property
    def running(self) -> list[str]:
        """The replicas that take calls."""
        return [name for name, replica in self.replicas.items() if not replica.ended]

    @property
    def busy(self) -> list[str]:
        """The replicas with a call parked at some gate."""
        return [name for name in self.replicas if self._scene.gates.parked(name)]

    def start(self) -> Replica:
        """Start another replica."""
        number = len(self.replicas) + 1
        name = f"r{number}"
        replica = self.replicas[name] = Replica(
            number,
            self._setting,
            store=self._store,
            provider=self._provider,
            scene=self._scene,
            observer=Listener(
                name, self._scene.oracle, self._trace, lambda: name in self.replicas and replica.ended
            ),
        )
        self._scene.loop.complete(replica.begin())
        return replica

    def call(self, name: str, wanted: str, link: Link | None, *, asked_for_another: bool) -> None:
        """Let somebody ask a replica for a token of this user's link, or for another one than there is."""
        replica = self._taking_calls(name)
        user, resource = self._setting.asked_for(wanted)
        replica.callers += 1
        caller = f"{name}.c{replica.callers}"
        version = None if link is None else link.version
        self.take_turn(name, "call", wanted, asked_for_another, version)
        found = None if link is None else seen_for(link, resource)
        rejected = None
        if asked_for_another and found is not None:
            rejected = found.tokens.access_token
            self._scene.ledger.refused_access_tokens.add(rejected)
        self._scene.oracle.ages.begins(caller, name, user)
        task = self._scene.loop.create_task(replica.ask(user, resource, rejected))
        began = self._scene.clock.monotonic()
        self.calls[caller] = Call(
            caller,
            name,
            user,
            resource,
            began,
            found,
            doomed=found is not None and self._scene.oracle.doomed(found),
            asked_for_another=rejected is not None,
            task=task,
        )

    def rotate(self, name: str, user: str) -> None:
        """Let a replica encrypt this user's link anew, beside whatever else it does."""
        replica = self._taking_calls(name)
        self.take_turn(name, "rotate", user)
        self._rotations.add(self._scene.loop.create_task(replica.rotate(user)))

    def cancel(self, caller: str) -> None:
        """Cancel a call."""
        call = self.calls.get(caller)
        if call is None:
            msg = f"no call {caller!r} is under way; those that are: {', '.join(self.calls) or 'none'}"
            raise LookupError(msg)
        self.take_turn(call.replica, "cancel", caller.partition(".")[2])
        call.cancelled = True
        call.task.cancel()

    def sweep(self, name: str) -> None:
        """Cancel all tasks of a replica, as the end of ``asyncio.run`` does."""
        self._end(name, "sweep")
        self._endings[name] = self._owners.visible(name)
        for task in self._endings[name]:
            task.cancel()

    def close(self, name: str) -> None:
        """Let a replica shut down in order."""
        service = self._end(name, "close").service
        self._endings[name] = [self._scene.loop.create_task(service.aclose())]

    def crash(self, name: str) -> None:
        """Kill a replica."""
        self._end(name, "crash", ended_too=True)
        self._scene.ledger.crashed.add(name)
        self._endings.pop(name, None)
        self._scene.gates.crash(name)

    def take_turn(self, replica: str, *what: Hashable) -> None:
        """Let a replica be told something, and remember it."""
        self._owners.turn = replica
        self.replicas[replica].history.append((*what, self._scene.clock.monotonic()))

    def end_turn(self) -> None:
        """Let processes end whose last task has: what they left undone is never done."""
        self._owners.turn = ""
        for rotation in [rotation for rotation in self._rotations if rotation.done()]:
            self._rotations.remove(rotation)
            error = None if rotation.cancelled() else rotation.exception()
            if isinstance(error, Exception) and not isinstance(error, StoreUnavailable):
                raise error  # by no schedule: it is a bug
        for name in [name for name, tasks in self._endings.items() if all(task.done() for task in tasks)]:
            for task in self._endings.pop(name):
                if not task.cancelled():
                    task.exception()  # what it ended with is no longer anybody's matter
            self._scene.oracle.judge_exit(name)
            self._scene.gates.crash(name)
            self._scene.loop.settle()

    def dismiss(self) -> None:
        """End everything at once."""
        for name in self.replicas:
            self._scene.gates.crash(name)
        if self._setting.forgets:
            for looking in asyncio.all_tasks(self._scene.loop):
                looking.cancel()
        self._scene.loop.settle()
        tasks = [*(call.task for call in self.calls.values()), *self._rotations]
        for task in sum(self._endings.values(), list[asyncio.Task[Any]](tasks)):
            if task.done() and not task.cancelled():
                task.exception()  # retrieved, so that nobody reports it

    def _end(self, name: str, how: str, *, ended_too: bool = False) -> Replica:
        replica = self._taking_calls(name, ended_too=ended_too)
        replica.ended = True
        self.take_turn(name, how)
        return replica

    def _taking_calls(self, name: str, *, ended_too: bool = False) -> Replica:
        replica = self.replicas.get(name)
        if replica is None or (replica.ended and not ended_too):
            msg = f"no replica {name!r} takes calls; those that do: {', '.join(self.running) or 'none'}"
            raise LookupError(msg)
        return replica
