"""`make servers` in short, for the servers that are installed beside the tests."""

from __future__ import annotations

import re
import sys

import attrs
import pytest

from servers.driving import ROTATIONS, drive
from servers.programs import PROGRAMS
from servers.running import running
from servers.table import PAGE, name_of
from servers.visiting import Visitor

BESIDE = {"Authlib", "django-oauth-toolkit", "fastmcp", "mcp"}
"""Packages of the group ``test``. The others do not go with it, or bring much."""
FEW = 3


@pytest.mark.parametrize("program", [each for each in PROGRAMS if each.package in BESIDE], ids=name_of)
async def test_a_real_server_that_is_driven(program, tmp_path):
    """Nothing that extauth promises is broken, and everything ends as the page about servers says."""
    async with running(program, python=sys.executable) as site, Visitor(site) as visitor:
        driven = await drive(visitor, tmp_path, count=FEW)
    assert driven.broken == ()
    name = re.escape(name_of(program))
    [_, told] = re.findall(rf"^\| {name} \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    rotations, *others = told.split(" | ")
    expected = [re.sub(rf"\b{ROTATIONS}\b", str(FEW), rotations), *others]
    assert expected == [*attrs.astuple(driven)[:-1]]
