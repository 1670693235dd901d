"""The page about the commands is what the commands say of themselves."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from extauth.cli.commands import NAMES, every_command
from extauth.cli.reference import DOCUMENT, REGENERATE, markdown

ROOT = Path(__file__).parents[2]


def test_the_page_is_as_generated():
    """Whoever changes a command makes the page anew."""
    assert (ROOT / DOCUMENT).read_text() == markdown(), f"run: {REGENERATE}"


def test_every_command_is_told():
    """Each has a section and says what its JSON holds."""
    told = re.findall(r"^## `extauth ([\w-]+)`", markdown(), re.MULTILINE)
    assert told == list(NAMES) == [command.name for command in every_command()]
    assert [each.name for each in every_command() if bool(each.members) == each.own_output] == []


def test_a_command_imports_no_other():
    """A person waits for each start: what one command needs, another does not pay for."""
    script = "import sys; from extauth.cli.main import main; main(['links', '--help'])"
    script = f"import contextlib\nwith contextlib.suppress(SystemExit):\n    {script}\nprint(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    loaded = set(told.split())
    assert "extauth.cli.commands.links" in loaded
    assert loaded & {"extauth.auth", "extauth.front_door", "extauth.cli.commands.keys", "aiohttp"} == set()
