"""The real PgBouncer in front of a test database."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from tests.servers.installed import installed
from tests.servers.postgres_binaries import unprivileged_user
from tests.servers.postgres_server import free_port
from tests.support.postgres_admin import run

_PATIENCE = 20.0


@attrs.frozen
class PgBouncer:
    """One that leads to one server, as its settings say."""

    dsn: str
    """By which to reach the database."""
    _settings: Path

    async def lead_to(self, port: int) -> None:
        """Lead to another server, as what fails over does: by new settings that are read."""
        text = self._settings.read_text()
        self._settings.write_text(re.sub(r"(?m)^(\w+ = host=\S+ port=)\d+$", rf"\g<1>{port}", text))
        await self.say("RELOAD")

    async def say(self, command: str) -> None:
        """Run a command of its console."""
        await run(urlsplit(self.dsn)._replace(path="/pgbouncer").geturl(), command)


@asynccontextmanager
async def pgbouncer(
    dsn: str,
    *,
    pool_size: int,
    pool_mode: str = "transaction",
    auth_type: str = "trust",
    query_wait_timeout: int = 120,
) -> AsyncGenerator[str, None]:
    """Run one with at most ``pool_size`` server connections, and yield the DSN to reach the database by.

    ``query_wait_timeout`` is the seconds for which a client waits for one of them.
    """
    more = f"query_wait_timeout = {query_wait_timeout}\n"
    async with pgbouncer_server(
        dsn, pool_size=pool_size, pool_mode=pool_mode, auth_type=auth_type, more=more
    ) as server:
        yield server.dsn


@asynccontextmanager
async def pgbouncer_server(
    dsn: str, *, pool_size: int, pool_mode: str = "transaction", auth_type: str = "trust", more: str = ""
) -> AsyncGenerator[PgBouncer, None]:
    """Run one as above, with ``more`` settings."""
    parts = urlsplit(dsn)
    port = free_port()
    user = unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="extauth-pgbouncer-"))
    try:
        settings = folder / "pgbouncer.ini"
        settings.write_text(
            f"""[databases]
{parts.path[1:]} = host={parts.hostname} port={parts.port or 5432}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = {auth_type}
auth_file = {folder}/users
pool_mode = {pool_mode}
default_pool_size = {pool_size}
logfile = {folder}/log
admin_users = {parts.username}
{more}"""
        )
        (folder / "users").write_text(f'"{parts.username}" "{parts.password or ""}"\n')
        if user is not None:
            for path in (folder, settings, folder / "users"):
                shutil.chown(path, user)
        process = await asyncio.create_subprocess_exec(
            installed("pgbouncer", "PgBouncer"), "-q", settings, user=user, cwd=folder, start_new_session=True
        )
        try:
            await _listening(port, process)
            client = parts.netloc.rpartition("@")[0]
            yield PgBouncer(parts._replace(netloc=f"{client}@127.0.0.1:{port}").geturl(), settings)
        finally:
            process.kill()
            await process.wait()
    finally:
        shutil.rmtree(folder)


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                assert process.returncode is None, "PgBouncer did not start"
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


if __name__ == "__main__":
    try:
        print(installed("pgbouncer", "PgBouncer"))
    except RuntimeError as error:
        sys.exit(str(error))
