#!/usr/bin/env bash
# Two processes use asyncpg through PgBouncer in transaction mode, and one of them meets a server connection that the other
# has used.
#
# Process A prepares a statement on the first server connection. While a third client keeps that one busy, process B prepares
# a different statement on the second. A runs its own statement again and is given the second server connection.
#
# A good guess: an error. Everybody knows that prepared statements don't work in transaction mode before PgBouncer 1.21; A's
# statement "does not exist" there, or "already exists", and asyncpg even has a hint for it.
# What happens: B's statement runs, and A is handed its result. asyncpg counts its statements from 1 in every process, so both
# are "__asyncpg_stmt_1__", and where a statement of that name with such arguments exists, nobody notices.
#
# For users of extauth: its own statements have names that no other process has, or none, so nobody's statement is taken for
# one of them. The rest of your application behind the same PgBouncer needs statement_cache_size=0, or the session mode: it may
# run your SELECT as somebody else's DELETE. That nothing failed in a test is no sign.
set -euo pipefail
source "$(dirname "$0")/support/postgres.sh"
folder=$(mktemp -d)
trap '[ ! -e "$folder/postgres/pgbouncer.pid" ] || kill "$(cat "$folder/postgres/pgbouncer.pid")"; stop_postgres; rm -rf "$folder"' EXIT
pgbouncer=$(postgres_program pgbouncer)
start_postgres
cat > "$folder/pgbouncer.ini" <<INI
[databases]
postgres = host=$folder/postgres user=postgres
[pgbouncer]
listen_addr =
unix_socket_dir = $folder/postgres
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = 2
logfile = $folder/postgres/pgbouncer.log
pidfile = $folder/postgres/pgbouncer.pid
INI
"$pgbouncer" --version | head -1
unprivileged "$pgbouncer" -d -q "$folder/pgbouncer.ini"
for _ in $(seq 100); do [ -S "$folder/postgres/.s.PGSQL.6432" ] && break; sleep 0.1; done
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check asyncpg==0.32.0
cat > "$folder/process.py" <<'PY'
import asyncio, sys

import asyncpg


async def main(socket, name, cache):
    connection = await asyncpg.connect(
        host=socket, port=6432, user="postgres", database="postgres", statement_cache_size=int(cache)
    )
    while sys.stdin.readline():
        print(await connection.fetchval(f"SELECT $1::text || ' was answered by the statement of {name}'", name), flush=True)
    await connection.close()


asyncio.run(main(*sys.argv[1:]))
PY
cat > "$folder/pooled.py" <<'PY'
import asyncio, subprocess, sys
from importlib.metadata import version
from pathlib import Path

import asyncpg


def process(name, cache):
    program = Path(__file__).with_name("process.py")
    return subprocess.Popen(
        [sys.executable, program, sys.argv[1], name, str(cache)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def ask(process):
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


async def meet(cache):
    busy = await asyncpg.connect(host=sys.argv[1], port=6432, user="postgres", database="postgres", statement_cache_size=0)
    a, b = process("A", cache), process("B", cache)
    try:
        ask(a)
        await busy.execute("BEGIN")
        ask(b)
        return ask(a)
    finally:
        await busy.execute("COMMIT")
        await busy.close()
        for each in (a, b):
            each.communicate()


print("asyncpg", version("asyncpg"), "Python", sys.version.split()[0])
without = asyncio.run(meet(0))
print("no statement cache:", without)
cached = asyncio.run(meet(100))
print("as it comes:       ", cached)
says = "A was answered by the statement of {}".format
sys.exit((without, cached) != (says("A"), says("B")))
PY
timeout 60 "$folder/venv/bin/python" "$folder/pooled.py" "$folder/postgres"
