#!/usr/bin/env bash
# A task has something to finish, so it takes note of CancelledError, waits on, and means to raise it afterwards. How often is
# it told?
#
# The task waits for a future that is set after 100 turns of the loop. In the meantime it is cancelled once: by task.cancel(),
# by asyncio.timeout(), and by an anyio cancel scope, as Starlette, FastAPI and the MCP SDK have them around your code.
#
# A good guess: one cancellation, one CancelledError; anyio's documentation does say that further waits are cancelled too.
# What happens: with asyncio one. With anyio one in EVERY turn of the loop, 100 of them, also if the task does not begin a new
# wait but goes back to the old one, and for as long as it lasts: the loop never sleeps, and a process that waits for a reply
# of 10 seconds in this way burns a whole core for them.
#
# For users of extauth: a call that is cancelled ends at the first one. Closing a service is what waits on, for exchanges
# under way; it does so in a shielded scope of anyio's own where anyio is in use, so that there is nothing to do. Whatever your
# own handlers finish after a disconnect needs `with anyio.CancelScope(shield=True):`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check anyio==4.16.0
cat > "$folder/turns.py" <<'PY'
import asyncio, sys
from importlib.metadata import version

import anyio

TURNS = 100


async def wait_on(future):
    """Wait for it whatever happens, and say how often that was cancelled."""
    told = 0
    while not future.done():
        try:
            await asyncio.wait({future})
        except asyncio.CancelledError:
            told += 1
    return told


async def set_later(future):
    for _ in range(TURNS):
        await asyncio.sleep(0)
    future.set_result(None)


async def by_cancel(future):
    task = asyncio.ensure_future(wait_on(future))
    await asyncio.sleep(0)
    task.cancel()
    return await task


async def by_timeout(future):
    told = None
    try:
        async with asyncio.timeout(0):
            told = await wait_on(future)
    except TimeoutError:
        pass
    return told


async def by_scope(future, *, shield=False):
    with anyio.CancelScope() as scope:
        scope.cancel()
        with anyio.CancelScope(shield=shield):
            return await wait_on(future)


async def main(cancelled):
    future = asyncio.get_running_loop().create_future()
    later = asyncio.ensure_future(set_later(future))
    told = await cancelled(future)
    await later
    return told


print("anyio", version("anyio"), "Python", sys.version.split()[0])
seen = {
    "task.cancel()": asyncio.run(main(by_cancel)),
    "asyncio.timeout": asyncio.run(main(by_timeout)),
    "anyio.CancelScope": asyncio.run(main(by_scope)),
    "the same, shielded": asyncio.run(main(lambda future: by_scope(future, shield=True))),
}
for way, told in seen.items():
    print(f"{way:20} CancelledError {told} times in {TURNS} turns")
once, turns = [seen["task.cancel()"], seen["asyncio.timeout"]], seen["anyio.CancelScope"]
sys.exit(not (once == [1, 1] and turns >= TURNS - 5 and seen["the same, shielded"] == 0))
PY
timeout 60 "$folder/venv/bin/python" "$folder/turns.py"
