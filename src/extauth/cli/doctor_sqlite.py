"""Whether a SQLite file keeps what it is given, and from whom. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from extauth.adapters.sqlite.facts import SqliteFacts
from extauth.cli.checks import Check, ok

_OVER_NETWORKS: Final = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.ceph",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb3",
        "smbfs",
        "virtiofs",
        "vboxsf",
    }
)
_PASSING: Final = frozenset({"tmpfs", "ramfs"})
_LAYERED: Final = frozenset({"overlay", "aufs", "overlayfs"})
_OTHERS_READ: Final = 0o077
_OTHERS_WRITE: Final = 0o022
_STICKY: Final = 0o1000


def sqlite_checks(facts: SqliteFacts) -> Iterator[Check]:
    """Judge what was seen."""
    yield _journal(facts)
    yield ok("synchronous", "each connection of extauth's sets FULL: a commit waits for the disk")
    yield _file_system(facts.file_system)
    yield _names(facts)
    yield _modes(facts)
    yield _folder(facts)
    yield _owner(facts)


def _journal(facts: SqliteFacts) -> Check:
    if facts.journal_mode == "wal":
        return ok("journal", "a write-ahead log: readers go on during a write")
    found = f"the journal mode is {facts.journal_mode}; the store sets wal when it opens the file"
    return Check("journal", "warning", found, "look for another program that changes it")


def _file_system(kind: str | None) -> Check:
    name = "file system"
    if kind is None:
        return Check(name, "warning", "its kind cannot be told here", "see that it is a local disk")
    if kind in _OVER_NETWORKS:
        found = f"{kind}: a write-ahead log does not work over a network, and locks may not either"
        return Check(name, "problem", found, "move the file to a local disk, or use Postgres")
    if kind in _PASSING:
        found = f"{kind}: everything is gone when the machine restarts"
        return Check(name, "problem", found, "move the file to a disk")
    if kind in _LAYERED:
        found = f"{kind}: a container's own layer, which is gone with the container"
        return Check(name, "warning", found, "put the file on a volume")
    return ok(name, f"{kind}, a local one")


def _names(facts: SqliteFacts) -> Check:
    # https://www.sqlite.org/howtocorrupt.html#multiple_links_to_the_same_file, seen 2026-11
    if facts.names <= 1:
        return ok("names", "one, so that nobody opens it beside its write-ahead log")
    found = (
        f"the file has {facts.names} names (hard links): whoever opens it by another one does not see what"
        " stands in the log beside this one, and damages it"
    )
    return Check("names", "warning", found, "copy it with sqlite3's .backup, and remove the other names")


def _modes(facts: SqliteFacts) -> Check:
    wide = {suffix: mode for suffix, mode in facts.modes.items() if mode & _OTHERS_READ}
    if not wide:
        return ok("file modes", "for their owner alone")
    told = ", ".join(f"{suffix or 'the file'} {mode:04o}" for suffix, mode in sorted(wide.items()))
    found = f"other users of this machine may use what tokens are kept in: {told}"
    return Check("file modes", "problem", found, "chmod 600 it and those with -wal and -shm after its name")


def _folder(facts: SqliteFacts) -> Check:
    if facts.folder_mode & _OTHERS_WRITE and not facts.folder_mode & _STICKY:
        found = f"others may replace the file: the mode of its folder is {facts.folder_mode:04o}"
        return Check("folder", "problem", found, "chmod 700 the folder")
    return ok("folder", "others may not replace the file")


def _owner(facts: SqliteFacts) -> Check:
    if facts.owner == facts.process_user:
        return ok("owner", "the user of this process")
    found = f"the file belongs to user {facts.owner}, and this process is of user {facts.process_user}"
    return Check("owner", "warning", found, "run commands as the user of the application")
