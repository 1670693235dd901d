"""The broker beside a plain reverse proxy: ``python -m bench broker``. Needs nginx and wrk (Debian: both)."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import shutil
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench.report import Figure, Part

ROUNDS = 7
SECONDS = 2
CONNECTIONS = (1, 16)

METHOD = f"""wrk asks for a page of 1 KiB over connections that stay open: from the API itself (nginx),
through nginx as a reverse proxy, through a reverse proxy of 15 lines on aiohttp, and through the broker,
which checks the caller's secret and rights, reads the user's token from SQLite, and writes it into the
request. Each is one process with one thread; the API, wrk and the proxies share the machine. {ROUNDS} rounds
of {SECONDS} s for each. "A token" is `GET /v1/token/...` alone."""

NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream api {{ server 127.0.0.1:{api}; keepalive 64; keepalive_requests 100000000; }}
  {server}
}}
"""
API = 'server {{ listen 127.0.0.1:{api}; location / {{ default_type text/plain; return 200 "{page}"; }} }}'
PROXY = """server {{ listen 127.0.0.1:{proxy}; location / {{ proxy_pass http://api; proxy_http_version 1.1;
  proxy_set_header Connection ""; proxy_set_header Authorization "Bearer token"; proxy_buffering off; }} }}"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def nginx(folder: Path, name: str, server: str, **ports: int) -> AsyncGenerator[None]:
    own = folder / name
    own.mkdir()
    values = {"folder": own, "page": "x" * 1024, "proxy": 0, **ports}
    config = own / "nginx.conf"
    config.write_text(NGINX.format(**values, server=server.format(**values)))
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    process = await asyncio.create_subprocess_exec(str(program), "-p", own, "-c", config, stderr=DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def answering(port: int) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
    msg = f"nothing answers on port {port}"
    raise RuntimeError(msg)


async def requests_a_second(url: str, connections: int, secret: str) -> float:
    options = ["-t1", f"-c{connections}", f"-d{SECONDS}s", "-H", f"Authorization: Bearer {secret}"]
    wrk = await asyncio.create_subprocess_exec("wrk", *options, url, stdout=PIPE, stderr=DEVNULL)
    told = (await wrk.communicate())[0].decode()
    if "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(told)
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", told)[0])


async def rounds(sides: dict[str, str], connections: int, secret: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in sides}
    order = list(sides)
    for number in range(ROUNDS):
        for name in order[number % len(order) :] + order[: number % len(order)]:
            found[name].append(await requests_a_second(sides[name], connections, secret))
    return found


async def measure(_: str) -> Part:
    missing = [
        name for name in ("nginx", "wrk") if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    ]
    if missing:
        return Part(
            "The broker", f"Not measured: {' and '.join(missing)} must be installed.", [], ("side",), []
        )
    secret = secrets.token_urlsafe(32)
    figures: list[Figure] = []
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ports = {"api": free_port(), "proxy": free_port()}
        async with nginx(folder, "api", API, **ports), nginx(folder, "proxy", PROXY, **ports):
            await answering(ports["api"])
            await answering(ports["proxy"])
            side = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bench.broker_side", stdin=PIPE, stdout=PIPE
            )
            assert side.stdin is not None
            assert side.stdout is not None
            orders: dict[str, Any] = {
                "secret": secret,
                "upstream": f"http://127.0.0.1:{ports['api']}/",
                "folder": name,
            }
            side.stdin.write(json.dumps(orders).encode() + b"\n")
            told = json.loads(await side.stdout.readline())
            sides = {
                "the API itself": f"http://127.0.0.1:{ports['api']}/",
                "nginx as a reverse proxy": f"http://127.0.0.1:{ports['proxy']}/",
                "a reverse proxy on aiohttp": f"http://127.0.0.1:{told['plain']}/",
                "the broker, forwarding": f"http://127.0.0.1:{told['broker']}/v1/proxy/bench/user-7/",
                "the broker, a token": f"http://127.0.0.1:{told['broker']}/v1/token/bench/user-7",
            }
            try:
                for connections in CONNECTIONS:
                    found = await rounds(sides, connections, secret)
                    ours = found["the broker, forwarding"]
                    ratios = {
                        each: median(a / b for a, b in zip(found[each], ours, strict=True)) for each in sides
                    }
                    for each, goal in (("nginx as a reverse proxy", 20), ("a reverse proxy on aiohttp", 2)):
                        what = f"Broker, {connections} connections: time of a forwarded request beside {each}"
                        figures.append(Figure(what, ratios[each], goal))
                    rows += [
                        (
                            f"{connections} connections: {each}",
                            f"{1e6 / median(found[each]):.0f} us",
                            f"{median(found[each]):,.0f}",
                            f"{ratios[each]:.2f} x",
                        )
                        for each in sides
                    ]
            finally:
                side.stdin.close()
                await side.wait()
    return Part(
        "The broker",
        METHOD,
        figures,
        ("side", "time per request", "requests per second", "forwarding takes"),
        rows,
    )
