"""Each command as a process that begins with nothing, which other tests only run where all is imported."""

from __future__ import annotations

import shutil

import pytest

from extauth.adapters.encryption import EncryptionKey
from extauth.cli.commands import NAMES
from tests.cli.commands.support import extauth, fresh, stocked

KEY = EncryptionKey.generate("new")
OWN_TESTS = {"connect", "token", "run", "git-credential", "serve"}
"""Those of one person, whose tests run them as such processes."""

APP = """
from extauth.testing import ScriptedLinkingProvider

def app():
    return [ScriptedLinkingProvider("github")]
"""
COMMANDS = {
    "links": ["links"],
    "show": ["show", "github", "alice"],
    "refresh": ["refresh", "github", "alice", "--app", "scripted_app:app"],
    "retry": ["retry", "github", "--yes"],
    "unlink": ["unlink", "github", "alice"],
    "forget-user": ["forget-user", "alice", "--yes"],
    "upkeep": ["upkeep", "--app", "scripted_app:app"],
    "outbox": ["outbox"],
    "keys": ["keys"],
    "rotate": ["rotate"],
    "import": ["import", "rows.jsonl", "--dry-run"],
    "export": ["export", "links.sealed", "--key", "key"],
    "audit": ["audit"],
    "restored": ["restored"],
    "migrate": ["migrate"],
    "schema": ["schema", "sqlite", "--from", "0"],
    "doctor": ["doctor"],
}


def test_no_command_is_left_out():
    """A new one is asked for here or among those of one person."""
    assert {*COMMANDS, *OWN_TESTS} == {*NAMES}


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_fresh_process_does_the_same(name, tmp_path):
    """Its exit code, answer and complaints are those of the forked process that other tests use."""
    folder = tmp_path / "fresh"
    folder.mkdir()
    async with stocked(f"sqlite:///{folder}/links.db"):
        pass
    (folder / "scripted_app.py").write_text(APP)
    (folder / "rows.jsonl").write_text("")
    (folder / "key").write_text(KEY.reveal())
    (folder / "key").chmod(0o600)
    shutil.copytree(folder, tmp_path / "forked")

    runs = []
    for run, place in ((fresh, folder), (extauth, tmp_path / "forked")):
        env = {"EXTAUTH_KEYS": KEY.reveal() if name in {"keys", "rotate"} else ""}
        store = [] if name == "schema" else ["--store", f"sqlite:///{place}/links.db"]
        runs.append(run(*COMMANDS[name], *store, "--json", env=env, folder=place))
    one, other = runs
    assert (one.code, one.err) == (other.code, other.err)
    assert one.json.keys() == other.json.keys()
