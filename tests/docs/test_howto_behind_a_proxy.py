"""The guide's application behind a proxy that cuts its path off: one of ours, and nginx where it is."""

from __future__ import annotations

import asyncio
import re
import shutil
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import ClientSession, DummyCookieJar, web

from extauth import ConsentDenied
from tests.docs.applications import by_aiohttp, names
from tests.servers.postgres_server import free_port
from tests.support.serving import serving

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "behind-a-proxy.md"
[CODE] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
[NGINX] = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL)
pytestmark = pytest.mark.usefixtures("in_a_folder")


@asynccontextmanager
async def by_us(behind, folder):
    """Pass on what is below /accounts, without that, under another name."""
    async with ClientSession(auto_decompress=False, cookie_jar=DummyCookieJar()) as client:

        async def passed_on(request):
            headers = {name: value for name, value in request.headers.items() if name != "Host"}
            url = behind + request.path_qs.removeprefix("/accounts")
            body = await request.read()
            async with client.request(
                request.method, url, headers=headers, data=body, allow_redirects=False
            ) as answer:
                kept = answer.headers.copy()
                for name in ("Content-Length", "Transfer-Encoding"):
                    kept.popall(name, None)
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)

        async with serving([web.route("*", "/accounts/{path:.*}", passed_on)]) as url:
            yield url


@asynccontextmanager
async def by_nginx(behind, folder):
    """Run nginx with the guide's configuration, but for the ports."""
    port = free_port()
    site = NGINX.replace("127.0.0.1:8443", f"127.0.0.1:{port}").replace("http://127.0.0.1:8000", behind)
    paths = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    top = f"daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
    (folder / "nginx.conf").write_text(f"{top}http {{\n{paths}{site}}}\n")
    command = ("nginx", "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf"))
    process = await asyncio.create_subprocess_exec(*command)
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    assert process.returncode is None
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


PROXIES = [by_us, *([by_nginx] if shutil.which("nginx") else [])]


@pytest.mark.parametrize("proxy", PROXIES, ids=lambda proxy: proxy.__name__)
async def test_it_is_found_where_browsers_look(proxy, tmp_path):
    """Pages are there, and what leads back to them names the public address."""
    module = names(CODE)
    async with by_aiohttp(module.app) as behind, proxy(behind, tmp_path) as url:
        module.SESSIONS["s1"] = "alice"
        signed_in = {"Sec-Fetch-Site": "same-origin", "Cookie": "session=s1"}
        async with ClientSession(url, cookie_jar=DummyCookieJar()) as client:
            page = await client.get("/accounts/", headers=signed_in)
            assert (page.status, 'action="/accounts/connect/github"' in await page.text()) == (200, True)
            begun = await client.post("/accounts/connect/github", headers=signed_in, allow_redirects=False)
            query = parse_qs(urlsplit(begun.headers["Location"]).query)
            assert query["redirect_uri"] == ["https://app.example/accounts/callback/github"]
            cookies = begun.headers.getall("Set-Cookie")
            kept = "; ".join(["session=s1", *(each.partition(";")[0] for each in cookies)])
            back = {"Cookie": kept, "Accept": "application/json"}
            asked = {"error": "access_denied", "state": query["state"][0]}
            denied = await client.get("/accounts/callback/github", params=asked, headers=back)
            told = await denied.json(content_type="application/problem+json")
            assert (denied.status, told["code"]) == (403, ConsentDenied.code)
    log = tmp_path / "access.log"
    assert query["state"][0] not in (log.read_text() if log.exists() else "")
