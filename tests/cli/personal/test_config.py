"""What a person says of their clients, in a file and in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from extauth import ConfigurationError, UnknownProvider
from extauth.cli.personal.config import default_path, default_store, parse_config, read_config
from extauth.cli.personal.providers import KNOWN, provider_of
from extauth.testing import AuthorizationServer

CLIENT = {"client_id": "ada", "client_secret": "canary"}


def entries(providers, environ=None):
    """Return what a document says of providers."""
    return parse_config({"providers": providers}, environ or {}, KNOWN).providers


def test_the_environment_is_over_the_file():
    """And is enough for a provider that the catalogue has."""
    environ = {
        "EXTAUTH_GITHUB_CLIENT_ID": "eve",
        "EXTAUTH_MY_GIT_CLIENT_SECRET": "other",
        "EXTAUTH_NOWHERE_CLIENT_ID": "x",
    }
    found = entries({"my-git": {"preset": "gitea", **CLIENT}}, environ)
    assert {name: (each.client_id, each.client_secret.value) for name, each in found.items()} == {
        "my-git": ("ada", "other"),
        "github": ("eve", None),
    }


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"stoer": "x"}, "has stoer, and knows store, keys_file"),
        ({"store": 7}, "store, which must be a text"),
        ({"providers": []}, "providers, which must be a table"),
        ({"providers": {"github": "canary"}}, "[providers.github]"),
        ({"providers": {"github": {}}}, "needs client_id in [providers.github], or EXTAUTH_GITHUB_CLIENT_ID"),
        ({"providers": {"github": {**CLIENT, "scopes": "canary"}}}, "scopes, which must be a list of texts"),
        ({"providers": {"github": {**CLIENT, "flow": "canary"}}}, "neither browser nor device"),
        ({"providers": {"github/work": CLIENT}}, "has no /"),
        ({"providers": {"github": {**CLIENT, "client_secret_file": "x"}}}, "keep one"),
        ({"providers": {"github": {**CLIENT, "base": 7}}}, "base, which must be a text"),
    ],
)
def test_what_cannot_be(document, told):
    """It is told where it stands, and not what stands there."""
    with pytest.raises(ConfigurationError) as refused:
        parse_config(document, {}, KNOWN)
    assert told in str(refused.value)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({**CLIENT, "preset": "nowhere"}, "there is no preset 'nowhere'"),
        ({**CLIENT, "preset": "github", "bsae": "x"}, "github takes no bsae"),
        ({**CLIENT, "token_url": "https://x.example", "preset_": "x"}, "there is no preset_"),
        ({**CLIENT, "token_url": "http://x.example"}, "https"),
        ({**CLIENT, "client_secret_file": "/nowhere", "client_secret": None}, "No such file"),
    ],
)
async def test_a_provider_that_cannot_be(table, told):
    """It is told with the provider's name."""
    table = {name: value for name, value in table.items() if value is not None}
    [entry] = entries({"mine": table}).values()
    with pytest.raises(ConfigurationError) as refused:
        await provider_of(entry)
    assert ("mine" in str(refused.value), told in str(refused.value)) == (True, True)
    assert "canary" not in str(refused.value) + repr(entry)


async def test_forms_of_a_provider(tmp_path):
    """A preset with its variable, a public client, a secret in a file, and one found by its issuer."""
    secret = tmp_path / "secret"
    secret.write_text("from-a-file\n")
    secret.chmod(0o600)
    async with AuthorizationServer() as server:
        found = entries(
            {
                "forge": {"preset": "gitea", "base": "https://git.example", "scopes": ["repo"], **CLIENT},
                "public": {"client_id": "ada", "token_url": "https://x.example/t"},
                "filed": {
                    "client_id": "ada",
                    "token_url": "https://x.example/t",
                    "client_secret_file": str(secret),
                },
                "asked": {"issuer": server.issuer, **CLIENT},
            }
        )
        made = {name: await provider_of(entry) for name, entry in found.items()}
        assert made["asked"].authorize_url == server.authorize_url
    assert made["forge"].authorize_url == "https://git.example/login/oauth/authorize"
    assert made["forge"].scopes == ("repo",)
    assert {name: each.provider_id for name, each in made.items()} == {name: name for name in made}


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        ("[providers", 0o600, "is no TOML: look at"),
        ("x = 'canary", 0o600, "is no TOML: look at"),
        ("", 0o640, "chmod 600"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, text, mode, told):
    """One that others may read is refused, as it says where secrets go; no error quotes it."""
    file = tmp_path / "config.toml"
    file.write_text(text)
    file.chmod(mode)
    with pytest.raises(ConfigurationError) as refused:
        read_config(str(file), {}, KNOWN)
    assert (told in str(refused.value), "canary" in str(refused.value)) == (True, False)
    assert refused.value.__context__ is None


def test_where_it_is(tmp_path, monkeypatch):
    """Where the XDG specification has it; a file that nobody named need not be there."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_path({}) == tmp_path / ".config/extauth/config.toml"
    assert default_store({"XDG_DATA_HOME": "relative"}) == tmp_path / ".local/share/extauth/links.db"
    assert default_store({"XDG_DATA_HOME": "/data"}) == Path("/data/extauth/links.db")
    assert read_config(None, {}, KNOWN).providers == {}
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml cannot be read"):
        read_config(None, {"EXTAUTH_CONFIG": "~/nowhere.toml"}, KNOWN)
    with pytest.raises(UnknownProvider, match="EXTAUTH_GITHUB_CLIENT_ID"):
        read_config(None, {}, KNOWN).of("github/work")


@pytest.fixture
def homeless(monkeypatch):
    """A container's user that has no name, as a platform chooses it, and no variable that says a folder."""

    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)


@pytest.mark.usefixtures("homeless")
def test_without_a_home():
    """Variables are enough for a provider; a place for links there is none unless somebody says it."""
    environ = {"EXTAUTH_GITHUB_CLIENT_ID": "ada"}
    config = read_config(None, environ, KNOWN)
    assert config.of("github").client_id == "ada"
    with pytest.raises(UnknownProvider, match=r"~/\.config/extauth/config\.toml"):
        config.of("nowhere")
    with pytest.raises(ConfigurationError, match="set HOME or XDG_DATA_HOME, or give the store's"):
        default_store(environ)


@pytest.mark.usefixtures("homeless")
async def test_what_is_said_to_be_in_a_home_that_there_is_not():
    """The whole path is asked for."""
    with pytest.raises(ConfigurationError, match=r"~/own\.toml .* write the whole path"):
        read_config("~/own.toml", {}, KNOWN)
    entry = entries({"github": {"client_id": "ada", "client_secret_file": "~/secret"}})["github"]
    with pytest.raises(ConfigurationError, match=r"~/secret .* write the whole path"):
        await provider_of(entry)
