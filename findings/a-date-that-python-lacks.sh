#!/usr/bin/env bash
# A table has three rows; the timestamptz of one is beyond what Python's datetime can hold. What does SELECT of all three give?
#
# Postgres's dates go from 4713 BC to 294276 AD, and have 'infinity'; Python's from 1 to 9999.
#
# A good guess: a DataError of the driver's, which names the column; asyncpg and psycopg do the same; and 'infinity', which is no
# date at all, is refused before a mere year 20000 is.
# What happens: asyncpg takes 'infinity' for datetime.max, the last instant of Python's and *naive*, in a column all of whose other
# values are aware, so that comparing them is a TypeError. For the year 20000 it raises a bare OverflowError, which is none of its
# own errors and no DataError: `except asyncpg.PostgresError` lets it pass. It names neither column nor row, and the good rows
# are gone with it. psycopg raises its DataError for both.
#
# For users of extauth: a row that another program wrote so fails the readers of that link, as LinkUnreadable, and no others: the
# store reads the others again without it. A grant with the expiry 'infinity' is one that expires in 9999.
set -euo pipefail
source "$(dirname "$0")/support/postgres.sh"
folder=$(mktemp -d)
trap 'stop_postgres; rm -rf "$folder"' EXIT
start_postgres
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check asyncpg==0.32.0 'psycopg[binary]==3.3.3'
cat > "$folder/dates.py" <<'PY'
import asyncio, sys
from datetime import datetime
from importlib.metadata import version

import asyncpg, psycopg

QUERY = "SELECT at FROM dates ORDER BY n"


async def by_asyncpg(connection):
    try:
        return [row["at"] for row in await connection.fetch(QUERY)]
    except Exception as error:
        return error


def by_psycopg(connection):
    try:
        return connection.execute(QUERY).fetchall()
    except Exception as error:
        return error


async def main(socket):
    one = await asyncpg.connect(host=socket, user="postgres", database="postgres")
    other = psycopg.connect(f"host={socket} user=postgres", autocommit=True)
    seen = {}
    await one.execute("CREATE TABLE dates (n int, at timestamptz)")
    for odd in ("infinity", "20000-01-01 00:00+00"):
        await one.execute("TRUNCATE dates")
        await one.execute(f"INSERT INTO dates VALUES (1, now()), (2, '{odd}'), (3, now())")
        seen[odd] = await by_asyncpg(one), by_psycopg(other)
        for driver, came in zip(("asyncpg", "psycopg"), seen[odd]):
            shown = f"{len(came)} rows, of which the odd one is {came[1]}" if isinstance(came, list) else repr(came)
            print(f"{odd}: {driver} gives {shown}")
    await one.close()
    other.close()
    return seen


print(f"asyncpg {version('asyncpg')}, psycopg {version('psycopg')}, Python {sys.version.split()[0]}")
seen = asyncio.run(main(sys.argv[1]))
(infinite, refused), (overflow, too_far) = seen.values()
if not (
    isinstance(infinite, list)
    and infinite[1] == datetime.max
    and [came.tzinfo is None for came in infinite] == [False, True, False]
    and type(overflow) is OverflowError
    and all(isinstance(error, psycopg.DataError) for error in (refused, too_far))
):
    sys.exit("not as stated")
PY
"$folder/venv/bin/python" "$folder/dates.py" "$folder/postgres"
