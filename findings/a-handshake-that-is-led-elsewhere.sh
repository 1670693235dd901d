#!/usr/bin/env bash
# aiohttp 3.14.5 as a client of websockets, and a handshake that is answered with a redirect.
#
# The handshake of a websocket is a GET that the server answers with 101. RFC 6455 section 4.1 lets a client follow a redirect and
# does not ask for it; browsers do not, and `ClientSession.get` has `allow_redirects` to say which.
#
# A good guess: `ws_connect` ends with WSServerHandshakeError (status 302), as for any other status that is not 101.
# What happens: it connects to where the redirect leads, on another port, without a word; a header that the caller gave for the
# first server is sent to the second as well; and `ws_connect` takes no `allow_redirects`.
#
# For users of extauth: the broker lets no handshake be led elsewhere. In calls of your own, a client middleware can raise at a 3xx.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiohttp==3.14.5
cat > "$folder/seen.py" <<'PYTHON'
import asyncio

import aiohttp
from aiohttp import web


async def serve(handler):
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, runner.addresses[0][1]


async def main():
    async def second(request):
        print("the second server sees X-Tenant:", request.headers.get("X-Tenant"))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("hello from the second server")
        await socket.close()
        return socket

    there, port = await serve(second)

    async def first(_):
        return web.Response(status=302, headers={"Location": f"http://127.0.0.1:{port}/"})

    here, began = await serve(first)
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(f"http://127.0.0.1:{began}/", headers={"X-Tenant": "acme"}) as socket:
            print("connected:", await socket.receive_str())
        try:
            await session.ws_connect(f"http://127.0.0.1:{began}/", allow_redirects=False)
        except TypeError as error:
            print("allow_redirects:", type(error).__name__)
    await there.cleanup()
    await here.cleanup()


asyncio.run(main())
PYTHON
"$folder/venv/bin/python" "$folder/seen.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
the second server sees X-Tenant: acme
connected: hello from the second server
allow_redirects: TypeError
SEEN
