"""A real Postgres server for the tests: a given one, or one of our own in a temporary folder."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import asyncpg

from extauth import open_store
from tests.servers.postgres_binaries import find_binaries, unprivileged_user, usable_by

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "fsync": "off",  # the tests cut no power; a commit still flushes its log to the kernel
    "full_page_writes": "off",
}
# Reads until we are gone, however we went, and then does what we can no longer do.
_WATCH = 'read -r _; kill -QUIT "$1"; while kill -0 "$1"; do sleep 0.1; done 2>/dev/null; rm -rf "$2"'
Copy: TypeAlias = Literal["standby", "started", "recovered"]
_NOTHING: Mapping[str, str] = {}
_START_PATIENCE = 60.0
_STOP_PATIENCE = 30.0


class PostgresServer:
    """A server on which databases may be created."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        """Of its maintenance database."""
        self._template: str | None = None

    def dsn_of(self, database: str) -> str:
        """Return the DSN of another database on it."""
        return urlsplit(self.dsn)._replace(path=f"/{database}").geturl()

    @asynccontextmanager
    async def fresh_database(self, options: str = "") -> AsyncGenerator[str, None]:
        """Make an empty database, yield its DSN, and drop it with whoever is still connected."""
        name = f"extauth_test_{uuid.uuid4().hex}"
        await self._administer(f"CREATE DATABASE {name} {options}")
        try:
            yield self.dsn_of(name)
        finally:
            await self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    @asynccontextmanager
    async def database_of_a_store(self) -> AsyncGenerator[str, None]:
        """Make a database in which a store has been open before, but is empty; drop it likewise."""
        if self._template is None:
            template = f"extauth_template_{uuid.uuid4().hex}"
            await self._administer(f"CREATE DATABASE {template}")
            async with open_store(self.dsn_of(template), keys="plain"):
                pass
            self._template = template
        async with self.fresh_database(f"TEMPLATE {self._template}") as dsn:
            yield dsn

    async def drop_template(self) -> None:
        """Drop what databases are copied from; nothing of ours stays on the server."""
        if self._template is not None:
            await self._administer(f"DROP DATABASE {self._template} WITH (FORCE)")

    async def _administer(self, sql: str) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


class OwnPostgresServer(PostgresServer):
    """A server that was started for the tests, which may restart it."""

    def __init__(
        self,
        binaries: Path,
        folder: Path,
        user: str | None,
        *,
        settings: Mapping[str, str],
        tls: tuple[bytes, bytes] | None,
        hba: str | None = None,
        copy_of: OwnPostgresServer | None = None,
        becomes: Copy = "standby",
    ) -> None:
        self._binaries = binaries
        self._folder = folder
        self._data = folder / "data"
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._settings = {**_SETTINGS, **settings}
        if copy_of is None:
            self._run("initdb", "--pgdata", str(self._data), "--username", "postgres", *_INITDB)
        else:
            self._run("pg_basebackup", "--pgdata", str(self._data), "--dbname", copy_of.dsn, *_BASE_BACKUP)
            if becomes != "standby":
                (self._data / "standby.signal").unlink()
            if becomes == "recovered":
                self._settings["restore_command"] = "false"
                signal_file = self._data / "recovery.signal"
                signal_file.touch()
                if user is not None:
                    shutil.chown(signal_file, user)
        if hba is not None:
            (self._data / "pg_hba.conf").write_text(hba)
        if tls is not None:
            self._settings["ssl"] = "on"
            for name, pem in zip(("server.key", "server.crt"), tls, strict=True):
                path = self._data / name  # where Postgres looks for them
                path.touch(mode=0o600)
                path.write_bytes(pem)
                if user is not None:
                    shutil.chown(path, user)
        self.start()
        super().__init__(f"postgresql://postgres@127.0.0.1:{self._port}/postgres?sslmode=disable")

    def start(self) -> None:
        """Start on the same port as before, or on a free one, and wait until it answers."""
        deadline = time.monotonic() + _START_PATIENCE
        while True:
            port = self._port or free_port()
            settings = [f"--{name}={value}" for name, value in {**self._settings, "port": port}.items()]
            with (self._folder / "log").open("ab") as log:
                # Of a session of its own: Ctrl-C is for us, and we stop it.
                self._process = subprocess.Popen(
                    [self._binaries / "postgres", "-D", self._data, *settings],
                    user=self._user,
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self._watch = subprocess.Popen(
                ["/bin/sh", "-c", _WATCH, "sh", str(self._process.pid), str(self._folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            while self._process.poll() is None:
                if self._ready():
                    self._port = port
                    return
                if time.monotonic() > deadline:
                    break
                time.sleep(0.02)
            self.stop("immediate")
            if time.monotonic() > deadline:
                msg = f"Postgres did not start:\n{self.log()[-2000:]}"
                raise RuntimeError(msg)
            time.sleep(0.1)  # somebody took the port

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """End all sessions and stop: in order, or as in a crash."""
        process, self._process = self._process, None
        watch, self._watch = self._watch, None
        if watch is not None:
            with watch:
                watch.kill()
        if process is None:
            return
        process.send_signal(signal.SIGINT if mode == "fast" else signal.SIGQUIT)
        try:
            process.wait(_STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @contextmanager
    def frozen(self) -> Generator[list[int], None, None]:
        """Stop it where it is: it neither answers nor closes a connection. Yields its processes."""
        assert self._process is not None
        postmaster = self._process.pid
        os.kill(postmaster, signal.SIGSTOP)  # it starts no others then
        stopped = [postmaster]
        try:
            for child in _children(postmaster):
                with suppress(ProcessLookupError):  # its client has just gone
                    os.kill(child, signal.SIGSTOP)
                    stopped.append(child)
            yield stopped
        finally:
            for process in stopped:
                with suppress(ProcessLookupError):  # it had ended, and the postmaster has noticed by now
                    os.kill(process, signal.SIGCONT)

    def kill(self) -> None:
        """End it and its sessions at once, with nothing written and nobody told."""
        with self.frozen() as processes:
            for process in processes:
                os.kill(process, signal.SIGKILL)
        self.stop("immediate")

    def log(self) -> str:
        """Return what it has logged."""
        return (self._folder / "log").read_text(errors="replace")

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop and start."""
        self.stop(mode)
        self.start()

    def _ready(self) -> bool:
        # The last line of this file is the server's state.
        try:
            lines = (self._data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        assert self._process is not None
        return lines[0] == str(self._process.pid) and lines[7:8] == ["ready   "]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._binaries / program, *arguments],
            user=self._user,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            msg = f"{program} failed:\n{done.stdout.decode(errors='replace')}"
            raise RuntimeError(msg)


def _children(parent: int) -> list[int]:
    command = ["ps", "-A", "-o", "pid=,ppid="]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return [pid for pid, its_parent in pairs if its_parent == parent]


_BASE_BACKUP = ("--write-recovery-conf", "--checkpoint=fast", "--no-sync")
_INITDB = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")


def free_port() -> int:
    """Return a TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def own_postgres(
    settings: Mapping[str, str] = _NOTHING,
    *,
    tls: tuple[bytes, bytes] | None = None,
    hba: str | None = None,
    standby_of: OwnPostgresServer | None = None,
    restored_from: OwnPostgresServer | None = None,
    becomes: Copy = "started",
) -> Generator[OwnPostgresServer, None, None]:
    """Run a server of our own, and leave nothing of it behind.

    ``tls`` is its key and certificate, ``hba`` says whom it lets in, in place of everybody. A base backup of
    ``restored_from`` is started as it is, or recovered as for a point in time.
    """
    user = unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="extauth-pg-"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        server = OwnPostgresServer(
            usable_by(user, find_binaries(), folder),
            folder,
            user,
            settings=settings,
            tls=tls,
            hba=hba,
            copy_of=standby_of or restored_from,
            becomes="standby" if standby_of else becomes,
        )
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@contextmanager
def some_postgres() -> Generator[PostgresServer, None, None]:
    """Use the server that ``EXTAUTH_TEST_POSTGRES`` names, or run one."""
    if dsn := os.environ.get("EXTAUTH_TEST_POSTGRES"):
        given = PostgresServer(dsn)
        yield given
        asyncio.run(given.drop_template())
        return
    with own_postgres() as server:
        yield server
