"""Commands that find the store by its address alone, and the audit trail that an application keeps there."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

from extauth import LinkKey, open_store
from extauth.adapters.audit import AuditedStore, AuditTrail
from extauth.adapters.encryption import EncryptionKey
from extauth.domain.audit import fingerprint
from tests.cli.commands.support import CANARY, extauth, tokens

OLD, NEW, MOVE = (EncryptionKey.generate(name) for name in ("old", "new", "move"))
ENV = {"EXTAUTH_KEYS": OLD.reveal(), "EXTAUTH_EXPORT_KEY": MOVE.reveal()}
BOTH = {**ENV, "EXTAUTH_KEYS": f"{NEW.reveal()} {OLD.reveal()}"}
ALICE = LinkKey("github", "alice")
ROW = {"user_id": "bob", "provider_id": "github", "access_token": CANARY, "refresh_token": f"rt-{CANARY}"}


def _row(folder: Path) -> str:
    file = folder / "rows.jsonl"
    file.write_text(json.dumps(ROW))
    return str(file)


async def test_what_they_do_is_in_the_trail_that_is_in_use(url, tmp_path):
    """Links that come and go, a rotation, marks that are lifted and a link that is removed: by whom, with the
    fingerprints of the tokens."""
    async with open_store(url, keys=OLD) as store:
        await AuditedStore(store, AuditTrail.in_store()).put(ALICE, tokens())
    options = ("--store", url, "--json")
    dry = extauth("import", _row(tmp_path), "--dry-run", *options, env=ENV)
    runs = [
        extauth("import", _row(tmp_path), *options, env=ENV),
        extauth("export", str(tmp_path / "links"), *options, env=ENV),
        extauth("retry", "github", "--reason", "fenced", "--yes", *options, env=ENV),
        extauth("rotate", *options, env=BOTH),
        extauth("rotate", *options, env=BOTH),
        extauth("unlink", "github", "bob", *options, env=BOTH),
        extauth("forget-user", "alice", "--yes", *options, env=BOTH),
    ]
    assert [run.code for run in (dry, *runs)] == [0] * 8, [run.out + run.err for run in (dry, *runs)]
    async with open_store(url, keys=NEW) as store:
        entries = [entry for _, entry in await store.audit.find()][1:]
    assert {entry.actor for entry in entries} == {f"operator:{getpass.getuser()}"}
    given = [(entry.kind, entry.user_id, entry.reason) for entry in entries]
    assert given == [
        ("imported", "bob", None),
        ("exported", "alice", None),
        ("exported", "bob", None),
        ("lifted", "bob", "fenced"),
        ("keys_rotated", None, "new"),
        ("unlinked", "bob", None),
        ("unlinked", "alice", None),
    ]
    assert entries[0].hashed_refresh_token == fingerprint(f"rt-{CANARY}")


async def test_no_trail_is_begun_where_none_is_in_use(url, tmp_path):
    """The table is there in every store; an application that keeps no trail gets none by a command."""
    async with open_store(url, keys=OLD):
        pass
    assert extauth("import", _row(tmp_path), "--store", url, "--json", env=ENV).json["added"] == 1
    assert extauth("rotate", "--store", url, "--json", env=BOTH).json["encrypted"] == 1
    async with open_store(url, keys=NEW) as store:
        assert await store.audit.find() == []
        assert await store.get(LinkKey("github", "bob")) is not None
