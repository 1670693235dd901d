"""``extauth serve`` as a real process."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
from datetime import timedelta

import aiohttp
import pytest

from extauth import ConfigurationError
from extauth.cli.session import UsageError
from extauth.testing import AuthorizationServer
from tests.cli.commands.support import begun
from tests.cli.personal.person import ME, Person

CALLERS = """
[callers.tests]
secret_hash = "{secret_hash}"
uid = {uid}
allow = [{{provider = "example", users = ["*"], rights = ["token"]}}]

[callers.web]
secret_env = "WEB_SECRET"
allow = [{{provider = "example", users = ["{me}"], rights = ["token"]}}]
"""
WEB = "web-" + "not-a-real-secret-of-anybody"


async def told(process: subprocess.Popen[str], pattern: str) -> str:
    """Read stderr until a line says that."""
    assert process.stderr is not None
    while True:
        line = await asyncio.to_thread(process.stderr.readline)
        assert line, "it has ended"
        if found := re.search(pattern, line):
            return found[1]


async def test_it_serves_and_ends_in_good_order(tmp_path, port):
    """On a socket and a port. SIGTERM within a refresh: the caller has its answer, the tokens are saved."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def held(_: float) -> None:
        asked.set()
        await answer.wait()

    async with AuthorizationServer(answer_delay=timedelta(seconds=1), pause=held) as server:
        person = Person(tmp_path, server, port)
        person.configure()
        token = await person.link()
        made = (await person.answer("serve", "--new-secret")).data
        callers = tmp_path / "callers.toml"
        callers.write_text(CALLERS.format(secret_hash=made["secret_hash"], uid=tmp_path.stat().st_uid, me=ME))
        callers.chmod(0o600)
        options = ["--callers", str(callers), "--socket", str(tmp_path / "s"), "--listen", "127.0.0.1:0"]
        env = {**person.env, "WEB_SECRET": WEB}
        process = await asyncio.to_thread(begun, "serve", "--mine", *options, env=env)
        await told(process, rf"listening on ({tmp_path}/s)$")
        served = await told(process, r"listening on (127.0.0.1:\d+)$")
        target = f"/v1/token/example/{ME}"
        secret = {"Authorization": f"Bearer {made['secret']}"}
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(f"{tmp_path}/s")) as by_file,
            aiohttp.ClientSession() as by_port,
        ):
            async with by_file.get(f"http://localhost{target}", headers=secret) as given:
                assert (given.status, (await given.json())["access_token"]) == (200, token)
            async with by_port.get(f"http://{served}{target}", headers=secret) as refused:
                assert refused.status == 401  # it must be that user, too
            web = {"Authorization": f"Bearer {WEB}"}
            url = f"http://{served}{target}"
            asking = asyncio.create_task(by_port.post(url, headers=web, json={"rejected": token}))
            await asked.wait()
            process.send_signal(signal.SIGTERM)
            await told(process, "(finishing)")
            answer.set()
            async with await asking as exchanged:
                fresh = (await exchanged.json())["access_token"]
        out, said = await asyncio.to_thread(process.communicate, timeout=60)
        assert (process.returncode, out) == (0, "ended\n")
        stored = await person.stored()
        assert (stored.tokens.access_token, server.accepts(fresh), stored.version) == (fresh, True, 2)
        assert not {made["secret"], WEB, token, fresh} & {*said.split()}
        assert not (tmp_path / "s").exists()


async def test_what_is_needed(person, tmp_path):
    """Callers and a place; a file of callers that others may read is refused."""
    for options in ([], ["--socket", "s"], ["--callers", "x"]):
        with pytest.raises(UsageError, match="--callers or EXTAUTH_BROKER"):
            await person.answer("serve", "--mine", *options)
    callers = tmp_path / "callers.toml"
    callers.write_text("")
    callers.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        await person.answer("serve", "--mine", "--callers", str(callers), "--socket", "s")


async def test_a_new_secret(person):
    """Each is another, and the file has its hash alone."""
    one, two = [(await person.answer("serve", "--new-secret")).data for _ in range(2)]
    assert (one["secret"] == two["secret"], len(one["secret"])) == (False, 43)
    assert one["secret"] not in json.dumps(one["secret_hash"])
