#!/usr/bin/env bash
# PgBouncer leads to a server that is down. A client has been refused, and then the settings name another server, which is up,
# and are read by RELOAD, as what fails over does it.
#
# A good guess: the next client is served at once. RELOAD says that it is done, SHOW DATABASES shows the new host, and nothing
# has ever been tried there.
# What happens: for server_login_retry (15 seconds by default) after the last attempt at the old server failed none is made at the
# new one, and all clients wait for that, also those that come after RELOAD. RECONNECT changes nothing; a server_login_retry
# of 1 does.
#
# For users of extauth: PgBouncer between your replicas and a primary that may change needs server_login_retry = 1, or a failover of
# half a second takes fifteen. extauth's calls are StoreUnavailable meanwhile, and tokens cannot be read.
set -euo pipefail
source "$(dirname "$0")/support/postgres.sh"
folder=$(mktemp -d)
trap '[ ! -e "$folder/postgres/pgbouncer.pid" ] || kill "$(cat "$folder/postgres/pgbouncer.pid")"; stop_postgres; rm -rf "$folder"' EXIT
pgbouncer=$(postgres_program pgbouncer)
psql=$(postgres_program psql)
start_postgres
"$pgbouncer" --version | head -1

settings() {
    cat > "$folder/pgbouncer.ini" <<INI
[databases]
postgres = host=$1 user=postgres
[pgbouncer]
listen_addr =
unix_socket_dir = $folder/postgres
listen_port = 6432
auth_type = any
admin_users = postgres
pool_mode = transaction
server_login_retry = $2
logfile = $folder/postgres/pgbouncer.log
pidfile = $folder/postgres/pgbouncer.pid
INI
}

say() {
    timeout 60 "$psql" -qAt -h "$folder/postgres" -p 6432 -U postgres "$1" -c "$2" 2>&1 || true
}

# Seconds from the RELOAD until a client that comes after it is served.
seconds_after_reload() {
    local also=$1 retry=$2 began refused
    settings "$folder" "$retry" # there is no server in this folder
    unprivileged "$pgbouncer" -d -q "$folder/pgbouncer.ini"
    for _ in $(seq 100); do [ -S "$folder/postgres/.s.PGSQL.6432" ] && break; sleep 0.1; done
    say postgres "SELECT 'first'" > "$folder/first" & # it waits, too
    refused=$!
    until grep -q "closing because: connect failed" "$folder/postgres/pgbouncer.log"; do sleep 0.1; done
    settings "$folder/postgres" "$retry"
    say pgbouncer RELOAD
    [ -z "$also" ] || say pgbouncer "$also"
    say pgbouncer "SHOW DATABASES" | grep -q "^postgres|$folder/postgres|"
    began=$(date +%s)
    [ "$(say postgres "SELECT 'served'")" = served ]
    echo $(($(date +%s) - began))
    wait "$refused"
    kill "$(cat "$folder/postgres/pgbouncer.pid")"
    while [ -e "$folder/postgres/pgbouncer.pid" ]; do sleep 0.1; done
    rm "$folder/postgres/pgbouncer.log"
}

by_default=$(seconds_after_reload "" 15)
echo "server_login_retry 15, as by default: a client is served $by_default s after RELOAD"
reconnected=$(seconds_after_reload RECONNECT 15)
echo "the same, and RECONNECT:              $reconnected s"
soon=$(seconds_after_reload "" 1)
echo "server_login_retry 1:                 $soon s"
[ "$by_default" -ge 10 ] && [ "$reconnected" -ge 10 ] && [ "$soon" -le 5 ]
