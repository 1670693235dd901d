"""The tutorial is followed to its end: its programs, a browser's requests, Enter, and the commands."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

TEXT = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text()
PROGRAMS = dict(re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE))
OUTPUTS = re.findall(r"^```text\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "error"}


def free_ports() -> tuple[int, int]:
    """Return two that nobody listens at. They are none of those that Linux gives out by itself, which another
    test might be given before they are used."""
    found: set[int] = set()
    while len(found) < 2:
        with suppress(OSError), socket.create_server(("127.0.0.1", random.randrange(20_000, 32_000))) as sock:
            found.add(sock.getsockname()[1])
    one, other = found
    return one, other


@pytest.fixture
def ports(tmp_path) -> tuple[int, int]:
    """Save each program as the page says, at ports that are free; return them."""
    first, second = free_ports()
    for name, code in PROGRAMS.items():
        (tmp_path / name).write_text(code.replace("8000", str(first)).replace("8001", str(second)))
    return first, second


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program in the background."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def press_enter(provider: subprocess.Popen[str]) -> str:
    """Press Enter there, and return the line that it says."""
    assert provider.stdin is not None
    assert provider.stdout is not None
    provider.stdin.write("\n")
    provider.stdin.flush()
    return provider.stdout.readline()


def ran(folder: Path, *arguments: str) -> str:
    """Run a program to its end, and return what it prints."""
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


async def test_the_tutorial_goes_as_it_says(tmp_path, ports):
    """Each step has the result that the page shows."""
    first, second = ports
    home = f"http://127.0.0.1:{first}/"
    the_api_says, refused_at_0, counted, refused_at_2 = OUTPUTS
    with ExitStack() as stack:
        provider = stack.enter_context(running(tmp_path, "provider.py"))
        assert provider.stdout.readline() == "Press Enter to have the API refuse every access token.\n"
        for arguments in ([], [str(second)]):
            app = stack.enter_context(running(tmp_path, "app.py", *arguments))
            assert f":{(arguments or [first])[0]} " in app.stdout.readline()

        async with ClientSession(cookie_jar=CookieJar(unsafe=True), raise_for_status=True) as browser:
            page = await browser.get(home)
            assert page.url.path == "/accounts/"
            [(action, label)] = re.findall(
                r'<form method="post" action="([^"]+)".*?<button[^>]*>([^<]+)<', await page.text(), re.DOTALL
            )
            assert label.startswith("Connect")
            pressed = {"Sec-Fetch-Site": "same-origin", "Origin": home.rstrip("/")}
            back = await browser.post(page.url.join(page.url.with_path(action)), headers=pressed)
            assert back.url.path == "/accounts/"
            assert await (await browser.get(home)).text() == the_api_says

            assert press_enter(provider) == refused_at_0
            assert await (await browser.get(home)).text() == the_api_says
            assert f"`{press_enter(provider).partition('. ')[2].strip()}`" in TEXT
        assert ran(tmp_path, "storm.py") == counted
        assert press_enter(provider) == refused_at_2

    for command in (line for line in COMMANDS if line.startswith("extauth ")):
        told = ran(tmp_path, "-m", "extauth.cli.main", *command.split()[1:])
        assert "alice" in told
        assert "version" in told or "links" in command


def test_every_block_is_one_that_is_run():
    """Each program has a name, and each command is one of those that the test runs or pip's."""
    assert set(PROGRAMS) == {"provider.py", "app.py", "storm.py"}
    assert TEXT.count("```python") == len(PROGRAMS)
    others = [line for line in COMMANDS if not line.startswith(("extauth ", "pip ", "python -m venv "))]
    assert others == ["python provider.py", "python app.py", "python app.py 8001", "python storm.py"]
