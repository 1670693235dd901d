# To be sourced: Postgres in $folder/data on a socket in $folder, without a network port. `postgres_program NAME` finds a program,
# `unprivileged COMMAND` runs it as somebody whom Postgres accepts, `start_postgres` starts the server, `stop_postgres` ends it.

postgres_program() {
    PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" && return
    for candidate in /usr/lib/postgresql/*/bin/"$1"; do
        [ -x "$candidate" ] && echo "$candidate" && return
    done
    echo "this needs $1, which is not on the PATH: install Postgres (Debian: postgresql) and PgBouncer (pgbouncer)" >&2
    return 1
}

unprivileged() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
    else
        "$@"
    fi
}

start_postgres() {
    local initdb control
    initdb=$(postgres_program initdb) || return
    control=$(postgres_program pg_ctl) || return
    chmod 755 "$folder"
    mkdir "$folder/postgres"
    [ "$(id -u)" != 0 ] || chown nobody "$folder/postgres"
    unprivileged "$initdb" -D "$folder/postgres/data" -A trust -U postgres > "$folder/initdb.log"
    unprivileged "$control" start -w -s -D "$folder/postgres/data" -l "$folder/postgres/log" \
        -o "-c listen_addresses= -c unix_socket_directories=$folder/postgres -c fsync=off"
    "$control" --version
}

stop_postgres() {
    [ ! -e "$folder/postgres/data/postmaster.pid" ] ||
        unprivileged "$(postgres_program pg_ctl)" stop -s -m immediate -D "$folder/postgres/data"
}
