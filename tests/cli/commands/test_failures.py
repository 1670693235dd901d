"""What goes wrong is told by exit code and words, and never with a secret."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from extauth import LinkKey, open_store
from extauth.cli.commands import NAMES
from extauth.cli.exit_codes import MEANINGS
from tests.cli.commands.support import CANARY, begun, environment, extauth, interrupted, tokens

HERE = Path(__file__).parent
PASSWORD = f"pass-{CANARY}"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (f"postgresql://user:{PASSWORD}@127.0.0.1:1/none", 4),
        (f"postgresql://user:{PASSWORD}@127.0.0.1:x/none", 5),
        (f"mysql://user:{PASSWORD}@host/db", 2),
        (f"sqlite://user:{PASSWORD}@host/db", 2),
        (f"{PASSWORD}.db", 2),
        (f"sqlite:////nowhere-{CANARY}@x/links.db", 5),
    ],
)
@pytest.mark.parametrize("command", ["links", "migrate"])
def test_an_address_is_never_repeated(address, code, command):
    """Whatever is wrong with it, on the command line or in the environment."""
    if command == "migrate" and "nowhere" in address:
        code = 4
    for run in (
        extauth(command, "--store", address, "--json"),
        extauth(command, env={"EXTAUTH_STORE": address}),
    ):
        assert run.code == code
        assert CANARY not in run.out + run.err


def test_a_file_that_is_no_database(tmp_path):
    """It is told, and the file stays as it is."""
    (tmp_path / "notes.txt").write_text("canary" * 1000)
    for command in ("links", "migrate"):
        run = extauth(command, "--store", f"sqlite:///{tmp_path}/notes.txt", "--json")
        assert (run.code, run.error["code"]) == (4, "store_unavailable")
    assert (tmp_path / "notes.txt").read_text() == "canary" * 1000


def test_arguments_that_argparse_refuses_are_not_repeated():
    """An address where none belongs, and JSON for who asked for it."""
    address = f"postgresql://user:{PASSWORD}@host/db name"
    for arguments in (["links", address], ["links", "--state", address], ["show", "a", "b", address]):
        run = extauth(*arguments)
        assert (run.code, CANARY in run.err, "<address>" in run.err) == (2, False, True)
        as_json = extauth(*arguments, "--json")
        assert (as_json.code, as_json.error["code"], CANARY in as_json.out) == (2, "usage", False)


def test_a_store_is_needed():
    """It says how it is given."""
    for command in (["links"], ["migrate"], ["forget-user", "alice"]):
        run = extauth(*command, "--json")
        assert (run.code, run.error["code"]) == (2, "usage")
        assert "EXTAUTH_STORE" in run.error["message"]


def test_a_command_that_an_application_gives_no_store_to():
    """It says why the address is needed all the same."""
    for command in ("doctor", "migrate"):
        run = extauth(command, env={"EXTAUTH_APP": "app:opened"})
        assert (run.code, "EXTAUTH_STORE" in run.err, "not by the application" in run.err) == (2, True, True)


BROKEN = {
    "raises": "raise ValueError('secret-canary')",
    "key": "import os\nos.environ['CLIENT_SECRET']",
    "key_of_secret": "{}['secret-canary']",
    "syntax": "secret = 'secret-canary",
    "missing": "import nothing_like_that",
    "name": "app = nowhere",
    "exits": "raise SystemExit('secret-canary')",
    "group": "raise ExceptionGroup('secret-canary', [ValueError('secret-canary')])",
    "chained": "try:\n    1 / 0\nexcept Exception as error:\n    raise OSError('secret-canary') from error",
    "function": "def app():\n    secret = 'secret-canary'\n    raise RuntimeError(secret)",
    "later": "async def app():\n    raise RuntimeError('secret-canary')",
    "deeper": "from pathlib import Path\nPath('secret-canary').read_text()",
    "number": "app = 7",
    "none": "def app(): return None",
    "strings": "def app(): return ['secret-canary']",
    "arguments": "def app(secret): return []",
    "entered": (
        "from contextlib import asynccontextmanager\n@asynccontextmanager\nasync def app():\n"
        "    raise RuntimeError('secret-canary')\n    yield"
    ),
}
SAID = {
    "raises": "ValueError",
    "key": "KeyError: CLIENT_SECRET",
    "missing": "there is no module nothing_like_that",
    "deeper": "FileNotFoundError",
    "name": "there is no nowhere",
    "function": "RuntimeError",
    "syntax": "SyntaxError in line 1",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_application_is_told_by_type_and_place(tmp_path, kept_in_a_file, name):
    """Which line of which file, and nothing of what it may quote."""
    (tmp_path / "broken_app.py").write_text(BROKEN[name])
    options = ("refresh", "github", "alice", "--store", kept_in_a_file, "--app", "broken_app:app")
    run = extauth(*options, folder=tmp_path)
    assert (run.code, run.out) == (5, "")
    assert SAID.get(name, "") in run.err
    as_json = extauth(*options, "--json", folder=tmp_path)
    assert as_json.code == 5
    assert CANARY not in run.err + as_json.out + as_json.err
    if name in {"raises", "key", "function", "later", "entered", "deeper"}:
        assert "broken_app.py, line" in run.err
        assert "pathlib" not in run.err


def test_an_application_that_has_not_what_is_asked_for(tmp_path, kept_in_a_file):
    """A name without a colon, and an attribute that is not there."""
    (tmp_path / "empty_app.py").write_text("")
    for name, said in (("empty_app", "MODULE:ATTRIBUTE"), ("empty_app:app", "there is no app")):
        run = extauth("refresh", "github", "a", "--store", kept_in_a_file, "--app", name, folder=tmp_path)
        assert (run.code, said in run.err) == (5, True)


async def test_a_long_list_is_interrupted(tmp_path):
    """Ctrl-C ends it with 130, and says how far it came, in words and as JSON."""
    url = f"sqlite:///{tmp_path}/links.db"
    async with open_store(url, keys="plain") as store:
        for number in range(5):
            await store.put(LinkKey("github", f"user-{number}"), tokens(number))
    (tmp_path / "slow_app.py").write_text(
        "import asyncio\nasync def app():\n    print('waiting', flush=True)\n    await asyncio.sleep(1000)"
    )
    for options in ([], ["--json"]):
        process = begun(
            "forget-user",
            "user-1",
            "--yes",
            "--store",
            url,
            "--app",
            "slow_app:app",
            *options,
            folder=tmp_path,
        )
        assert process.stderr is not None
        assert process.stderr.readline() == "waiting\n"
        ended = interrupted(process)
        assert ended.code == 130
        if options:
            assert (ended.error["code"], ended.json["done"]) == ("interrupted", {})
        else:
            assert "interrupted; done until then: nothing" in ended.err
    process = begun("refresh", "github", "a", "--store", url, "--app", "slow_app:app", folder=tmp_path)
    assert process.stderr is not None
    assert process.stderr.readline() == "waiting\n"
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=100)
    assert (process.returncode, "terminated" in said) == (143, True)


def test_who_reads_may_stop(kept_in_a_file):
    """A closed pipe ends it quietly."""
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "extauth.cli.main", "links", "--store", kept_in_a_file],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=environment(),
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, "")


@pytest.mark.parametrize("width", [40, 200])
def test_a_terminal_gets_a_table_of_its_width(kept_in_a_file, width):
    """By rich, within the terminal; nothing is cut off."""
    ours, theirs = pty.openpty()
    ended = subprocess.run(
        [sys.executable, "-m", "extauth.cli.main", "links", "--store", kept_in_a_file],
        stdout=theirs,
        stderr=subprocess.PIPE,
        check=True,
        env=environment({"COLUMNS": str(width), "TERM": "xterm", "NO_COLOR": ""}),
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # of a terminal that was closed
        while part := os.read(ours, 65536):
            shown += part
    os.close(ours)
    lines = shown.decode().replace("\r", "").splitlines()
    assert max(map(len, _without_colors(lines))) <= width
    assert "".join("".join(_without_colors(lines)).split()).count("alice") == 2
    assert (CANARY in shown.decode(), ended.stderr) == (False, b"")
    assert (b"\x1b[" in shown) == (width == 200)


def _without_colors(lines: list[str]) -> list[str]:
    from rich.text import Text

    return [Text.from_ansi(line).plain for line in lines]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_explains_itself(name):
    """What it does, each option, and each exit code."""
    run = extauth(name, "--help")
    assert (run.code, run.err) == (0, "")
    assert "--json" in run.out
    for code, said in MEANINGS.items():
        assert f"{code:<4} {said}" in run.out
    options = [line.split()[0] for line in run.out.splitlines() if line.startswith("  --")]
    bare = [option for option in options if run.out.count(option) == 1 and f"{option}\n" in run.out]
    assert bare == []
