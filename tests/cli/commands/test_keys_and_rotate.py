"""``keys`` and ``rotate``."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from extauth import LinkKey, open_store
from extauth.adapters.encryption import EncryptionKey, Keyring
from extauth.domain.linking import PendingAuthorization
from tests.cli.commands.support import CANARY, begun, environment, extauth, interrupted, stocked, tokens

HERE = Path(__file__).parent
OLD, NEW, LOST = (EncryptionKey.generate(name) for name in ("old", "new", "lost"))
GIVEN = {"EXTAUTH_KEYS": f"{NEW.reveal()} {OLD.reveal()}"}
NONE = {"links": 0, "registrations": 0, "authorizations": 0, "authorizations_until": None}


def links(number: int) -> dict[str, object]:
    """Return what is said where only so many links are."""
    return {**NONE, "links": number}


def names_no_secret(*outputs: str) -> bool:
    """Whether neither a token nor a key is in them."""
    secrets = [CANARY, *(key.reveal().partition(":")[2] for key in (OLD, NEW, LOST))]
    return not any(secret in output for secret in secrets for output in outputs)


async def test_an_interrupted_rotation_is_resumed(url):
    """Ctrl-C says how far it came, and the same command does the rest; what does not open is left."""
    async with open_store(url, keys=OLD) as store:
        for number in range(60):
            await store.put(LinkKey("github", f"user-{number}"), tokens(number))
    env = {**GIVEN, "APP_STORE": url}
    process = begun("rotate", "--json", "--app", "gated_app:app", env=env, folder=HERE)
    assert process.stderr is not None
    assert process.stderr.readline() == "in the middle\n"
    stopped = interrupted(process)
    assert (stopped.code, stopped.error["code"]) == (130, "interrupted")
    assert stopped.json["done"] == {"rows encrypted": 50}

    found = extauth("keys", "--store", url, "--json", "--removable", "old", env=GIVEN)
    use = {each["id"]: each for each in found.json["keys"]}
    done = use["new"]["links"]
    assert (use["new"]["primary"], 50 <= done < 60, use["old"]["links"]) == (True, True, 60 - done)
    assert (found.code, found.json["removable"], found.json["remaining"]) == (1, False, links(60 - done))

    async with open_store(url, keys=LOST) as store:
        await store.put(LinkKey("github", "lost"), tokens())
    resumed = extauth("rotate", "--store", url, "--json", env=GIVEN)
    left = {
        "provider": "github",
        "user": "lost",
        "registration": None,
        "reason": "missing_key",
        "key": "lost",
    }
    assert (resumed.code, resumed.json) == (
        1,
        {
            "command": "rotate",
            "ok": False,
            "key": "new",
            "total": 61 - done,
            "encrypted": 60 - done,
            "failed": [left],
            "remaining": links(1),
        },
    )
    plain = extauth("rotate", "--store", url, env=GIVEN)
    assert (plain.code, "0 of 1 rows brought under new" in plain.out) == (1, True)
    assert ["github", "lost", "missing_key", "lost"] in [line.split() for line in plain.out.splitlines()]

    everything = {"EXTAUTH_KEYS": f"{GIVEN['EXTAUTH_KEYS']} {LOST.reveal()}"}
    last = extauth("rotate", "--store", url, "--json", env=everything)
    assert (last.code, last.json["encrypted"], last.json["remaining"]) == (0, 1, NONE)
    free = extauth("keys", "--store", url, "--json", "--removable", "old", env=GIVEN)
    assert (free.code, free.json["removable"], free.json["remaining"]) == (0, True, NONE)
    async with open_store(url, keys=NEW) as store:
        for number in range(60):
            link = await store.get(LinkKey("github", f"user-{number}"))
            assert (link.version, link.tokens.access_token) == (1, f"at-{CANARY}-{number}")
    said = [each for run in (stopped, found, resumed, plain, last, free) for each in (run.out, run.err)]
    assert names_no_secret(*said)


async def test_keys_are_counted(tmp_path):
    """Each key's rows and the plain ones, also without keys; one in use, or primary, is to be kept."""
    url = f"sqlite:///{tmp_path}/links.db"
    async with stocked(url):
        pass
    async with open_store(url, keys=Keyring(OLD, NEW)) as store:
        await store.put(LinkKey("github", "alice"), tokens())
        pending = PendingAuthorization(
            state_hash="hash",
            key=LinkKey("slack", "bob"),
            redirect_uri="https://app.example/cb",
            salt=f"salt-{CANARY}",
        )
        await store.begin_authorization(pending, timedelta(minutes=10))
    env = {"EXTAUTH_KEYS": f"{NEW.reveal()} {OLD.reveal()}"}
    found = extauth("keys", "--store", url, "--json", env=env)
    assert (found.code, set(found.json)) == (0, {"command", "ok", "keys", "plain", "unknown", "remaining"})
    primary, other = found.json["keys"]
    assert primary == {"id": "new", "primary": True, "given": True, **NONE}
    assert (other["id"], other["links"], other["authorizations"]) == ("old", 1, 1)
    assert other["authorizations_until"] is not None
    plain = found.json["plain"]
    assert (plain["links"], plain["authorizations"], found.json["remaining"]["links"]) == (2, 2, 3)
    without = extauth("keys", "--store", url, "--json")
    assert [(each["id"], each["given"]) for each in without.json["keys"]] == [("old", False)]
    for wanted, code, said in (
        ("old", 1, "keep old: it encrypts 1 link, 1 authorization; run extauth rotate"),
        ("new", 1, "keep new: it is the primary key"),
        ("odl", 0, "nor is it among the keys given here"),
    ):
        asked = extauth("keys", "--store", url, "--removable", wanted, env=env)
        assert (asked.code, said in asked.out) == (code, True)
    assert names_no_secret(found.out, without.out, asked.out, asked.err)


def test_a_rotation_needs_keys(kept):
    """Without them it says so, and how they are given."""
    run = extauth("rotate", "--store", kept, "--json")
    assert "EXTAUTH_KEYS" in run.error["message"]
    assert (run.code, run.error["code"], run.json["done"]) == (5, "configuration_error", {})


def test_a_rotation_shows_how_far_it_is(kept):
    """A terminal gets a bar on stderr that counts to the end; the answer is beside it, on stdout."""
    ours, theirs = pty.openpty()
    ended = subprocess.run(
        [sys.executable, "-m", "extauth.cli.main", "rotate", "--store", kept],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        check=True,
        env=environment({**GIVEN, "COLUMNS": "80", "TERM": "xterm"}),
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # of a terminal that was closed
        while part := os.read(ours, 65536):
            shown += part
    os.close(ours)
    assert ("encrypting" in shown.decode(), "3/3" in shown.decode()) == (True, True)
    assert ended.stdout.splitlines()[0] == "3 of 3 rows brought under new"
    assert names_no_secret(shown.decode(), ended.stdout)
