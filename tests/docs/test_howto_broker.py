"""What the guide to the broker says is so."""

from __future__ import annotations

import asyncio
import configparser
import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from extauth.broker import parse_config
from extauth.broker.bodies import KEPT
from extauth.broker.problems import MEDIA_TYPE
from extauth.broker.websockets import LONGEST
from extauth.cli.commands import command_of
from extauth.cli.main import _parser
from tests.broker.site import SECRETS, opened_site

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "howto" / "broker.md").read_text()


def blocks(language: str) -> list[str]:
    """Return the blocks of the guide in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


def test_the_configuration_can_be_read():
    """And says what the text says of it."""
    [text] = blocks("toml")
    config = parse_config(tomllib.loads(text), {})
    reports, importer = config.callers
    assert config.apis == {"github": "https://api.github.com/"}
    assert (importer.uid, importer.digests) == (1001, [])
    assert reports.may("proxy", "github", "alice", "GET")
    assert not reports.may("proxy", "github", "alice", "POST")
    assert not reports.may("token", "github", "alice", "GET")
    assert importer.may("token", "github/work", "alice", "GET")


def test_the_unit_runs_a_command():
    """Whose options are all there, in the folder that the unit makes."""
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read_string(blocks("ini")[0])
    service = dict(unit["Service"])
    program, *arguments = shlex.split(service["ExecStart"])
    options = _parser([command_of("serve")]).parse_args(arguments)
    assert (Path(program).name, options.socket_group) == ("extauth", service["Group"])
    assert options.socket == f"/run/{service['RuntimeDirectory']}/broker.sock"
    assert float(service["TimeoutStopSec"]) > options.grace
    shown = next(line for block in blocks("sh") for line in block.splitlines() if "extauth serve" in line)
    _parser([command_of("serve")]).parse_args(shlex.split(shown)[1:])


@pytest.fixture
def commands():
    """What the guide has ``curl`` do."""
    found = [block for block in blocks("sh") if "curl" in block]
    assert len(found) == 3
    return found


async def test_each_curl_gets_its_answer(commands, tmp_path):
    """By curl itself, on the socket; the header is in a file."""
    from extauth.broker.callers import PREFIX, digest_of
    from extauth.domain.hidden import Hidden

    secret_hash = f"{PREFIX}{digest_of(Hidden(SECRETS['reader'])).hex()}"
    allowed = [{"provider": "example", "users": ["*"], "rights": ["token", "proxy"]}]
    changed = {"reader": {"secret_hash": secret_hash, "allow": allowed}}
    header = tmp_path / "header"
    header.write_text(f"Authorization: Bearer {SECRETS['reader']}\n")
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    async with opened_site(run, changed=changed) as site:
        answers = []
        token = ""
        for command in commands:
            script = command.replace("/run/extauth/broker.sock", str(site.socket)).replace(
                "github", "example"
            )
            script = script.replace("/run/secrets/broker-header", str(header))
            ended = await asyncio.to_thread(
                subprocess.run,
                ["/bin/sh", "-ec", script],
                env={"TOKEN": token},
                capture_output=True,
                check=True,
            )
            answers.append(json.loads(ended.stdout))
            token = answers[0]["access_token"]
        shown = json.loads(blocks("json")[0])
        assert shown.keys() == answers[0].keys() == answers[1].keys()
        assert answers[1]["access_token"] != token
        assert answers[2]["target"] == "/user/repos"
        assert site.server.grants.exchanges == 1


def test_every_code_is_told():
    """Each that the broker's own code has, and its media type."""
    source = "".join(path.read_text() for path in (ROOT / "src/extauth/broker").glob("*.py"))
    codes = set(re.findall(r'Problem\(\s*(?:\d{3}|status), "(\w+)"', source))
    assert len(codes) > 10
    assert [code for code in sorted(codes) if f"`{code}`" not in GUIDE] == []
    assert MEDIA_TYPE in GUIDE
    assert (f"{KEPT // 1024} KiB" in GUIDE, f"{LONGEST // 1024**2} MiB" in GUIDE) == (True, True)
