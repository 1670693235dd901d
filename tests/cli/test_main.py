from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.metadata import version

import pytest

from extauth.cli import main as command_line
from extauth.cli.command import Command
from extauth.cli.commands import every_command
from extauth.cli.main import main


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command line that is wrong and return what it says."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """``extauth --version`` prints the version that is installed."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"extauth {version('extauth')}\n"


def test_nothing_asked_for_is_answered_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    """``extauth`` alone prints what it can do, and that is no error."""
    assert main([]) == 0
    alone = capsys.readouterr()

    with pytest.raises(SystemExit):
        main(["--help"])
    assert (alone.out, alone.err) == (capsys.readouterr().out, "")
    assert "providers" in alone.out


@pytest.mark.parametrize("store", ["memory://", "mysql://user:hidden@host/db", "links.db", "sqlite://x"])
def test_store_must_be_one_that_processes_share(capsys: pytest.CaptureFixture[str], store: str) -> None:
    """A store that several processes cannot share is refused, without repeating its password."""
    said = refusal(capsys, "demo", "--store", store)
    assert "sqlite:/// or postgresql://" in said
    assert "hidden" not in said


@pytest.mark.parametrize("option", ["--replicas", "--callers", "--links", "--rotations", "--longest"])
@pytest.mark.parametrize("value", ["0", "-1", "many", "nan"])
def test_numbers_must_be_positive(capsys: pytest.CaptureFixture[str], option: str, value: str) -> None:
    """Zero, negative and no numbers are refused by name."""
    assert option in refusal(capsys, "demo", option, value)


def test_every_link_needs_a_caller(capsys: pytest.CaptureFixture[str]) -> None:
    """More links than callers of a replica would leave links that nobody asks for."""
    assert "--links must not be more" in refusal(capsys, "demo", "--links", "5", "--callers", "4")


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        ((), "rich"),
        ((), "aiohttp"),
        ((), "aiosqlite"),
        (("--store", "postgresql://localhost/x"), "asyncpg"),
    ],
)
def test_missing_driver_is_named_with_its_cure(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    absent: str,
) -> None:
    """Without a package that it needs the demo says what to install."""
    monkeypatch.setattr(command_line, "find_spec", lambda name: None if name == absent else object())

    code = main(["demo", *arguments])

    assert code == 2
    said = capsys.readouterr().err
    assert absent in said
    assert 'pip install "extauth[all]"' in said


def test_as_a_module() -> None:
    """``python -m extauth`` is the same, where the command is not on the path."""
    ran = subprocess.run(
        [sys.executable, "-m", "extauth", "--version"], capture_output=True, text=True, check=True
    )
    assert ran.stdout == f"extauth {version('extauth')}\n"


@pytest.mark.parametrize("command", every_command(), ids=lambda command: command.name)
def test_what_is_no_number_or_time_is_told_in_words(command: Command) -> None:
    """Else argparse would show the name of a function of ours, which nobody can look up."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    for action in parser._actions:  # argparse has no other way to them
        if callable(action.type) and not isinstance(action.type, type):
            with pytest.raises(argparse.ArgumentTypeError, match=r"^(is|must be) "):
                action.type("nothing of the kind")


def test_a_program_that_stands_before_the_dashes(capsys: pytest.CaptureFixture[str]) -> None:
    """It is told where programs stand, as everybody leaves them out once."""
    told = refusal(capsys, "run", "github", "ls", "-la")
    assert "unrecognized arguments: ls -la; the program to run, and what is for it, stands after --" in told
