"""A git repository behind HTTP that wants a token: git's own http-backend, and this server before it."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, final

from aiohttp import web

from extauth.testing import AuthorizationServer

GIT = shutil.which("git") or "git"
BACKEND = Path(subprocess.check_output([GIT, "--exec-path"], text=True).strip()) / "git-http-backend"


def git(*arguments: str, folder: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run git, as nobody's settings have it."""
    clean = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": ""}
    return subprocess.run(
        [GIT, *arguments],
        cwd=folder,
        env={**os.environ, **clean, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@final
class GitRemote:
    """Shows the repositories below a folder to who has a token that the server accepts."""

    def __init__(self, folder: Path, server: AuthorizationServer, scheme: str) -> None:
        self._folder = folder
        self._server = server
        self._scheme = scheme
        self.shown: list[tuple[str, str]] = []
        """Scheme and user name of each request that showed a token."""
        self.host = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Ask for a token, and hand the request to git's program (CGI, RFC 3875)."""
        if not self._admitted(request.headers.get("Authorization", "")):
            challenge = {"WWW-Authenticate": f'{self._scheme} realm="repositories"'}
            return web.Response(status=401, headers=challenge)
        body = await request.read()
        answer = await asyncio.to_thread(self._backend, request, body)
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200").split()[0])
        return web.Response(status=status, headers=headers, body=content)

    def _admitted(self, authorization: str) -> bool:
        scheme, _, value = authorization.partition(" ")
        user, token = "", value
        if scheme.lower() == "basic":
            user, _, token = base64.b64decode(value).decode().partition(":")
        if token:
            self.shown.append((scheme, user))
        return self._server.accepts(token)

    def _backend(self, request: web.Request, body: bytes) -> bytes:
        variables: dict[str, Any] = {
            "GIT_PROJECT_ROOT": self._folder,
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "somebody",
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }
        environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
        return subprocess.run([BACKEND], input=body, env=environment, capture_output=True, check=True).stdout


def _make_repository(folder: Path) -> None:
    folder.mkdir(parents=True)
    bare, work = folder / "notes.git", folder / "work"
    for arguments in (
        ["init", "-q", "--bare", str(bare)],
        ["-C", str(bare), "config", "http.receivepack", "true"],
        ["init", "-q", str(work)],
    ):
        git(*arguments, folder=folder).check_returncode()
    (work / "note").write_text("hello\n")
    for arguments in (
        ["add", "."],
        ["-c", "user.name=x", "-c", "user.email=x@example", "commit", "-qm", "note"],
        ["push", "-q", str(bare), "HEAD:main"],
    ):
        git(*arguments, folder=work).check_returncode()


@asynccontextmanager
async def git_remote(
    folder: Path, server: AuthorizationServer, scheme: str = "Basic"
) -> AsyncGenerator[GitRemote, None]:
    """Serve a repository ``/notes.git`` with one file in it."""
    _make_repository(folder)
    remote = GitRemote(folder, server, scheme)
    runner = web.ServerRunner(web.Server(remote.handle))  # type: ignore[arg-type]
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        remote.host = f"127.0.0.1:{runner.addresses[0][1]}"
        yield remote
    finally:
        await runner.cleanup()
