"""A token endpoint on loopback that rotates, and answers when it is told."""

from __future__ import annotations

import asyncio

from aiohttp import web


class TokenEndpoint:
    """Takes a refresh token once, holds the answer back, and refuses the token when it comes again."""

    def __init__(self):
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.answered = asyncio.Event()
        self.presented = []

    async def __aenter__(self):
        app = web.Application()
        app.router.add_post("/token", self.token)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}/token"
        return self

    async def __aexit__(self, *exc_info):
        await self.runner.cleanup()

    async def token(self, request):
        form = await request.post()
        self.presented.append(form["refresh_token"])
        first = len(self.presented) == 1
        await self.hold()
        if not first:
            return web.json_response({"error": "invalid_grant"}, status=400)
        answer = web.json_response({"access_token": "at-2", "refresh_token": "rt-2", "expires_in": 3600})
        await answer.prepare(request)
        await answer.write_eof()
        self.answered.set()
        return answer

    async def hold(self):
        """Wait until it is time to answer."""
        self.asked.set()
        await self.gate.wait()

    async def answer(self):
        """Put the answer into the socket."""
        self.gate.set()
        await self.answered.wait()
