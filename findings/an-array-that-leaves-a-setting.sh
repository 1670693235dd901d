#!/usr/bin/env bash
# asyncpg 0.32.0 and an argument that is an array of a type that every Postgres has. Needs Postgres.
#
# Two sessions run `SELECT $1::text[]`, and one of them `SELECT $1::bigint[]` after that. Then an operator sets `jit = off` for
# the whole server, and has it read its settings again.
#
# A good guess: an array of integers is encoded like one of texts, and both sessions go by the new setting.
# What happens: of arrays but a few the driver asks the server first, with `jit` off for that, and then sets it to what it was before. From
# then on it is the session's own setting: the server's new one does not reach it, for as long as the connection lives. Behind a
# pooler in transaction mode the two ends of that may be in the sessions of two others.
#
# For users of extauth: its statements for many links take arrays of texts alone. Behind a pooler do the same.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
. "$here/support/postgres.sh"
trap 'stop_postgres; rm -rf "$folder"' EXIT
start_postgres
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check asyncpg==0.32.0
cat > "$folder/arrays.py" <<'PYTHON'
import asyncio
import sys

import asyncpg


async def main(folder):
    async def session(*queries):
        connection = await asyncpg.connect(host=folder, user="postgres", database="postgres")
        for query, argument in queries:
            await connection.fetchval(query, argument)
        return connection

    texts = ("SELECT $1::text[]", ["one"])
    one = await session(texts)
    other = await session(texts, ("SELECT $1::bigint[]", [1]))
    operator = await session()
    await operator.execute("ALTER SYSTEM SET jit = off")
    await operator.execute("SELECT pg_reload_conf()")
    while await one.fetchval("SHOW jit") != "off":
        await asyncio.sleep(0.05)
    for name, connection in (("texts", one), ("integers", other)):
        print(name, await connection.fetchval("SHOW jit"))
        await connection.close()
    await operator.close()


asyncio.run(main(sys.argv[1]))
PYTHON
"$folder/venv/bin/python" "$folder/arrays.py" "$folder/postgres" | tee "$folder/seen"
[[ $(< "$folder/seen") == $'texts off\nintegers on' ]]
