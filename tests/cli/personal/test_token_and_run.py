"""``extauth token`` and ``extauth run``."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys

import pytest

from extauth import LinkNotFound, ReauthorizationRequired
from extauth.cli.personal.asking import hint
from extauth.cli.personal.programs import become, variable_for
from extauth.cli.session import UsageError
from extauth.domain.hidden import Hidden
from tests.cli.commands.support import begun, environment
from tests.cli.personal.person import ME, mode

PROGRAM = r"""
import json, os, pathlib, signal, sys
token = os.environ[sys.argv[1]]
def command_line(process):
    try:
        return (process / "cmdline").read_text()
    except OSError:
        return ""
print(json.dumps({
    "token": token,
    "arguments": sys.argv[1:],
    "seen": [each.name for each in pathlib.Path("/proc").glob("[0-9]*") if token in command_line(each)],
    "pid": os.getpid(),
}), flush=True)
os.kill(os.getpid(), signal.SIGTERM)
"""


async def test_a_token_and_nothing_else(person):
    """It is all that is printed; JSON says also when it ends."""
    token = await person.link(scopes={"read"})
    answer = await person.answer("token", "example")
    assert answer.shown == [token]
    data = dict(answer.data)
    assert data.pop("expires_at").endswith("+00:00")
    assert data == {
        "provider": "example",
        "user": ME,
        "token": token,
        "token_type": "Bearer",
        "scopes": ["read"],
    }


async def test_a_token_is_refreshed_first(person):
    """One that works for less than is wanted is exchanged."""
    token = await person.link()
    [again] = (await person.answer("token", "example", "--valid-for", "2h")).shown
    assert (again != token, person.server.accepts(again), person.server.grants.exchanges) == (True, True, 1)


async def test_who_has_no_link_is_told_how_to_connect(person):
    """By the command to type. The store that is made is nobody else's."""
    with pytest.raises(LinkNotFound, match=r"run: extauth connect example$"):
        await person.answer("token", "example")
    assert (mode(person.database.parent), mode(person.database)) == (0o700, 0o600)
    with pytest.raises(LinkNotFound, match=r"run: extauth connect example --user zoe$"):
        await person.answer("run", "example", "--user", "zoe", "--", "true")


async def test_a_grant_that_was_ended_is_told_with_its_cure(person):
    """The reason stays readable for programs."""
    await person.link()
    person.server.grants.revoke_subject(ME)
    with pytest.raises(ReauthorizationRequired) as refused, hint("example", None):
        await person.answer("refresh", "example", ME, "--mine")
    assert refused.value.reason == "invalid_grant"
    assert str(refused.value).endswith("run: extauth connect example")


async def test_a_screen_is_warned(person):
    """Who prints a token to a terminal is told that others may read along."""
    token = await person.link()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-m", "extauth.cli.main", "token", "example"],
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(person.env),
    )
    os.close(theirs)
    shown = await asyncio.to_thread(os.read, ours, 4096)
    _, said = await asyncio.to_thread(process.communicate, timeout=60)
    os.close(ours)
    assert shown.decode().strip() == token
    assert "whoever sees this screen" in said


async def test_a_program_has_the_token_in_its_environment_alone(person):
    """Its arguments are its own, its process is ours, and a signal ends it."""
    token = await person.link()
    given = ["EXAMPLE_TOKEN", "--json", "--", "--user", "zoe", ""]
    process = await asyncio.to_thread(
        begun, "run", "example", "--", sys.executable, "-c", PROGRAM, *given, env=person.env
    )
    out, err = await asyncio.to_thread(process.communicate, timeout=60)
    assert (process.returncode, err) == (-signal.SIGTERM, "")
    expected = {"token": token, "arguments": given, "seen": [], "pid": process.pid}
    assert json.loads(out) == expected


async def test_a_programs_end_is_the_commands(person):
    """Its exit code is. It does not inherit that Python ignores SIGPIPE."""
    await person.link()
    person.configure('env = "MINE"')
    script = 'test -n "$MINE" && grep SigIgn /proc/$$/status && exit 42'
    run = await person.process("run", "example", "--", "sh", "-c", script)
    assert (run.code, run.err) == (42, "")
    assert int(run.out.split()[1], 16) & 1 << signal.SIGPIPE - 1 == 0


@pytest.fixture
def signals():
    """What Python ignores is ignored again at the end."""
    kept = {each: signal.getsignal(each) for each in (signal.SIGPIPE, signal.SIGXFSZ)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("program", "code", "told"),
    [
        ("no-such-program-here", 127, "there is no program no-such-program-here"),
        ("/etc/passwd/x", 127, "there is no program"),
        ("/etc/passwd", 126, "cannot be run: Permission denied"),
        ("/etc", 126, "cannot be run"),
        ("a\0b", 126, "a NUL is in it"),
    ],
)
def test_what_cannot_be_run(signals, capsys, program, code, told):
    """It is told as a shell tells it."""
    assert become([program], "TOKEN", Hidden("not-a-token")) == code
    said = capsys.readouterr()
    assert (said.out, told in said.err, "not-a-token" in said.err) == ("", True, False)


async def test_a_program_and_a_variable_are_needed(person):
    """Before anything is opened."""
    with pytest.raises(UsageError, match="after --"):
        await person.answer("run", "example")
    with pytest.raises(ValueError, match="--env must be"):
        await person.answer("run", "example", "--env", "A=B", "--", "true")
    assert not person.database.exists()


def test_the_variable_of_a_provider():
    """Its id in capitals, without the name of a link."""
    assert [variable_for(each) for each in ("github", "github/work", "my-git.example", "2fa")] == [
        "GITHUB_TOKEN",
        "GITHUB_TOKEN",
        "MY_GIT_EXAMPLE_TOKEN",
        "_2FA_TOKEN",
    ]


async def test_other_commands_have_a_persons_links(person):
    """``--mine`` is for any command that takes a store."""
    await person.link()
    listed = await person.answer("links", "--mine")
    assert [(each["provider"], each["user"]) for each in listed.data["links"]] == [("example", ME)]
    removed = await person.answer("unlink", "example", ME, "--mine")
    assert removed.data["outcome"]["revoked"] is True


async def test_an_application_is_asked_if_it_is_given(person, tmp_path, monkeypatch):
    """By ``--app``, as for any other command; no configuration is read then."""
    (tmp_path / ".config" / "extauth" / "config.toml").unlink()
    token = await person.link()
    (tmp_path / "a_persons_app.py").write_text(
        "import extauth\nfrom extauth.adapters.oauth2 import OAuth2Provider\ndef app():\n"
        f"    example = OAuth2Provider('example', client_id={person.server.client_id!r},"
        f" client_secret='x', token_url={person.server.token_url!r})\n"
        f"    return extauth.open('sqlite:///{person.database}', [example], keys='plain')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    answer = await person.answer("token", "example", "--app", "a_persons_app:app")
    assert answer.shown == [token]
