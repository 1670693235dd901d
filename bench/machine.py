"""What the numbers were measured on; nothing that names the machine."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import asyncpg

PACKAGES = (
    "extauth",
    "aiosqlite",
    "asyncpg",
    "aiohttp",
    "httpx",
    "httpx2",
    "oneflight",
    "coalescer",
    "singleflight",
    "async-lru",
    "aiocache",
)


async def machine(dsn: str | None) -> Sequence[Sequence[str]]:
    rows = [
        ("CPU", f"{_cpu()}, {os.cpu_count()} cores"),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("SQLite", sqlite3.sqlite_version),
    ]
    if dsn is not None:
        setting = "fsync and synchronous_commit on, on loopback TCP"
        rows.append(("Postgres", f"{await postgres_version(dsn)}, {setting}"))
    return [*rows, ("packages", ", ".join(f"{name} {version(name)}" for name in PACKAGES))]


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


async def postgres_version(dsn: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        reported: str = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    return reported.split(maxsplit=1)[0]
