#!/usr/bin/env bash
# A row is deleted from a SQLite file with a write-ahead log, under PRAGMA secure_delete = ON, and a checkpoint has run to its end.
#
# A good guess: secure_delete overwrites what is deleted, and the checkpoint has brought the log into the file, so that none of the
# files has the row any more.
# What happens: the database file does not, and the -wal file does, also after PASSIVE, FULL and RESTART checkpoints: its frames are
# free to be written over, and nothing does until as many pages are written again. Only TRUNCATE, or the last connection's closing,
# ends it. On a service that runs for weeks with few writes it stays that long.
#
# For users of extauth: a disconnected user's tokens are gone from links.db at the next checkpoint, and from links.db-wal when it
# is written over or the last process closes the file. Copy a database by `VACUUM INTO` or the backup API, never with its -wal.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiosqlite==0.22.1
cat > "$folder/left.py" <<'PY'
import asyncio, sqlite3, sys
from pathlib import Path

import aiosqlite

SECRET = b"only-here-" * 8
database = Path(sys.argv[1]) / "links.db"
log = Path(f"{database}-wal")


def where():
    return [path.name for path in (database, log) if path.exists() and SECRET in path.read_bytes()]


async def main():
    print("SQLite", sqlite3.sqlite_version)
    seen = {}
    async with aiosqlite.connect(database, isolation_level=None) as connection:
        await connection.execute("PRAGMA journal_mode = WAL")
        await connection.execute("PRAGMA secure_delete = ON")
        await connection.execute("CREATE TABLE links (token)")
        await connection.execute("INSERT INTO links VALUES (?)", [SECRET.decode()])
        await connection.execute("DELETE FROM links")
        for mode in ("PASSIVE", "FULL", "RESTART", "TRUNCATE"):
            [(busy, frames, done)] = await connection.execute_fetchall(f"PRAGMA wal_checkpoint({mode})")
            seen[mode] = where()
            print(f"{mode:9} busy={busy}, {done} of {frames} frames are in the database; found in: {seen[mode]}")
    left = ["links.db-wal"]
    assert seen == {"PASSIVE": left, "FULL": left, "RESTART": left, "TRUNCATE": []}, seen
    assert where() == []


asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/left.py" "$folder"
