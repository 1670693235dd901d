#!/usr/bin/env bash
# A file of services (pg_service.conf) has a section `shop` with host, port, user and dbname. libpq (psycopg) and asyncpg are given
# postgresql:///?service=shop, which is how libpq's documentation writes a service into a URI (34.1.1.2: all parts are optional), and
# then the same with a name that is not in the file. PGHOST and PGPORT lead to another server, as they may on a developer's machine.
# Two listeners stand for the servers; each tells which database the first message of a connection asks for.
#
# A good guess: the service's database, by either; and an error for a service that there is not, as libpq gives one.
# What happens: the slash alone makes asyncpg think that a database was named, the empty one, so that the service's is left aside and
# the server takes the one with the user's name (PostgreSQL documentation, 55.2.1: database defaults to the user name). A service that
# is not in the file is passed over without a word: asyncpg connects to PGHOST, or to this machine, with whatever else it finds.
#
# For users of extauth: a service that is in no file is refused, and the database is the service's. In a pool of your application's
# own leave the slash out (postgresql://?service=shop), and look at where it has connected to.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check asyncpg==0.32.0 'psycopg[binary]==3.3.3'
cat > "$folder/service.py" <<'PY'
import asyncio, os, sys
from importlib.metadata import version
from pathlib import Path

import asyncpg, psycopg

asked = []


async def listening(name):
    async def said(reader, writer):
        while True:
            message = await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4)
            if message[:4] == (196608).to_bytes(4):  # the start of a session, version 3.0
                break
            writer.write(b"N")  # no TLS, no GSSAPI
        words = message[4:].decode().split("\0")
        asked.append((name, dict(zip(words[::2], words[1::2])).get("database", "")))
        writer.close()

    server = await asyncio.start_server(said, "127.0.0.1", 0)
    return server.sockets[0].getsockname()[1]


async def by_asyncpg(address):
    await asyncpg.connect(address, ssl=False, timeout=5)


async def by_libpq(address):
    await asyncio.to_thread(psycopg.connect, address, connect_timeout=5, sslmode="disable")


async def seen(connect, address):
    asked.clear()
    try:
        await connect(address)
    except Exception as error:
        return asked[0] if asked else str(error).splitlines()[0]


async def main(folder):
    shop, other = await listening("shop's server"), await listening("another server")
    file = Path(folder, "pg_service.conf")
    file.write_text(f"[shop]\nhost=127.0.0.1\nport={shop}\nuser=app\ndbname=links\n")
    os.environ |= {"PGSERVICEFILE": str(file), "PGHOST": "127.0.0.1", "PGPORT": str(other), "PGUSER": "app"}
    print("asyncpg", version("asyncpg"), "psycopg", version("psycopg"), "libpq", psycopg.pq.version())
    result = []
    for address in ("postgresql:///?service=shop", "postgresql://?service=shop", "postgresql:///?service=shpo"):
        result.append([await seen(connect, address) for connect in (by_libpq, by_asyncpg)])
        print(address, *(f"   {driver}: {what}" for driver, what in zip(("libpq  ", "asyncpg"), result[-1])), sep="\n")
    links = ("shop's server", "links")
    [slash, bare, unknown] = result
    as_said = slash[0] == bare[0] == bare[1] == links and "definition of service" in unknown[0]
    surprising = slash[1][0] == "shop's server" and slash[1][1] != "links" and unknown[1][0] == "another server"
    return not (as_said and surprising)


sys.exit(asyncio.run(main(*sys.argv[1:])))
PY
timeout 60 "$folder/venv/bin/python" "$folder/service.py" "$folder"
