#!/usr/bin/env bash
# An answer that lies in the socket when the loop wakes up late: who still reads it?
#
# An HTTP server answers at once, but the client's loop is blocked for 2 seconds (a slow call, a stopped process), and its
# time limit is 1 second. The answer came in time; it was only read late.
#
# A good guess: the same for all three ways of saying "one second": the answer is in the socket and is read, or the time is over.
# What happens: with aiohttp's sock_read the answer is read. With aiohttp's total, and with asyncio.timeout around the request, it
# is thrown away, on asyncio's loop and on uvloop alike: the data is read from the socket in that very turn, and then the task is
# cancelled before it can take it.
#
# For users of extauth: nothing to do, its own limits let the loop read first. An application's own limit around a request that
# cannot be repeated, such as one with an OAuth code or a single-use refresh token, loses tokens in this way.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiohttp==3.14.5 uvloop==0.22.1
cat > "$folder/late.py" <<'PY'
import asyncio, http.server, sys, threading, time
from importlib.metadata import version

import aiohttp, uvloop

arrived, answered = threading.Event(), threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        arrived.set()
        body = b'{"access_token": "one"}'
        gate.wait()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        answered.set()

    def log_message(self, *args):
        pass


gate = threading.Event()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/token"


async def ask(limit):
    if limit == "asyncio.timeout":
        bound, timeout = asyncio.timeout(1), aiohttp.ClientTimeout(total=None)
    else:
        bound, timeout = asyncio.timeout(None), aiohttp.ClientTimeout(**{"total": None, limit: 1})
    async with aiohttp.ClientSession(timeout=timeout) as session:
        async with bound, session.post(url, data={"grant_type": "refresh_token"}) as response:
            return (await response.json(content_type=None))["access_token"]


async def late(limit):
    call = asyncio.ensure_future(ask(limit))
    await asyncio.to_thread(arrived.wait)
    gate.set()
    answered.wait()
    time.sleep(2)  # the blocked loop
    (outcome,) = await asyncio.gather(call, return_exceptions=True)
    return "read" if outcome == "one" else "thrown away"


seen = {}
for loop, run in (("asyncio", asyncio.run), ("uvloop", uvloop.run)):
    for limit in ("sock_read", "total", "asyncio.timeout"):
        for event in (arrived, answered, gate):
            event.clear()
        seen[loop, limit] = run(late(limit))
        print(f"{loop:8} {limit:16} {seen[loop, limit]}")
print("aiohttp", version("aiohttp"), "uvloop", version("uvloop"), "Python", sys.version.split()[0])
expected = {(loop, limit): "read" if limit == "sock_read" else "thrown away" for loop, limit in seen}
sys.exit(seen != expected)
PY
"$folder/venv/bin/python" "$folder/late.py"
