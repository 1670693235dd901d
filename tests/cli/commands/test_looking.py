"""``links`` and ``show``."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta

import pytest

from extauth import LinkKey, open_store
from extauth.adapters.encryption import EncryptionKey
from extauth.cli.summaries import LINK_MEMBERS
from tests.cli.commands.support import CANARY, extauth, stocked, tokens

SUMMARY = set(LINK_MEMBERS)


def test_links_are_listed_without_tokens(kept):
    """All of them by provider and user, each with the documented members, and no token."""
    run = extauth("links", "--store", kept, "--json")
    assert (run.code, run.err) == (0, "")
    assert {"command", "ok", "links", "next"} == set(run.json)
    assert [{**link}.keys() for link in run.json["links"]] == [SUMMARY] * 3
    found = [(link["provider"], link["user"], link["state"]) for link in run.json["links"]]
    expected = [("github", "alice", "ok"), ("github/work", "alice", "broken"), ("gitlab", "bob", "ok")]
    assert found == expected
    assert run.json["next"] is None
    assert run.json["links"][1]["failure"]["reason"] == "invalid_grant"
    assert datetime.fromisoformat(run.json["links"][0]["expires_at"]).utcoffset() == timedelta(0)
    plain = extauth("links", env={"EXTAUTH_STORE": kept})
    assert [line.split()[:3] for line in plain.out.splitlines()[1:]] == [list(each) for each in expected]
    assert CANARY not in run.out + plain.out + plain.err


@pytest.mark.parametrize(
    ("options", "users"),
    [
        (["--provider", "github"], ["alice", "alice"]),
        (["--provider", "github/work"], ["alice"]),
        (["--user", "bob"], ["bob"]),
        (["--state", "broken"], ["alice"]),
        (["--state", "leased"], []),
        (["--due", "2d"], ["alice", "bob"]),
        (["--due", "1h"], []),
        (["--reason", "invalid_grant", "--since", "1h"], ["alice"]),
        (["--reason", "http_503"], []),
        (["--all"], ["alice", "alice", "bob"]),
    ],
)
def test_links_are_found_by_what_they_are_like(kept, options, users):
    """Each filter of the command line is the store's."""
    run = extauth("links", "--store", kept, "--json", *options)
    assert (run.code, [link["user"] for link in run.json["links"]]) == (0, users)


def test_a_list_goes_on_where_it_ended(kept):
    """A list with a limit says after which link the next one begins."""
    first = extauth("links", "--store", kept, "--json", "--limit", "2").json
    assert first["next"] == {"provider": "github/work", "user": "alice"}
    rest = extauth("links", "--store", kept, "--json", "--after", *first["next"].values()).json
    assert ([link["user"] for link in rest["links"]], rest["next"]) == (["bob"], None)
    plain = extauth("links", "--store", kept, "--limit", "2").out
    assert plain.splitlines()[-1] == "more follow: --after github/work alice"


def test_links_are_counted(kept):
    """By provider and state."""
    run = extauth("links", "--store", kept, "--json", "--count")
    counts = [(each["provider"], each["state"], each["links"]) for each in run.json["counts"]]
    assert counts == [("github", "ok", 1), ("github/work", "broken", 1), ("gitlab", "ok", 1)]
    assert run.json["total"] == 3
    assert extauth("links", "--store", kept, "--count").out.splitlines()[-1] == "3 in all"


def test_one_link_is_shown(kept):
    """Everything about it, and the tokens only if that is said, with a warning."""
    run = extauth("show", "github", "alice", "--store", kept, "--json")
    assert (run.code, set(run.json), set(run.json["link"])) == (0, {"command", "ok", "link"}, SUMMARY)
    plain = extauth("show", "github/work", "alice", "--store", kept)
    assert "invalid_grant" in plain.out
    assert CANARY not in run.out + run.err + plain.out + plain.err
    revealed = extauth("show", "github", "alice", "--store", kept, "--reveal", "--json")
    expected = {"access_token": "at-canary-0", "refresh_token": "rt-canary-0", "resource_tokens": {}}
    assert revealed.json["tokens"] == expected
    assert "whoever sees this output" in revealed.err
    assert "rt-canary-0" in extauth("show", "github", "alice", "--store", kept, "--reveal").out


def test_a_link_that_is_not_there(kept):
    """Exit code 3, in words and as JSON."""
    run = extauth("show", "gitlab", "alice", "--store", kept)
    assert (run.code, run.out) == (3, "")
    assert run.err == "extauth: show: user 'alice' has no link to gitlab\n"
    run = extauth("show", "gitlab", "alice", "--store", kept, "--json")
    message = "user 'alice' has no link to gitlab"
    error = {"code": "link_not_found", "message": message}
    assert (run.code, run.json) == (3, {"command": "show", "ok": False, "error": error, "done": {}})


async def test_what_is_encrypted_needs_keys_only_to_reveal(url, tmp_path):
    """Listing needs none; revealing says which key is missing, and works with it."""
    key = EncryptionKey.generate("2026-11")
    async with stocked(url, keys=key):
        pass
    listed = extauth("links", "--store", url, "--json")
    assert [link["encrypted_with"] for link in listed.json["links"]] == ["2026-11"] * 3
    refused = extauth("show", "github", "alice", "--store", url, "--reveal", "--json")
    assert (refused.code, "tokens" in refused.json) == (5, False)
    file = tmp_path / "keys"
    file.write_text(key.reveal())
    file.chmod(0o600)
    options = ("show", "github", "alice", "--store", url, "--reveal", "--json")
    for run in (
        extauth(*options, "--keys-file", str(file)),
        extauth(*options, env={"EXTAUTH_KEYS": key.reveal()}),
        extauth(*options, env={"EXTAUTH_KEYS_FILE": str(file)}),
    ):
        assert run.json["tokens"]["access_token"] == "at-canary-0"
    file.chmod(0o644)
    open_file = extauth(*options, "--keys-file", str(file))
    assert (open_file.code, open_file.error["code"]) == (5, "configuration_error")
    assert key.reveal().partition(":")[2] not in open_file.out + open_file.err + refused.out


def test_ids_cannot_steer_a_terminal(tmp_path):
    """What a user or a provider calls itself is shown with its control characters escaped."""
    url = f"sqlite:///{tmp_path}/links.db"

    async def keep() -> None:
        async with open_store(url, keys="plain") as store:
            await store.put(LinkKey("github", "al\x1b[2Jice\n"), tokens())

    asyncio.run(keep())
    run = extauth("links", "--store", url)
    assert "al\\x1b[2Jice\\n" in run.out
    assert "\x1b" not in run.out
    [link] = json.loads(extauth("links", "--store", url, "--json").out)["links"]
    assert link["user"] == "al\x1b[2Jice\n"
