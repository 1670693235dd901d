"""extauth's version, with and without the metadata that says it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import extauth

PACKAGE = Path(extauth.__file__).parent


def told_by_a_copy(folder: Path, script: str) -> str:
    """Run the script on the modules alone, as a frozen application or a slimmed image has them."""
    shutil.copytree(PACKAGE, folder / "extauth", ignore=shutil.ignore_patterns("__pycache__"))
    for site in {Path(path) for path in sys.path if Path(path).name in {"site-packages", "dist-packages"}}:
        for found in site.iterdir():
            place = folder / found.name
            if not found.name.startswith(("extauth", "_")) and not place.exists():
                place.symlink_to(found)
    # Without -S the site-packages of this interpreter, and extauth's metadata with them, would be found too.
    told = subprocess.run(
        [
            sys.executable,
            "-S",
            "-W",
            "error",
            "-c",
            f"import sys; sys.path.insert(0, {str(folder)!r}); {script}",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert told.stderr == ""
    return told.stdout.rstrip("\n")


def test_the_version_is_the_one_installed():
    """``extauth.__version__`` is what the package's metadata says."""
    assert extauth.__version__ == version("extauth")


def test_no_other_name_is_made_up():
    """A name that extauth does not have is an ``AttributeError`` that says so."""
    with pytest.raises(AttributeError, match="module 'extauth' has no attribute '__versoin__'"):
        getattr(extauth, "__versoin__")  # noqa: B009 - type checkers refuse the name


@pytest.mark.parametrize("empty_metadata", [False, True], ids=["no dist-info", "an empty dist-info"])
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("import extauth; print(extauth.__version__)", "0+unknown"),
        ("from extauth.adapters.oauth2.http.request import USER_AGENT; print(USER_AGENT)", "extauth"),
        ("from extauth.adapters.discovery import discover; print(discover.__name__)", "discover"),
        ("from extauth.cli.main import main; main(['--version'])", "extauth 0+unknown"),
    ],
)
def test_everything_works_without_metadata(tmp_path, empty_metadata, script, expected):
    """Where the code came without its metadata the version is unknown, and nothing else is different."""
    if empty_metadata:
        (tmp_path / f"extauth-{version('extauth')}.dist-info").mkdir()
    assert told_by_a_copy(tmp_path, script) == expected
