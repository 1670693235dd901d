"""What the guide for code that is not async shows is what happens."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import textwrap
import types
from asyncio.subprocess import PIPE
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest

from extauth import LinkKey, open_store
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.testing import AuthorizationServer, ScriptedLinkingProvider

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "without-asyncio.md"
CALLBACK = "https://app.example/callback/example"
CODE, TASKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture
def module():
    """The guide's module."""
    made = types.ModuleType("tokens")
    exec(compile(CODE, "tokens.py", "exec"), made.__dict__)  # noqa: S102 - the guide's own code
    return made


def test_threads_share_one_refresh(module, tmp_path):
    """Thirty threads that have seen the same token refused get one new token, by one exchange."""
    provider = ScriptedLinkingProvider("example")
    tokens = module.Tokens(f"sqlite:///{tmp_path}/links.db", [provider], keys="plain")
    try:
        url = tokens.wait(tokens.auth.begin("example", "alice", CALLBACK))
        tokens.wait(tokens.auth.complete(provider.consent(url), user_id="alice", provider_id="example"))
        old = tokens.access_token("example", "alice")
        with ThreadPoolExecutor(30) as threads:
            new = list(threads.map(lambda _: tokens.refreshed("example", "alice", old), range(30)))
        assert (len(set(new)), old in new, provider.tokens.grants.exchanges) == (1, False, 1)
    finally:
        tokens.close()
    assert tokens._loop.is_closed()


def test_it_closes_as_the_process_ends(tmp_path):
    """Nobody has to call close."""
    (tmp_path / "tokens.py").write_text(CODE)
    script = """
        import atexit

        from extauth.testing import ScriptedLinkingProvider
        from tokens import Tokens

        atexit.register(lambda: print("closed:", tokens._loop.is_closed()))
        tokens = Tokens("memory://", [ScriptedLinkingProvider("calendar")])
        print(type(tokens.auth).__name__)
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script)]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (told.stdout, told.stderr, told.returncode) == ("Auth\nclosed: True\n", "", 0)


SETTINGS = """
from extauth.adapters.oauth2 import OAuth2Provider

DATABASE_URL = "sqlite:///links.db"
PROVIDERS = [OAuth2Provider("calendar", **{provider!r})]
CELERY = {{
    "broker_url": "filesystem://",
    "broker_transport_options": {{
        "data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control",
        "polling_interval": 0.1,
    }},
    "result_backend": "file://results",
    "worker_proc_alive_timeout": 60,
    "worker_hijack_root_logger": False,
}}
"""


@pytest.mark.slow
async def test_celery_workers_share_one_refresh(tmp_path):
    """Ten tasks in two forked processes find an expired token: each works, by one exchange."""
    for folder in ("queue", "control", "results"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tokens.py").write_text(CODE)
    (tmp_path / "tasks.py").write_text(TASKS)
    async with AuthorizationServer() as server:
        client = {
            "client_id": server.client_id,
            "client_secret": server.client_secret,
            "token_url": server.token_url,
        }
        (tmp_path / "settings.py").write_text(SETTINGS.format(provider=client))
        provider = OAuth2Provider("calendar", **client)
        expired = attrs.evolve(server.new_grant("alice"), expires_at=datetime.now(UTC) - timedelta(seconds=1))
        async with open_store(f"sqlite:///{tmp_path}/links.db", keys="plain") as store:
            await store.put(LinkKey("calendar", "alice"), expired, origin=provider.origin)
        worker = await start(tmp_path, "-m", "celery", "-q", "-A", "tasks", "worker", "-c", "2")
        try:
            asking = await start(tmp_path, "-c", ASK, stdout=PIPE)
            said, _ = await asyncio.wait_for(asking.communicate(), 90)
        finally:
            if worker.returncode is None:
                worker.terminate()
                await worker.wait()
        assert json.loads(said) == [f"called the API with {len(expired.access_token)} characters"] * 10
        assert server.grants.exchanges == 1


ASK = """
import json
from tasks import calendar_of

asked = [calendar_of.delay("alice") for _ in range(10)]
print(json.dumps([each.get(timeout=80) for each in asked]))
"""


def start(folder, *arguments, stdout=None):
    """Run Python there."""
    command = (sys.executable, *arguments)
    return asyncio.create_subprocess_exec(*command, cwd=folder, stdout=stdout)
