"""The peer, started once, and browsers in front of it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import final

import attrs
import pytest

from tests.peer.browser import Browser


@final
@attrs.frozen(kw_only=True)
class Peer:
    """Where the site is and what its clients know."""

    url: str
    client_id: str
    client_secret: str = attrs.field(repr=False)
    device_client_id: str
    password: str = attrs.field(repr=False)

    def browser(self, username: str) -> Browser:
        """Open a browser of a person's own."""
        return Browser(self.url, username, self.password)


@pytest.fixture(scope="session")
def peer(tmp_path_factory):
    """django-oauth-toolkit in a process of its own."""
    folder = tmp_path_factory.mktemp("peer")
    command = [sys.executable, "-m", "tests.peer.site", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            assert line, "the peer did not start"
            yield Peer(**json.loads(line))
        finally:
            process.stdin.close()
            process.wait(timeout=30)
