"""What is to be known of a SQLite file and of what it lies on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from extauth import StoreUnavailable, open_store
from extauth.adapters.sqlite import facts as module
from extauth.adapters.sqlite.facts import file_system_of, sqlite_facts
from extauth.domain.hidden import HiddenText

MOUNTS = r"""21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
29 21 0:29 /
29 21 0:29 / - ext4 /dev/sda1
30 21 0:30 / /mnt rw - tmpfs tmpfs rw
28 21 0:28 / /mnt/with\040space rw -
31 30 0:31 / /mnt/with\040space rw,relatime shared:1 - nfs4 server:/x rw
27 21 0:27 / /mnt/with\040space rw - - -
31 30 0:31 / /mnt/with\040space rw,relatime shared:1 - nfs4 server:/x - rw
32 21 0:32 / /srv rw - xfs /dev/sdb rw
33 21 0:33 / /srv rw - cifs //server/x rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/links.db", "ext4"),
        ("/mnt/links.db", "tmpfs"),
        ("/mnt/with space/deep/links.db", "nfs4"),
        ("/mnt/with spaces/links.db", "tmpfs"),
        ("/srv/links.db", "cifs"),
        ("/srvx/links.db", "ext4"),
    ],
)
def test_the_file_system_is_that_of_the_mount_above(path, kind):
    """The deepest mount, and of two in one place the later; names with spaces are written in octal.

    Lines that say less than they should are passed over.
    """
    assert file_system_of(Path(path), MOUNTS) == kind
    assert file_system_of(Path(path), "") is None


async def test_a_file_is_looked_at_through_its_links(tmp_path, monkeypatch):
    """The modes of those of the three files that are there, the folder's, and who is who."""
    folder, link = tmp_path / "with ?#% in its name", tmp_path / "links.db"
    folder.mkdir()
    file = folder / "real.db"
    link.symlink_to(file)
    mounts = tmp_path / "mountinfo"
    mounts.write_bytes(b"21 1 8:1 / / rw - nfs4 server:/\xff rw\n")
    monkeypatch.setattr(module, "_MOUNTS", mounts)
    async with open_store(f"sqlite:///{link}", keys="plain"):
        folder.chmod(0o750)
        file.chmod(0o640)
        found = await sqlite_facts(HiddenText(link))
        sizes = {name.stat().st_mode & 0o777 for name in folder.glob("real.db-[ws]*")}
    assert found.journal_mode == "wal"
    assert (found.modes[""], set(found.modes), sizes) == (0o640, {"", "-wal", "-shm"}, {0o600})
    assert (found.modes["-wal"], found.modes["-shm"]) == (0o600, 0o600)
    assert (found.folder_mode, found.file_system) == (0o750, "nfs4")
    assert (found.owner, found.process_user, found.names) == (file.stat().st_uid, os.geteuid(), 1)
    mounts.unlink()
    (tmp_path / "hard.db").hardlink_to(file)
    monkeypatch.setattr(os, "geteuid", lambda: 4001)
    closed = await sqlite_facts(HiddenText(link))
    assert (dict(closed.modes), closed.file_system) == ({"": 0o640}, None)
    assert (closed.owner, closed.process_user, closed.names) == (found.owner, 4001, 2)


async def test_what_is_no_database_is_unavailable(tmp_path):
    """Nothing is made where there is nothing."""
    file = tmp_path / "links.db"
    with pytest.raises(StoreUnavailable, match=f"open the SQLite file {file}; .*, and be a database"):
        await sqlite_facts(HiddenText(file))
    assert not file.exists()
    file.write_text("no database at all, though it is long enough to be one" * 20)
    with pytest.raises(StoreUnavailable, match=r"is no SQLite database.*look at the address"):
        await sqlite_facts(HiddenText(file))
