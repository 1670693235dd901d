"""What the guide for one person says is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import attrs

from extauth.adapters.encryption import EncryptionKey
from extauth.cli.commands import NAMES, every_command
from extauth.cli.main import _parser
from extauth.cli.parsing import parted
from extauth.cli.personal.config import ProviderEntry, parse_config, variables_of
from extauth.cli.personal.git_protocol import _HOSTS
from extauth.cli.personal.providers import _DESCRIBING, KNOWN, provider_of
from extauth.cli.personal.redirects import loopback_redirect

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "for-one-person.md").read_text()


def blocks(language: str) -> list[str]:
    """Return the blocks of the guide in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


def table() -> set[str]:
    """Return the keys that the guide tells."""
    rows = re.findall(r"^\| (`.+?) \|", GUIDE, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


async def test_the_configuration_can_be_read(tmp_path):
    """All of it, and providers are made of it; the one with an issuer is asked there."""
    [text] = blocks("toml")
    secret = tmp_path / "secret"
    secret.write_text("not-a-secret")
    secret.chmod(0o600)
    config = parse_config(tomllib.loads(text), {}, KNOWN)
    github, forge, house = config.providers.values()
    made = await provider_of(attrs.evolve(github, client_secret_file=str(secret)))
    assert (made.provider_id, made.scopes) == ("github", ("repo",))
    forge_url = (await provider_of(forge)).authorize_url
    assert forge_url is not None
    assert forge_url.startswith("https://git.example.org/")
    assert loopback_redirect("house", house.redirect_uri).port == 8400
    assert loopback_redirect("github", None).at(1) == "http://127.0.0.1:1/callback/github"
    assert all(name in GUIDE for name in variables_of("github"))


def test_every_key_is_told():
    """And no other."""
    fields = {field.name for field in attrs.fields(ProviderEntry)} - {"provider_id", "settings"}
    assert table() == fields | _DESCRIBING


def test_every_command_is_one():
    """Each line of a shell that is extauth's, and each in the text."""
    lines = [line.partition("#")[0] for block in blocks("sh") for line in block.splitlines()]
    told = [line.split() for line in lines if line.startswith("extauth ")]
    told += [each.split() for each in re.findall(r"`(extauth [^`]+)`", GUIDE)]
    told += [each.split() for each in re.findall(r"'!(extauth git-credential[^']*)'", GUIDE)]
    assert len(told) > 10
    for _, *given in told:
        arguments, _ = parted(given)
        operation = ["get"] if arguments[0] == "git-credential" else []
        if len(arguments) > 1:  # else it is a name in a sentence
            _parser(every_command()).parse_args([*arguments, *operation])
    assert {"connect", "token", "run", "git-credential"} <= set(NAMES)


def test_hosts_are_told():
    """Those that are known of providers."""
    assert [host for host in _HOSTS.values() if f"`{host}`" not in GUIDE] == ["gitea.com", "codeberg.org"]


def test_a_key_is_made():
    """By the line that is shown."""
    [line] = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("python -c")]
    code = re.findall(r"'(.+)'", line)[0]
    names: dict[str, object] = {}
    exec(code.replace("print(", "key = ("), names)  # noqa: S102 - our own page
    assert EncryptionKey.parse(str(names["key"])).key_id == "mine"
