#!/usr/bin/env bash
# sqlite3 in autocommit mode (isolation_level=None), WAL, a timeout of 20 seconds: a cursor is not read to its end.
#
# A SELECT finds two rows and one is fetched. Another process writes. Then the first connection reads again with a new cursor,
# and wants to write. Elsewhere an UPDATE ... RETURNING of one row is executed, and its `rowcount` tells whether it changed
# something.
#
# A good guess: without BEGIN each statement is by itself, so the new cursor sees what was written, the write waits up to 20
# seconds if it must, and rowcount is 1.
# What happens: as long as the old cursor lives, every read on the connection sees the old snapshot, while in_transaction says
# False. BEGIN IMMEDIATE fails at once with SQLITE_BUSY_SNAPSHOT, whatever the timeout. rowcount is 0 until the row has been
# fetched, and until then the changed row is committed for nobody and all other writers are locked out.
#
# For users of extauth: nothing to do, its store reads to the end. If you share the file, or write a store of your own, take
# fetchall() also where you expect one row, and never judge a conditional UPDATE ... RETURNING by rowcount: the loser of a
# race and its winner both read 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/unread.py" <<'PY'
import sqlite3, sys, time


def connect(timeout):
    return sqlite3.connect(sys.argv[1], timeout=timeout, isolation_level=None)


def attempt(connection, sql):
    try:
        connection.execute(sql)
    except sqlite3.OperationalError as error:
        return error.sqlite_errorname
    return "done"


ours, theirs = connect(20), connect(0)
theirs.execute("PRAGMA journal_mode = WAL")
theirs.execute("CREATE TABLE links (id INTEGER PRIMARY KEY, version INT)")
theirs.execute("INSERT INTO links VALUES (1, 1), (2, 1)")
READ = "SELECT version FROM links WHERE id = 1"

left = ours.execute("SELECT version FROM links")
left.fetchone()
theirs.execute("UPDATE links SET version = 2")
(stale,) = ours.execute(READ).fetchall()
inside = ours.in_transaction
began = time.monotonic()
write = attempt(ours, "BEGIN IMMEDIATE")
waited = time.monotonic() - began > 10
left.close()
(fresh,) = ours.execute(READ).fetchall()
print(f"SELECT left unread: a later one reads version {stale[0]} of 2, in_transaction {inside}")
print(f"                    BEGIN IMMEDIATE: {write}, waited: {waited}; after close() it reads version {fresh[0]}")

update = ours.execute("UPDATE links SET version = 3 WHERE id = 1 AND version = 2 RETURNING version")
unread_count = update.rowcount
(seen,) = theirs.execute(READ).fetchall()
other_write = attempt(theirs, "UPDATE links SET version = 9 WHERE id = 2")
rows = update.fetchall()
print(f"UPDATE left unread: rowcount {unread_count}, others read version {seen[0]}, others' UPDATE: {other_write}")
print(f"UPDATE read:        rowcount {update.rowcount}, others read version {theirs.execute(READ).fetchall()[0][0]}")
print("SQLite", sqlite3.sqlite_version, "Python", sys.version.split()[0])

select = (stale, inside, write, waited, fresh) == ((1,), False, "SQLITE_BUSY_SNAPSHOT", False, (2,))
returning = (unread_count, seen, other_write, rows, update.rowcount) == (0, (2,), "SQLITE_BUSY", [(3,)], 1)
sys.exit(not (select and returning))
PY
timeout 60 python3 "$folder/unread.py" "$folder/links.db"
