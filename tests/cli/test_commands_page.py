"""The page about the commands is what the commands say of themselves."""

from __future__ import annotations

import re
from pathlib import Path

from extauth.cli.commands import COMMANDS
from extauth.cli.reference import DOCUMENT, REGENERATE, markdown

ROOT = Path(__file__).parents[2]


def test_the_page_is_as_generated():
    """Whoever changes a command makes the page anew."""
    assert (ROOT / DOCUMENT).read_text() == markdown(), f"run: {REGENERATE}"


def test_every_command_is_told():
    """Each has a section and says what its JSON holds."""
    told = re.findall(r"^## `extauth ([\w-]+)`", markdown(), re.MULTILINE)
    assert told == [command.name for command in COMMANDS]
    assert [each.name for each in COMMANDS if bool(each.members) == each.own_output] == []
