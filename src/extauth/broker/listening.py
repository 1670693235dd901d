"""The sockets that the broker listens on: loopback, or a file that is nobody else's."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from extauth.broker.guards import is_loopback
from extauth.domain.errors import ConfigurationError

_PRIVATE: Final = 0o600
_SHARED: Final = 0o660
_BACKLOG: Final = 128


def tcp_socket(host: str, port: int, *, beyond_loopback: bool = False) -> socket.socket:
    """Return a socket that listens on an address of this machine.

    :raises ConfigurationError: for another address without ``beyond_loopback``, or one that cannot be had.
    """
    if not is_loopback(host) and not beyond_loopback:
        msg = (
            f"{host} may be reached from other machines, without TLS; say --beyond-loopback if that is meant"
        )
        raise ConfigurationError(msg)
    address = "127.0.0.1" if host == "localhost" else host
    listening = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        msg = f"{host}:{port} cannot be listened on: {error.strerror}"
        raise ConfigurationError(msg) from None
    return listening


@contextmanager
def unix_socket(path: str | os.PathLike[str], *, group: int | None = None) -> Generator[socket.socket]:
    """Listen on a socket file, and remove it at the end, if it is still this one.

    It has mode 0600; with a ``group`` 0660, for callers who run as other users. Its folder must be this
    user's, and nobody else may change it: they could put another socket there, and be shown callers' secrets.
    The folder is looked at, and the file made, by one and the same file descriptor, so that nobody can put
    another in its place in between. What is there already is removed only if it is a socket that nobody
    listens on.

    :raises ConfigurationError: if the folder or what is there is not as it must be.
    """
    place = Path(path)
    folder = _private_folder(place.parent)
    try:
        listening = _bound(folder, place, group)
        made = os.stat(place.name, dir_fd=folder, follow_symlinks=False)
        try:
            yield listening
        finally:
            listening.close()
            with suppress(FileNotFoundError):
                there = os.stat(place.name, dir_fd=folder, follow_symlinks=False)
                if (there.st_dev, there.st_ino) == (made.st_dev, made.st_ino):
                    os.unlink(place.name, dir_fd=folder)
    finally:
        os.close(folder)


def _private_folder(path: Path) -> int:
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        msg = f"the folder of the socket, {path}, cannot be opened: {error.strerror}; make it with mode 0700"
        raise ConfigurationError(msg) from None
    status = os.fstat(folder)
    problem = None
    if status.st_uid != os.geteuid():
        problem = "belongs to another user"
    elif status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        problem = f"can be changed by others (mode {stat.S_IMODE(status.st_mode):04o})"
    if problem is not None:
        os.close(folder)
        msg = f"the folder of the socket, {path}, {problem}; use one of this user's with mode 0700"
        raise ConfigurationError(msg)
    return folder


def _bound(folder: int, place: Path, group: int | None) -> socket.socket:
    # Of the folder that was looked at, whatever has come to its name since.
    address = f"/proc/self/fd/{folder}/{place.name}"
    if not Path("/proc/self/fd").is_dir():
        address = str(place)
    fcntl.flock(folder, fcntl.LOCK_EX)  # of two brokers that begin at once, one finds the other listening
    listening = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)  # so that it is nobody else's from the first moment
    try:
        _make_room(folder, place, address)
        listening.bind(address)
        if group is not None:
            os.chown(place.name, -1, group, dir_fd=folder, follow_symlinks=False)
            Path(address).chmod(_SHARED)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        msg = f"the socket {place} cannot be made: {error.strerror or error}"
        raise ConfigurationError(msg) from None
    except BaseException:
        listening.close()
        raise
    finally:
        os.umask(mask)
        fcntl.flock(folder, fcntl.LOCK_UN)
    return listening


def _make_room(folder: int, place: Path, address: str) -> None:
    try:
        status = os.stat(place.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        msg = f"{place} is there, and is no socket; it is left as it is"
        raise ConfigurationError(msg)
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(address) != errno.ECONNREFUSED:
            msg = f"somebody listens on {place} already"
            raise ConfigurationError(msg)
    os.unlink(place.name, dir_fd=folder)
