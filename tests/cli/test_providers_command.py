"""``extauth providers`` prints the catalogue, and the page of the documentation is what it prints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from extauth.adapters.providers import CATALOGUE
from extauth.cli import main as command
from extauth.cli.main import main
from extauth.cli.providers import DOCUMENT, REGENERATE, markdown

ROOT = Path(__file__).parents[2]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the command and return what it prints."""
    assert main(["providers", *arguments]) == 0
    return capsys.readouterr().out


def test_the_page_is_what_the_data_gives():
    """Whoever changes a preset changes the page with it."""
    kept = (ROOT / DOCUMENT).read_text("utf-8")
    assert kept == markdown(), f"{DOCUMENT} is out of date; run: {REGENERATE}"


def test_markdown_prints_the_page(capsys):
    """So that the command that the page names makes the page."""
    assert printed(capsys, "--markdown") == markdown()


def test_a_line_for_each_preset(capsys):
    """In columns, with what tells providers apart."""
    head, *lines = printed(capsys).splitlines()
    assert head.split()[:3] == ["id", "name", "flows"]
    assert [line.split()[0] for line in lines] == list(CATALOGUE)
    github = next(line for line in lines if line.startswith("github "))
    assert github.split("  ")[-1] == "2026-11-23"
    assert "code, device" in github
    assert "none" in github
    assert "own (DELETE)" in github


@pytest.mark.parametrize(
    ("preset_id", "refreshing"),
    [
        ("github", "none"),
        ("github_app", "rotating"),
        ("google", "reusable"),
        ("facebook", "none, access tokens are exchanged"),
    ],
)
def test_json_has_the_facts_of_one(capsys, preset_id, refreshing):
    """For programs."""
    (facts,) = json.loads(printed(capsys, preset_id, "--json"))
    assert (facts["id"], facts["refresh_tokens"]) == (preset_id, refreshing)
    assert facts["token_url"] == CATALOGUE[preset_id].token_url


def test_json_has_all(capsys):
    """In the order of the table."""
    assert [facts["id"] for facts in json.loads(printed(capsys, "--json"))] == list(CATALOGUE)


def test_one_preset_in_full(capsys):
    """Variables with examples and defaults, what differs, days and notes; nothing that is not known."""
    said = printed(capsys, "hubspot")
    assert "- version: the version of the token endpoint, such as '2026-09' (default 'v1')" in said
    assert "- 2027-02-16: From this day" in said
    assert "dead codes:              BAD_REFRESH_TOKEN, invalid_grant" in said
    assert "grant cap" not in said
    assert "grant cap:               100" in printed(capsys, "google")


def test_why_pkce_is_not_sent(capsys):
    """Where it was said and when, in full and on the page; nothing of it for all the others."""
    why = "(github.com/UsefulSoftwareCo/executor, issue 2087, 2026-09-21)"
    assert why in printed(capsys, "linkedin")
    page = printed(capsys, "--markdown")
    assert re.search(rf"^- No code challenge is sent: .*{re.escape(why)}", page, re.MULTILINE)
    assert "\n- A client with a secret sends no code challenge: An app has to be set" in page
    assert "no pkce" not in printed(capsys, "github")


def test_an_unknown_preset_is_refused(capsys):
    """By its name, with the way to a list."""
    with pytest.raises(SystemExit) as ended:
        main(["providers", "githib"])
    assert ended.value.code == 2
    assert "no preset 'githib'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("github", "--markdown"), ("--json", "--markdown")])
def test_the_page_is_about_all(capsys, arguments):
    """One preset's page, or the page as JSON, is nothing."""
    with pytest.raises(SystemExit) as ended:
        main(["providers", *arguments])
    assert ended.value.code == 2
    assert "--markdown" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(), ("slack",), ("--json",), ("--markdown",)])
def test_a_reader_that_has_seen_enough_is_no_error(arguments):
    """As in ``extauth providers | head``: no traceback, and the exit code of a closed pipe."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        ended = subprocess.run(
            [sys.executable, "-m", "extauth.cli.main", "providers", *arguments],
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_spans_are_whole_numbers(capsys):
    """Programs and people read 600 seconds, not 600.0."""
    assert "replay window seconds:   600\n" in printed(capsys, "atlassian")


def test_what_it_needs_is_named(capsys, monkeypatch):
    """Without aiohttp it says what to install."""
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    assert main(["providers"]) == 2
    assert 'pip install "extauth[aiohttp]"' in capsys.readouterr().err
