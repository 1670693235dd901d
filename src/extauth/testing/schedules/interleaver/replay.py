"""Running a schedule again, from the script that a failure printed."""

from __future__ import annotations

from extauth.testing.schedules.interleaver.interleaver import Interleaver
from extauth.testing.schedules.interleaver.promises import Broken
from extauth.testing.schedules.interleaver.recovery import recover
from extauth.testing.schedules.interleaver.setting import OpenStore, Setting
from extauth.testing.schedules.interleaver.steps import parse_script
from extauth.testing.schedules.interleaver.virtual_time import VirtualClock


class PromiseBroken(AssertionError):
    """A schedule breaks a promise. The text has the script that does it and the trace of what happened."""

    def __init__(self, broken: Broken, script: str, trace: str, setting: Setting) -> None:
        changed = "" if setting == Setting() else f", {setting!r}"
        super().__init__(
            f"{broken}\n\nReplay it:\n\n"
            f"from extauth.testing import Setting, replay\n\n"
            f'replay(open_store, """\n{script}\n"""{changed})\n\n'
            f"What happened:\n\n{trace}"
        )
        self.broken = broken
        self.script = script


def replay(
    open_store: OpenStore, script: str, setting: Setting | None = None, *, clock: VirtualClock | None = None
) -> Interleaver:
    """Run a script, let everybody finish, and let a fresh replica ask; return the interleaver for a look
    at its trace, its provider and its links.

    Arguments are those of :class:`~extauth.testing.Interleaver`. The same script gives the same trace.

    :raises PromiseBroken: if a promise is not kept on the way or at the end.
    :raises ValueError: if the script cannot be read.
    :raises LookupError: if a step is impossible when its turn comes.
    """
    with Interleaver(open_store, setting, clock=clock) as world:
        world.run(parse_script(script))
        finish(world)
    return world


def finish(world: Interleaver) -> None:
    """Let everybody finish and a fresh replica ask for every token.

    :raises PromiseBroken: if a promise is not kept, then or before.
    """
    if not world.broken:
        world.drain()
    if not world.broken:
        recover(world)
    check(world)


def check(world: Interleaver) -> None:
    """:raises PromiseBroken: if a promise was not kept so far."""
    if world.broken:
        raise PromiseBroken(world.broken[0], world.script, "\n".join(world.trace), world.setting)
