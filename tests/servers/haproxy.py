"""The real HAProxy in front of two test servers."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from tests.servers.installed import installed
from tests.servers.postgres_server import free_port

_PATIENCE = 20.0

_STARTUP = b"\0\3\0\0user\0postgres\0database\0postgres\0\0"
_QUESTION = b"SELECT pg_is_in_recovery()\0"
_NO = b"D\0\0\0\x0b\0\1\0\0\0\1f"
"""The row that a primary answers."""
_GOODBYE = b"X\0\0\0\4"


@attrs.frozen
class HAProxy:
    """One that leads to one of two servers."""

    dsn: str
    """By which to reach the database."""
    _control: Path

    async def lead_to(self, name: str) -> None:
        """Send whoever comes from now on to ``one`` or ``two``, and leave alone whoever is there."""
        other = "one" if name == "two" else "two"
        await self._tell(f"set server postgres/{name} state ready")
        await self._tell(f"set server postgres/{other} state maint")

    async def until(self, name: str, status: str) -> None:
        """Wait until the health check has found out that a server is ``UP`` or ``DOWN``."""
        async with asyncio.timeout(_PATIENCE):
            while await self._status(name) != status:
                await asyncio.sleep(0.02)

    async def _status(self, name: str) -> str:
        lines = (await self._tell("show stat")).splitlines()
        header = lines[0].removeprefix("# ").split(",")
        rows = [dict(zip(header, line.split(","), strict=False)) for line in lines[1:]]
        return next(row["status"] for row in rows if row.get("svname") == name)

    async def _tell(self, command: str) -> str:
        reader, writer = await asyncio.open_unix_connection(self._control)
        writer.write(f"{command}\n".encode())
        answer = (await reader.read()).decode()
        writer.close()
        return answer


def _packet(content: bytes, kind: bytes = b"") -> str:
    return (kind + (len(content) + 4).to_bytes(4, "big") + content).hex()


_CHECKED = f"""
  option tcp-check
  tcp-check connect
  tcp-check send-binary {_packet(_STARTUP)}
  tcp-check send-binary {_packet(_QUESTION, b"Q")}
  tcp-check expect binary {_NO.hex()}
  tcp-check send-binary {_GOODBYE.hex()}
"""


@asynccontextmanager
async def haproxy(
    one: str, two: str, *, checked: bool = False, shutdown: bool = False, redispatch: bool = False
) -> AsyncGenerator[HAProxy]:
    """Run one that leads to the first server, of whose database it yields the address.

    ``checked``: it asks both which is the primary and leads there. ``shutdown``: it also ends the sessions of
    one that is down. ``redispatch``: who could not be connected with one is tried with the other.
    """
    parts = urlsplit(one)
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="extauth-haproxy-"))
    check = "check" if checked else ""
    at_the_end = "on-marked-down shutdown-sessions" if shutdown else ""
    try:
        settings = folder / "haproxy.cfg"
        settings.write_text(
            f"""global
  stats socket {folder}/control mode 600 level admin
defaults
  mode tcp
  timeout connect 1s
  timeout client 1m
  timeout server 1m
  timeout check 500ms
  {"option redispatch 1" if redispatch else ""}
listen postgres
  bind 127.0.0.1:{port}
  default-server inter 200ms fall 2 rise 1 {at_the_end}
{_CHECKED if checked else ""}
  server one 127.0.0.1:{parts.port} {check}
  server two 127.0.0.1:{urlsplit(two).port} {check or "disabled"}
"""
        )
        process = await asyncio.create_subprocess_exec(
            installed("haproxy", "HAProxy"), "-q", "-db", "-f", settings, cwd=folder, start_new_session=True
        )
        try:
            async with asyncio.timeout(_PATIENCE):
                while not (folder / "control").exists():
                    assert process.returncode is None, "HAProxy did not start"
                    await asyncio.sleep(0.02)
            user = parts.netloc.rpartition("@")[0]
            proxy = HAProxy(parts._replace(netloc=f"{user}@127.0.0.1:{port}").geturl(), folder / "control")
            if checked:
                await proxy.until("two", "DOWN")
                await proxy.until("one", "UP")
            yield proxy
        finally:
            process.kill()
            await process.wait()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    try:
        print(installed("haproxy", "HAProxy"))
    except RuntimeError as error:
        sys.exit(str(error))
