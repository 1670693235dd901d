#!/usr/bin/env bash
# An address names two Postgres servers. The first takes connections and says nothing, as a stopped machine's kernel or a load
# balancer without a backend does; the second is healthy. asyncpg and psql are given three seconds to connect.
#
# A good guess: the second answers. That is what the list is for, asyncpg says that it follows libpq in it, and libpq's
# connect_timeout is for each host (PostgreSQL documentation, 34.1.2).
# What happens: psql is through after three seconds. asyncpg's timeout is for all hosts together, the first uses it up, and the
# second is never tried; nor at the next attempt, which begins with the first host again, so that a pool never connects.
#
# For users of extauth: its own pool gives each server its share of the time, and tries one that was silent last from then on. On a
# pool of your application's (PostgresLinkStore(pool)) one silent first host keeps the store out.
set -euo pipefail
source "$(dirname "$0")/support/postgres.sh"
folder=$(mktemp -d)
trap 'stop_postgres; rm -rf "$folder"' EXIT
psql=$(postgres_program psql)
start_postgres
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check asyncpg==0.32.0
cat > "$folder/silent.py" <<'PY'
import asyncio, os, socket, sys
from importlib.metadata import version

import asyncpg

PATIENCE = 3


async def through_asyncpg(hosts, port):
    try:
        connection = await asyncpg.connect(
            f"postgresql://postgres@/postgres?host={hosts}&port={port},5432&sslmode=disable", timeout=PATIENCE
        )
    except TimeoutError:
        return "TimeoutError"
    answer = await connection.fetchval("SELECT 'connected'")
    await connection.close()
    return answer


async def through_psql(psql, hosts, port):
    address = f"host={hosts} port={port},5432 user=postgres dbname=postgres sslmode=disable connect_timeout={PATIENCE}"
    process = await asyncio.create_subprocess_exec(
        psql, "-XAtc", "SELECT 'connected'", address, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return out.decode().strip()


async def main(psql, healthy):
    silent = socket.create_server(("127.0.0.1", 0))  # the kernel accepts; nobody answers
    port = silent.getsockname()[1]
    print("asyncpg", version("asyncpg"), "Python", sys.version.split()[0])
    alone = await through_asyncpg(f"{healthy},{healthy}", "5432")
    print("asyncpg, both healthy:       ", alone)
    libpq = await through_psql(psql, f"127.0.0.1,{healthy}", port)
    print("psql, the first is silent:   ", libpq)
    tries = [await through_asyncpg(f"127.0.0.1,{healthy}", port) for _ in range(2)]
    print("asyncpg, the first is silent:", *tries)
    return (alone, libpq, tries) != ("connected", "connected", ["TimeoutError"] * 2)


sys.exit(asyncio.run(main(*sys.argv[1:])))
PY
timeout 60 "$folder/venv/bin/python" "$folder/silent.py" "$psql" "$folder/postgres"
