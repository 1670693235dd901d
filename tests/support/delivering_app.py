"""An application that delivers link events and waits at a point to be killed.

Arguments: the store's URL, the point, the file that its handler adds each event to; and ``acknowledge-first``
for one that is wrong.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta

from extauth import open_store
from extauth.outbox import DeliveryOptions, deliver

OPTIONS = DeliveryOptions(
    timeout=timedelta(seconds=1),
    lease=timedelta(milliseconds=100),
    poll=timedelta(milliseconds=20),
    retries=[timedelta(milliseconds=1)] * 50,
    at_once=2,
)
POINTS = (
    "before keep_on",
    "after keep_on",
    "before claim",
    "after claim",
    "before the handler",
    "amid the handler",
    "before acknowledge",
    "after acknowledge",
    "before postpone",
    "after postpone",
)


class Gated:
    """An outbox whose methods wait at the point, and whose store it is."""

    def __init__(self, outbox, point, bug):
        self._outbox = outbox
        self._bug = bug
        self._point = point
        self.outbox = self

    def reached(self, point):
        """Say so and wait for the end."""
        if point == self._point:
            print("here", flush=True)
            while True:
                signal.pause()

    def __getattr__(self, name):
        method = getattr(self._outbox, name)

        async def call(*args, **kwargs):
            self.reached(f"before {name}")
            result = await method(*args, **kwargs)
            if name == "claim" and self._bug == "acknowledge-first":
                for claimed in result:
                    await self._outbox.acknowledge(claimed.number, args[0])
            if result or name == "keep_on":
                self.reached(f"after {name}")
            return result

        return call


def line(event):
    """Write what an event is."""
    return f"{event.id} {event.type} {event.key.user_id} {event.version}\n"


async def main(url, point, path, bug=None):
    """Deliver until killed."""
    async with open_store(url, keys="plain") as store:
        gated = Gated(store.outbox, point, bug)
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        refused = set()

        async def handler(event):
            gated.reached("before the handler")
            os.write(file, line(event).encode())
            gated.reached("amid the handler")
            if point.endswith("postpone") and event.id not in refused:
                refused.add(event.id)
                raise ConnectionError

        async with deliver(gated, handler, options=OPTIONS):
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
