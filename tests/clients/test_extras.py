"""Each client is an extra of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a Python of its own."""
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("package", ["aiohttp", "httpx", "httpx2"])
def test_what_to_install_is_told(package):
    """Where the client is missing."""
    told = run(f"import sys; sys.modules[{package!r}] = None; import extauth.clients.{package}")
    wanted = f'ModuleNotFoundError: {package} is not installed; run: pip install "extauth[{package}]"'
    assert told.stderr.splitlines()[-1] == wanted


@pytest.mark.parametrize("package", ["httpx", "httpx2"])
def test_one_client_needs_no_other(package):
    """Nor does extauth itself need any."""
    others = {"aiohttp", "httpx", "httpx2"} - {package}
    script = f"import sys, extauth.clients.{package}; print(*{others!r} & sys.modules.keys())"
    assert (run(script).stdout, run(script).returncode) == ("\n", 0)
