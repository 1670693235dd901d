#!/usr/bin/env bash
# Litestar 2.25.0 with a Starlette 1.0 application mounted in it, as both their guides have it.
#
# `asgi("/accounts", is_mount=True)(Starlette(routes=[Route("/callback", ...)]))`, and a browser comes back to
# /accounts/callback?code=1.
#
# A good guess: the route answers; in Starlette's own Mount, FastAPI and aiohttp's subapplications it does.
# What happens: Litestar hands over the path with a slash at its end. Starlette redirects to the same path without one, which
# leads out of the mount: 307 to /callback?code=1, where there is nothing.
#
# For users of extauth: the guide to Litestar strips the slash before it hands a request over.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check litestar==2.25.0 starlette==1.0.0 httpx==0.28.1
cat > "$folder/app.py" <<'PYTHON'
import asyncio

import httpx
from litestar import Litestar, asgi
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route


async def callback(request):
    return PlainTextResponse("connected")


inner = Starlette(routes=[Route("/callback", callback)])
outer = {
    "Starlette": Starlette(routes=[Mount("/accounts", inner)]),
    "Litestar": Litestar([asgi("/accounts", is_mount=True)(inner)]),
}


async def main():
    for name, app in outer.items():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            answer = await http.get("/accounts/callback?code=1")
            print(name, answer.status_code, answer.headers.get("location", answer.text))


asyncio.run(main())
PYTHON
"$folder/venv/bin/python" "$folder/app.py" 2>/dev/null | tee "$folder/seen"
grep -q '^Starlette 200 connected$' "$folder/seen"
grep -q '^Litestar 307 ' "$folder/seen"
! grep -q '^Litestar .*/accounts/callback' "$folder/seen"
