#!/usr/bin/env bash
# One await session.request(...) in aiohttp. The server reads the request, does what it says, and closes without an answer.
#
# The connection has served a request before, as most connections have. The server counts what arrives and how often it is
# done.
#
# A good guess: the caller gets ServerDisconnectedError, since a request of which nobody knows whether it was carried out is
# the caller's to repeat; at most a GET is sent again.
# What happens: GET, PUT and DELETE are sent again on a new connection, with their bodies and without a word, and the caller
# sees the second answer. POST and PATCH raise. The rule of HTTP allows it: these methods are idempotent. So the server's
# second answer to "revoke this token" is what the caller sees, often a 404 or 422.
#
# For users of extauth: nothing to do; it tells aiohttp not to, since GitHub and others revoke by DELETE, and a lost answer
# must stay one. An API call of your own that deletes or puts should take "not found" for "done", or use a method that isn't
# repeated.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiohttp==3.14.5
cat > "$folder/twice.py" <<'PY'
import asyncio, re, sys
from importlib.metadata import version

import aiohttp

done = []


async def serve(reader, writer):
    """Answer the first request of a connection; carry out the second and hang up."""
    answered = False
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            break
        length = re.search(rb"content-length: (\d+)", head.lower())
        body = await reader.readexactly(int(length[1])) if length else b""
        if body:
            done.append(body.decode())
        if answered:
            break
        status = b"404 Not Found" if len(done) > 1 else b"200 OK"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        answered = True
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    seen = {}
    for method in ("GET", "PUT", "DELETE", "POST", "PATCH"):
        done.clear()
        async with aiohttp.ClientSession() as session:
            async with session.get(url):
                pass
            try:
                async with session.request(method, url, data=b"token=one") as response:
                    outcome = str(response.status)
            except aiohttp.ClientError as error:
                outcome = type(error).__name__
        seen[method] = (len(done), outcome)
        print(f"{method:7} carried out {len(done)} times, the caller sees {outcome}")
    server.close()
    return seen


print("aiohttp", version("aiohttp"), "Python", sys.version.split()[0])
twice, once = (2, "404"), (1, "ServerDisconnectedError")
sys.exit(asyncio.run(main()) != {"GET": twice, "PUT": twice, "DELETE": twice, "POST": once, "PATCH": once})
PY
timeout 60 "$folder/venv/bin/python" "$folder/twice.py"
