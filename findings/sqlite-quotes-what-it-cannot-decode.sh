#!/usr/bin/env bash
# A column of a SQLite table holds text with one byte that is no UTF-8: what does the error say, and who logs it?
#
# A good guess: a UnicodeDecodeError or an OperationalError that names the column and the position; the value is seen by nobody,
# as it cannot be read, and what is logged at DEBUG is the statement.
# What happens: sqlite3's OperationalError quotes the whole text in its message, with the one byte replaced. aiosqlite logs that message at
# DEBUG ("returning exception ..."), without the application ever handling it, and of a statement that works its parameters.
#
# For users of extauth: its SQLite store shows neither. Code of your own that reads secrets by sqlite3 should not log such errors'
# texts, and keep aiosqlite's logger above DEBUG.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiosqlite==0.22.1 2>/dev/null
cat > "$folder/quotes.py" <<'PY'
import asyncio, io, logging, sqlite3, sys
from importlib.metadata import version

import aiosqlite

SECRET = "a-token-of-40-characters-as-GitHub-has-it"
log = io.StringIO()
logging.basicConfig(level=logging.DEBUG, stream=log)


async def main():
    async with aiosqlite.connect(":memory:", isolation_level=None) as connection:
        await connection.execute("CREATE TABLE links (token TEXT)")
        await connection.execute("INSERT INTO links VALUES (CAST(? AS TEXT))", (SECRET.encode() + b"\xff",))
        logged = SECRET in log.getvalue()
        log.truncate(0)
        try:
            await connection.execute_fetchall("SELECT token FROM links")
        except sqlite3.OperationalError as error:
            return logged, str(error)
    return logged, "no error"


logged, message = asyncio.run(main())
print(f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, aiosqlite {version('aiosqlite')}")
print("the parameters of the INSERT are in aiosqlite's log:", logged)
print("the error of the SELECT:", message)
print("the value is in that error:", SECRET in message)
print("the value is in aiosqlite's log of the SELECT:", SECRET in log.getvalue())
sys.exit(0 if logged and SECRET in message and SECRET in log.getvalue() else 1)
PY
"$folder/venv/bin/python" "$folder/quotes.py"
