"""The broker, and a plain reverse proxy of the same libraries: ``python -m bench.broker_side``.

Takes its orders as one JSON line, says its ports as another, and ends with its stdin.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
from aiohttp import web

import extauth
from extauth import LinkKey, TokenSet
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.broker import open_broker, parse_config, tcp_socket
from extauth.broker.callers import PREFIX, digest_of
from extauth.broker.guards import own_names
from extauth.domain.hidden import Hidden

USERS = 100


async def plain_proxy(stack: AsyncExitStack, upstream: str) -> int:
    """Serve what forwards everything and looks at nothing, and return its port."""
    session = await stack.enter_async_context(aiohttp.ClientSession(auto_decompress=False))

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        url = f"{upstream}{request.raw_path.removeprefix('/')}"
        async with session.request(request.method, url, allow_redirects=False) as answer:
            response = web.StreamResponse(status=answer.status, headers=answer.headers)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner.addresses[0][1]


async def main() -> None:
    logging.disable(logging.CRITICAL)  # wrk goes away in the middle
    loop = asyncio.get_running_loop()
    orders = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    provider = OAuth2Provider("bench", client_id="x", client_secret="x", token_url="https://x.example/token")
    hashed = f"{PREFIX}{digest_of(Hidden(orders['secret'])).hex()}"
    allowed = [{"provider": "bench", "users": ["*"], "rights": ["token", "proxy"]}]
    document = {
        "apis": {"bench": {"base": orders["upstream"]}},
        "callers": {"bench": {"secret_hash": hashed, "allow": allowed}},
    }
    async with AsyncExitStack() as stack:
        url = f"sqlite:///{Path(orders['folder']) / 'links.db'}"
        auth = await stack.enter_async_context(extauth.open(url, [provider], keys="plain"))
        for number in range(USERS):
            tokens = TokenSet(f"token-{number}")
            await auth.store.put(LinkKey("bench", f"user-{number}"), tokens, origin=provider.origin)
        listening = stack.enter_context(tcp_socket("127.0.0.1", 0))
        port = listening.getsockname()[1]
        broker = await stack.enter_async_context(open_broker(auth, parse_config(document, {}), grace=1.0))
        await broker.listen(listening, hosts=own_names("127.0.0.1", port))
        plain = await plain_proxy(stack, orders["upstream"])
        print(json.dumps({"broker": port, "plain": plain}), flush=True)
        await loop.run_in_executor(None, sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main())
