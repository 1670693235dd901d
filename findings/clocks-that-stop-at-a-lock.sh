#!/usr/bin/env bash
# UPDATE leases SET expires_at = clock_timestamp() + '30 s' has to wait for the row's lock: from when do the 30 seconds count?
#
# Somebody holds the row's lock, another session's UPDATE waits for it, and then the lock is given up: by a commit that
# changed the row, by a rollback, or by a commit after a mere SELECT ... FOR UPDATE.
#
# A good guess: now() and statement_timestamp() are from before the wait, and clock_timestamp(), which is "the actual time",
# from after it.
# What happens: clock_timestamp() in SET, too, is from BEFORE the wait, unless the lock's holder changed the row. Postgres
# computes the new row, then locks the old one, and computes again only if it finds another version there. WHERE is judged
# before the wait in the same way. RETURNING is computed after it, so one statement has two "actual times".
#
# For users of extauth: a claim that had to wait writes a lease that is shorter by the wait. extauth's holders count from
# before they asked, so none believes in a lease for longer than the database does. Code of your own that writes an expiry
# should take the lock first, in a statement of its own, and then look at the clock.
set -euo pipefail
source "$(dirname "$0")/support/postgres.sh"
folder=$(mktemp -d)
trap 'stop_postgres; rm -rf "$folder"' EXIT
start_postgres
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check asyncpg==0.32.0
cat > "$folder/clocks.py" <<'PY'
import asyncio, sys
from importlib.metadata import version

import asyncpg

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'"


async def main(socket):
    holder, waiter, watcher = [await asyncpg.connect(host=socket, user="postgres", database="postgres") for _ in range(3)]
    await watcher.execute("CREATE TABLE leases (id int PRIMARY KEY, n int, at timestamptz); INSERT INTO leases VALUES (1, 1)")
    seen = {}
    for lock, end in (
        ("UPDATE leases SET n = n + 1", "COMMIT"),
        ("UPDATE leases SET n = n + 1", "ROLLBACK"),
        ("SELECT n FROM leases FOR UPDATE", "COMMIT"),
    ):
        await holder.execute("BEGIN")
        await holder.execute(lock)
        update = asyncio.ensure_future(
            waiter.fetchrow("UPDATE leases SET at = clock_timestamp() RETURNING at AS set, clock_timestamp() AS returned")
        )
        while not await watcher.fetchval(WAITS, waiter.get_server_pid()):
            await asyncio.sleep(0.02)
        during = await watcher.fetchval("SELECT clock_timestamp()")
        await holder.execute(end)
        row = await update
        when = ["after the wait" if row[name] > during else "before the wait" for name in ("set", "returned")]
        seen[lock.split()[0], end] = when
        print(f"{lock + '; ' + end:42} SET: {when[0]:16} RETURNING: {when[1]}")
    for connection in (holder, waiter, watcher):
        await connection.close()
    return seen


print("asyncpg", version("asyncpg"), "Python", sys.version.split()[0])
before, after = "before the wait", "after the wait"
expected = {("UPDATE", "COMMIT"): [after, after], ("UPDATE", "ROLLBACK"): [before, after], ("SELECT", "COMMIT"): [before, after]}
sys.exit(asyncio.run(main(sys.argv[1])) != expected)
PY
timeout 60 "$folder/venv/bin/python" "$folder/clocks.py" "$folder/postgres"
