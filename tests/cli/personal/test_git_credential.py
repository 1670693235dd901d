"""``extauth git-credential``: with git itself at a remote that wants a token, and for newer gits."""

from __future__ import annotations

import asyncio
import io
import sys
from datetime import UTC, datetime

import pytest

from extauth import LinkNotFound
from extauth.cli.personal.config import parse_config
from extauth.cli.personal.git_protocol import answer, hosts_of, is_at, read_request, username_of
from extauth.cli.session import UsageError
from extauth.domain.hidden import Hidden
from tests.cli.personal.git_remote import git, git_remote

HELPER = f"!{sys.executable} -m extauth.cli.main git-credential"


async def test_git_clones_and_gets_over_a_refused_token(person, tmp_path):
    """The token is the password; one that the server refuses is another the next time."""
    token = await person.link()
    async with git_remote(tmp_path / "remote", person.server) as remote:
        person.configure(f'git_hosts = ["http://{remote.host}"]\ngit_username = "x-access-token"')
        options = ["-c", "credential.helper=", "-c", f"credential.helper={HELPER}"]
        url = f"http://{remote.host}/notes.git"

        async def run(*arguments):
            return await asyncio.to_thread(git, *options, *arguments, folder=tmp_path, env=person.env)

        cloned = await run("clone", "-q", "-b", "main", url, "copy")
        assert (cloned.returncode, cloned.stderr) == (0, "")
        assert (tmp_path / "copy" / "note").read_text() == "hello\n"
        assert set(remote.shown) == {("Basic", "x-access-token")}
        person.server.grants.revoke(token)
        refused = await run("ls-remote", url)
        assert (refused.returncode, "Authentication failed" in refused.stderr) == (128, True)
        assert (person.server.grants.exchanges, token in refused.stderr) == (1, False)
        again = await run("ls-remote", url)
        assert (again.returncode, again.stderr) == (0, "")
    assert (await person.stored()).tokens.access_token != token


@pytest.fixture
def asked(person, monkeypatch):
    """Ask the helper as git does."""

    async def ask(operation: str, *lines: str, options: tuple[str, ...] = ()):
        text = "".join(f"{line}\n" for line in lines) + "\n"
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return list((await person.answer("git-credential", *options, operation)).shown)

    return ask


async def test_only_our_hosts_are_answered(person, asked):
    """Over TLS, or on this machine where that was said; else it is silent, and opens nothing."""
    person.configure('git_hosts = ["git.example:8443", "http://127.0.0.1:80", "http://git.example"]')
    for lines in (
        ["protocol=https", "host=git.example"],
        ["protocol=http", "host=git.example:8443"],
        ["protocol=http", "host=git.example"],
        ["protocol=https", "host=git.example:8443.evil.example"],
        ["protocol=https", "host=127.0.0.1:80"],
        ["protocol=ssh", "host=git.example:8443"],
        ["protocol=https"],
        [],
    ):
        assert await asked("get", *lines) == []
    assert await asked("store", "protocol=https", "host=git.example:8443", "password=x") == []
    assert await asked("approve", "protocol=https", "host=git.example:8443") == []
    assert await asked("erase", "protocol=https", "host=git.example:8443") == []
    assert not person.database.exists()
    with pytest.raises(LinkNotFound, match="extauth connect example"):
        await asked("get", "protocol=https", "host=GIT.example:8443")
    token = await person.link()
    told = await asked("get", "protocol=https", "host=git.example:8443", "username=ada")
    assert told[:2] == ["username=ada", f"password={token}"]
    assert told[2].startswith("password_expiry_utc=")


async def test_a_refused_token_is_refreshed_once(person, asked):
    """However often git says so, and not for a password of somebody else's."""
    token = await person.link()
    person.configure('git_hosts = ["git.example"]')
    remote = ("protocol=https", "host=git.example")
    for _ in range(2):
        assert await asked("erase", *remote, "username=x", f"password={token}") == []
    assert person.server.grants.exchanges == 1
    assert await asked("erase", *remote, "password=somebody-elses") == []
    assert person.server.grants.exchanges == 1
    [_, password, _] = await asked("get", *remote)
    assert person.server.accepts(password.removeprefix("password="))


async def test_a_link_and_a_host_can_be_said(person, asked):
    """For a second account; with an application both must be."""
    person.configure('git_hosts = ["git.example"]')
    token = await person.link("zoe")
    options = ("--provider", "example", "--user", "zoe", "--host", "other.example")
    told = await asked("get", "protocol=https", "host=other.example", options=options)
    assert told[1] == f"password={token}"
    assert await asked("get", "protocol=https", "host=git.example", options=options) == []
    with pytest.raises(UsageError, match="--host"):
        await asked("get", "protocol=https", "host=git.example", options=("--app", "nowhere:app"))


BEARER = ["capability[]=authtype", "capability[]=state", "protocol=https", "host=git.example"]
EXPIRY = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lines", "bearer"),
    [
        ([*BEARER, 'wwwauth[]=Basic realm="x"', "wwwauth[]=bearer"], True),
        ([*BEARER, 'wwwauth[]=Basic realm="x"'], False),
        ([*BEARER[1:], "wwwauth[]=Bearer"], False),
        (BEARER, False),
    ],
    ids=["both", "server not", "git not", "unsaid"],
)
def test_bearer_where_both_can(lines, bearer):
    """Git says by a capability that it can (2.46), and the server by its challenge."""
    request = read_request(Hidden("\n".join([*lines, "", "password=beyond the end"])))
    told = answer(request, Hidden("not-a-token"), username="oauth2", expires_at=EXPIRY)
    expected = ["username=oauth2", "password=not-a-token", "password_expiry_utc=1798761600"]
    if bearer:
        expected = [
            "capability[]=authtype",
            "authtype=Bearer",
            "credential=not-a-token",
            "ephemeral=1",
            "password_expiry_utc=1798761600",
        ]
    assert (list(told), request.secret.value) == (expected, None)
    assert list(answer(request, Hidden("t"), username="u", expires_at=None))[-1] != expected[-1]


def test_where_the_repositories_of_providers_are():
    """The catalogue's are known, those of a server of one's own by its address."""
    tables = {
        "github": {"client_id": "x"},
        "work": {
            "preset": "gitlab_self_managed",
            "client_id": "x",
            "base": "https://Git.Acme.example/gitlab",
        },
        "hub": {"preset": "bitbucket_cloud", "client_id": "x"},
        "mail": {"preset": "google", "client_id": "x"},
    }
    entries = parse_config({"providers": tables}, {}, frozenset()).providers
    assert {name: (list(hosts_of(entry)), username_of(entry)) for name, entry in entries.items()} == {
        "github": (["github.com"], "x-access-token"),
        "work": (["git.acme.example"], "oauth2"),
        "hub": (["bitbucket.org"], "x-token-auth"),
        "mail": ([], "oauth2"),
    }
    assert is_at(read_request(Hidden("protocol=https\nhost=github.com")), hosts_of(entries["github"]))


def test_a_request_shows_no_password():
    """Nor does what an error would show of it."""
    request = read_request(Hidden("protocol=https\nhost=x\npassword=canary\ncredential=canary"))
    assert ("canary" in repr(request), request.secret.value) == (False, "canary")
