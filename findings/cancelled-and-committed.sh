#!/usr/bin/env bash
# An INSERT through aiosqlite is cancelled while SQLite is at work on it. Who commits it?
#
# One connection is shared, as aiosqlite suggests. A task's INSERT is cancelled in the middle of its run (a function in the
# statement holds it there), so the task never comes to its commit. Another task then inserts a row of its own and commits.
#
# A good guess: a cancelled statement is interrupted or undone, as asyncpg does it; at the least nobody commits it.
# What happens: it runs on in aiosqlite's thread and opens sqlite3's implicit transaction. The file is locked for all other
# processes until somebody uses the connection, and then the other task's commit stores both rows. A statement that was
# cancelled while it waited in the thread's queue, before it began, is stored as well.
#
# For users of extauth: its SQLite store counts on this and finishes its statements. In a connection of your own, a time limit
# around execute() is no rollback: use a transaction of your own that rolls back when it is cancelled, on a connection of its
# own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiosqlite==0.22.1
cat > "$folder/cancelled.py" <<'PY'
import asyncio, sqlite3, sys, threading
from importlib.metadata import version

import aiosqlite


async def cancelled(call):
    call.cancel()
    (outcome,) = await asyncio.gather(call, return_exceptions=True)
    assert isinstance(outcome, asyncio.CancelledError)


def locked(path):
    other = sqlite3.connect(path, timeout=0)
    try:
        other.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    else:
        return False
    finally:
        other.close()


async def main(path):
    began, gate = threading.Event(), threading.Event()

    def hold(text):
        began.set()
        gate.wait(30)
        return text

    async with aiosqlite.connect(path) as shared:
        await shared.execute("CREATE TABLE notes (text)")
        await shared.commit()
        await shared.create_function("hold", 1, hold)

        running = asyncio.ensure_future(shared.execute("INSERT INTO notes VALUES (hold('cancelled while it ran'))"))
        await asyncio.to_thread(began.wait)
        queued = asyncio.ensure_future(shared.execute("INSERT INTO notes VALUES ('cancelled in the queue')"))
        await asyncio.sleep(0)
        await cancelled(running)
        await cancelled(queued)
        gate.set()
        await shared.execute("SELECT 1")  # the thread has come so far
        was_locked = locked(path)
        await shared.execute("INSERT INTO notes VALUES ('wanted')")
        await shared.commit()
    reader = sqlite3.connect(path)
    rows = [text for (text,) in reader.execute("SELECT text FROM notes")]
    reader.close()
    print("after the cancellations, locked for others:", was_locked)
    print("after another task's commit, stored:", rows)
    return was_locked, rows


print("aiosqlite", version("aiosqlite"), "SQLite", sqlite3.sqlite_version, "Python", sys.version.split()[0])
expected = (True, ["cancelled while it ran", "cancelled in the queue", "wanted"])
sys.exit(asyncio.run(main(sys.argv[1])) != expected)
PY
timeout 60 "$folder/venv/bin/python" "$folder/cancelled.py" "$folder/notes.db"
