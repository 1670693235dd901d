"""What the guide for code that is not async shows is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from extauth.testing import ScriptedLinkingProvider

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "without-asyncio.md"
CALLBACK = "https://app.example/callback/example"
[CODE] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture
def module():
    """The guide's module."""
    made = types.ModuleType("tokens")
    exec(compile(CODE, "tokens.py", "exec"), made.__dict__)  # noqa: S102 - the guide's own code
    return made


CALLBACK = "https://app.example/callback/example"


def test_threads_share_one_refresh(module, tmp_path):
    """Thirty threads that have seen the same token refused get one new token, by one exchange."""
    provider = ScriptedLinkingProvider("example")
    tokens = module.Tokens(f"sqlite:///{tmp_path}/links.db", [provider], keys="plain")
    try:
        url = tokens._wait(tokens.auth.begin("example", "alice", CALLBACK))
        tokens._wait(tokens.auth.complete(provider.consent(url), user_id="alice", provider_id="example"))
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
