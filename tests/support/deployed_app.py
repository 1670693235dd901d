"""The application of the guide to deployment, as a process.

Called with its store's URL, the token endpoint, the client's id and secret, and a port; without that it is
the guide's job, which asks for a token.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

from extauth import Auth
from extauth.adapters.oauth2 import OAuth2Provider

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "deploy.md").read_text()
names: dict[str, Any] = {"__name__": "guide"}
for block in re.findall(r"^```python\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE):
    exec(block, names)  # noqa: S102 - our own page


async def token(request: web.Request) -> web.Response:
    """Use what the guide's application opens."""
    return web.Response(text=await request.app[names["AUTH"]].access_token("example", "alice"))


async def ask(auth: Auth) -> None:
    """Be the work of a job."""
    await auth.access_token("example", "alice")


if __name__ == "__main__":
    url, token_url, client_id, client_secret, *port = sys.argv[1:]
    provider = OAuth2Provider(
        "example",
        client_id=client_id,
        client_secret=client_secret,
        authorize_url=token_url.replace("/token", "/authorize"),
        token_url=token_url,
    )
    if port:
        app = names["application"](url, [provider], keys="plain")
        app.router.add_get("/token", token)
        web.run_app(app, host="127.0.0.1", port=int(*port), print=None)
    else:
        names["run"](url, [provider], ask, keys="plain")
