#!/usr/bin/env bash
# httpx 0.28.1: response hooks of a client, and authentication that begins with a 401.
#
# httpx's own guide to event hooks has one that calls `raise_for_status()` on every response, and says that response hooks are called
# "before it is returned to the caller".
#
# A good guess: the hook sees what the caller would get. A 401 that the client's authentication answers, as Digest does, is not one.
# What happens: the hook sees each response as it comes, before the authentication does. It raises at the 401 that Digest begins
# with, and so at every call: the credentials are right, and are never sent. Without the hook, or with `raise_for_status()` on what
# the call returns, the answer is 200. aiohttp's `raise_for_status=True` comes after its authentication.
#
# For users of extauth: with such a hook `TokenAuth` is never told of a 401, so that no token is refreshed for it. Call `raise_for_status()` on
# the answer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1 aiohttp==3.14.5
cat > "$folder/hooks.py" <<'PYTHON'
import asyncio

import aiohttp
import httpx
from aiohttp import web


async def main() -> None:
    shown = []

    async def handle(request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "")
        shown.append(given[:6])
        if given.startswith("Digest "):
            return web.Response(text="hello")
        challenge = 'Digest realm="here", qop="auth", algorithm=SHA-256, nonce="n"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    async def raises(response: httpx.Response) -> None:
        response.raise_for_status()

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    found = {}
    for name, hooks in {"no hook": [], "the hook of the guide": [raises]}.items():
        shown.clear()
        async with httpx.AsyncClient(auth=httpx.DigestAuth("me", "pw"), event_hooks={"response": hooks}) as client:
            try:
                status = (await client.get(url)).raise_for_status().status_code
            except httpx.HTTPStatusError as error:
                status = f"HTTPStatusError for {error.response.status_code}"
        found[f"httpx, {name}"] = (status, "Digest" in shown)
    shown.clear()
    digest = aiohttp.DigestAuthMiddleware("me", "pw")
    async with aiohttp.ClientSession(middlewares=[digest], raise_for_status=True) as session, session.get(url) as answer:
        found["aiohttp, raise_for_status=True"] = (answer.status, "Digest" in shown)
    for name, (status, sent) in found.items():
        print(f"{name}: {status}; the credentials {'were' if sent else 'were never'} sent")
    await runner.cleanup()
    assert list(found.values()) == [(200, True), ("HTTPStatusError for 401", False), (200, True)]


asyncio.run(main())
PYTHON
"$folder/venv/bin/python" "$folder/hooks.py"
