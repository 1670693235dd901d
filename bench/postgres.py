"""A Postgres server for one run, as safe as Postgres is by default: it waits for the disk."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from tests.servers.postgres_binaries import find_binaries, unprivileged_user, usable_by
from tests.servers.postgres_server import free_port

PATIENCE = 60.0


@asynccontextmanager
async def postgres() -> AsyncGenerator[str, None]:
    """Run a server in a temporary folder and yield the DSN of an empty database."""
    user = unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="extauth-bench-"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        binaries = usable_by(user, find_binaries(), folder)
        data = folder / "data"
        options = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C")
        subprocess.run(  # noqa: ASYNC221 - nothing else runs yet
            [binaries / "initdb", "--pgdata", data, *options],
            user=user,
            cwd=folder,
            check=True,
            capture_output=True,
        )
        port = free_port()
        settings = (
            "--listen_addresses=127.0.0.1",
            "--unix_socket_directories=",
            "--max_connections=300",
            f"--port={port}",
        )
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(  # noqa: ASYNC220 - as above
                [binaries / "postgres", "-D", data, *settings],
                user=user,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us, and we stop it
            )
        try:
            dsn = f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"
            await _answering(dsn, server)
            yield dsn
        finally:
            server.send_signal(signal.SIGINT)  # ends all sessions
            server.wait(PATIENCE)
    finally:
        shutil.rmtree(folder)


async def _answering(dsn: str, server: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(PATIENCE):
        while server.poll() is None:
            try:
                connection = await asyncpg.connect(dsn)
            except (OSError, asyncpg.CannotConnectNowError):
                await asyncio.sleep(0.05)
            else:
                await connection.close()
                return
    msg = "Postgres did not start"
    raise RuntimeError(msg)
