#!/usr/bin/env bash
# A pool whose connections are prepared once: asyncpg.create_pool(init=...) runs SET lock_timeout = '5s' on each new
# connection.
#
# The pool has one connection. It is borrowed three times, and each time asked what its lock_timeout is. Then the server is
# asked which statement that connection sent last.
#
# A good guess: what `init` sets lasts as long as the connection, and each use costs what the statement costs.
# What happens: it lasts for the first use alone. A connection that is given back is reset with RESET ALL, in a round trip of
# its own, which takes away what `init` had set; only `server_settings` and `setup` (run before each use) survive.
# psycopg_pool's `configure`, which looks the same, lasts.
#
# For users of extauth: with a pool of your own, put limits such as lock_timeout and statement_timeout in server_settings, or
# no refresh but the first has them. The pool that open_store makes sends no reset: the store keeps nothing in a session, and
# saves the round trip.
set -euo pipefail
source "$(dirname "$0")/support/postgres.sh"
folder=$(mktemp -d)
trap 'stop_postgres; rm -rf "$folder"' EXIT
start_postgres
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    asyncpg==0.32.0 'psycopg[binary]==3.3.9' psycopg-pool==3.3.3
cat > "$folder/settings.py" <<'PY'
import asyncio, sys
from importlib.metadata import version

import asyncpg, psycopg_pool

LIMIT = "SET lock_timeout = '5s'"


async def asyncpg_pool(socket, **options):
    place = {"host": socket, "user": "postgres", "database": "postgres"}
    async with asyncpg.create_pool(**place, min_size=1, max_size=1, **options) as pool:
        limits = [await pool.fetchval("SHOW lock_timeout") for _ in range(3)]
        async with pool.acquire() as connection:
            pid = connection.get_server_pid()
        watcher = await asyncpg.connect(**place)
        last = await watcher.fetchval("SELECT query FROM pg_stat_activity WHERE pid = $1", pid)
        await watcher.close()
    return limits, " ".join(last.split())


async def psycopg_pool_(socket):
    async def configure(connection):
        await connection.execute(LIMIT)
        await connection.commit()

    place = f"host={socket} user=postgres dbname=postgres"
    limits = []
    async with psycopg_pool.AsyncConnectionPool(place, min_size=1, max_size=1, configure=configure, open=False) as pool:
        for _ in range(3):
            async with pool.connection() as connection:
                limits += await (await connection.execute("SHOW lock_timeout")).fetchone()
    return limits


async def main(socket):
    by_init, last = await asyncpg_pool(socket, init=lambda connection: connection.execute(LIMIT))
    by_settings, _ = await asyncpg_pool(socket, server_settings={"lock_timeout": "5s"})
    by_configure = await psycopg_pool_(socket)
    print("asyncpg, init:           ", *by_init, "| last statement:", last)
    print("asyncpg, server_settings:", *by_settings)
    print("psycopg_pool, configure: ", *by_configure)
    kept = ["5s"] * 3
    return (by_init, by_settings, by_configure, last.endswith("RESET ALL;")) == (["5s", "0", "0"], kept, kept, True)


print(*(f"{name} {version(name)}" for name in ("asyncpg", "psycopg", "psycopg-pool")), "Python", sys.version.split()[0])
sys.exit(not asyncio.run(main(sys.argv[1])))
PY
timeout 60 "$folder/venv/bin/python" "$folder/settings.py" "$folder/postgres"
