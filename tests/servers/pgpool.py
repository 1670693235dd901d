"""The real pgpool-II in front of a primary and its standby, with load balancing on."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import attrs

from tests.servers.installed import installed
from tests.servers.postgres_binaries import unprivileged_user
from tests.servers.postgres_server import free_port
from tests.support.postgres_admin import run

_PATIENCE = 20.0
_STATEMENT = "DB node id: "


@attrs.frozen
class Pgpool:
    """One that leads to a primary, which is server 0, and a standby, server 1."""

    dsn: str
    """By which to reach the database."""
    _log: Path

    def sent(self) -> Sequence[tuple[int, str]]:
        """Return each statement that it has passed on, and to which server, in order."""
        entries = self._log.read_text(errors="replace").split("\npgpool: ")
        found: list[tuple[int, str]] = []
        for entry in entries:
            _, said, rest = entry.partition(_STATEMENT)
            if said:
                node, _, statement = rest.partition(" backend pid: ")
                found.append((int(node), statement.partition("statement: ")[2].strip()))
        return found

    def log(self) -> str:
        """Return all that it has logged."""
        return self._log.read_text(errors="replace")


@asynccontextmanager
async def pgpool(
    *servers: str, weights: Sequence[int] = (1, 1), clients: int = 32, comments: bool = False
) -> AsyncGenerator[Pgpool]:
    """Run one for as many clients, of which each has a process, and yield it when it answers.

    ``weights`` is how much of what may be read anywhere goes to each server. With ``comments`` a comment does
    not keep a statement from that.

    It asks each second who is there and who is primary. Promoting a standby is somebody else's.
    """
    parts = urlsplit(servers[0])
    port = free_port()
    user = unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="extauth-pgpool-"))
    backends = "\n".join(
        f"backend_hostname{number} = '127.0.0.1'\nbackend_port{number} = {urlsplit(server).port}\n"
        f"backend_weight{number} = {weights[number]}\nbackend_flag{number} = 'ALLOW_TO_FAILOVER'"
        for number, server in enumerate(servers)
    )
    try:
        settings, hba, pcp = (folder / name for name in ("pgpool.conf", "pool_hba.conf", "pcp.conf"))
        settings.write_text(
            f"""backend_clustering_mode = 'streaming_replication'
load_balance_mode = on
allow_sql_comments = {"on" if comments else "off"}
listen_addresses = '127.0.0.1'
port = {port}
pcp_port = {free_port()}
socket_dir = '{folder}'
pcp_socket_dir = '{folder}'
pid_file_name = '{folder}/pid'
logdir = '{folder}'
{backends}
num_init_children = {clients}
max_pool = 1
sr_check_period = 1
sr_check_user = '{parts.username}'
sr_check_database = 'postgres'
health_check_period = 1
health_check_timeout = 2
health_check_user = '{parts.username}'
log_line_prefix = 'pgpool: '
log_per_node_statement = on
"""
        )
        hba.touch()
        pcp.touch()
        if user is not None:
            for path in (folder, settings, hba, pcp):
                shutil.chown(path, user)
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(
                    installed("pgpool", "pgpool-II", package="pgpool2"),
                    "-n",
                    "-f",
                    settings,
                    "-a",
                    hba,
                    "-F",
                    pcp,
                ),
                user=user,
                cwd=folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            client = parts.netloc.rpartition("@")[0]
            dsn = parts._replace(netloc=f"{client}@127.0.0.1:{port}").geturl()
            await _answering(dsn, process)
            yield Pgpool(dsn, folder / "log")
        finally:
            process.send_signal(signal.SIGINT)
            await process.wait()
    finally:
        shutil.rmtree(folder)


async def _answering(dsn: str, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                await run(dsn, "/**/ SELECT 1")  # on the primary
            except (OSError, asyncpg.PostgresError):
                assert process.returncode is None, "pgpool-II did not start"
                await asyncio.sleep(0.05)
            else:
                return


if __name__ == "__main__":
    try:
        print(installed("pgpool", "pgpool-II", package="pgpool2"))
    except RuntimeError as error:
        sys.exit(str(error))
