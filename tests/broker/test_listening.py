"""Sockets that nobody else can have or put in the place of ours."""

from __future__ import annotations

import os
import socket
import stat

import pytest

from extauth import ConfigurationError
from extauth.broker import tcp_socket, unix_socket
from extauth.broker.guards import own_names


@pytest.fixture
def folder(tmp_path):
    """One for this user alone."""
    private = tmp_path / "run"
    private.mkdir(mode=0o700)
    return private


def test_a_socket_file_is_nobody_elses(folder):
    """Whatever the umask is; it is gone at the end, and the umask is as it was."""
    before = os.umask(0)
    try:
        with unix_socket(folder / "s") as listening:
            status = (folder / "s").lstat()
            assert (stat.S_ISSOCK(status.st_mode), stat.S_IMODE(status.st_mode)) == (True, 0o600)
            with socket.socket(socket.AF_UNIX) as caller:
                caller.connect(str(folder / "s"))
            assert listening.family is socket.AF_UNIX
        assert os.umask(0) == 0
    finally:
        os.umask(before)
    assert list(folder.iterdir()) == []


def test_a_group_may_connect(folder):
    """If that is said."""
    with unix_socket(folder / "s", group=os.getegid()):
        status = (folder / "s").lstat()
        assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o660, os.getegid())


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o707, 0o1777, 0o720])
def test_a_folder_that_others_can_change(folder, mode):
    """They could put another socket there."""
    folder.chmod(mode)
    with pytest.raises(ConfigurationError, match="can be changed by others"), unix_socket(folder / "s"):
        pass
    assert list(folder.iterdir()) == []


def test_a_folder_of_another_user(folder, monkeypatch):
    """They could, too."""
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    with pytest.raises(ConfigurationError, match="belongs to another user"), unix_socket(folder / "s"):
        pass


def test_what_is_there_already(folder):
    """A file and a symlink stay, as do a socket that somebody listens on; one that is left over goes."""
    (folder / "file").write_text("kept")
    (folder / "target").write_text("kept")
    (folder / "link").symlink_to(folder / "target")
    (folder / "dangling").symlink_to(folder / "nowhere")
    for name in ("file", "link", "dangling"):
        with pytest.raises(ConfigurationError, match="is no socket"), unix_socket(folder / name):
            pass
    assert ((folder / "file").read_text(), (folder / "target").read_text()) == ("kept", "kept")
    assert not (folder / "nowhere").exists()
    with unix_socket(folder / "s"):
        with pytest.raises(ConfigurationError, match="somebody listens"), unix_socket(folder / "s"):
            pass
        assert (folder / "s").exists()
    left_over = socket.socket(socket.AF_UNIX)
    left_over.bind(str(folder / "s"))
    left_over.close()
    with unix_socket(folder / "s"), socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(folder / "s"))


def test_a_socket_that_has_taken_its_place(folder):
    """It is not ours to remove."""
    with unix_socket(folder / "s"):
        (folder / "s").unlink()
        (folder / "s").write_text("another's")
    assert (folder / "s").read_text() == "another's"


def test_a_folder_that_is_exchanged_meanwhile(folder, monkeypatch, tmp_path):
    """The socket comes to be in the folder that was looked at, whatever its name leads to by then."""
    evil = tmp_path / "evil"
    evil.mkdir(mode=0o777)
    umask = os.umask

    def exchanged(mask):
        monkeypatch.setattr(os, "umask", umask)
        folder.rename(tmp_path / "moved")
        folder.symlink_to(evil)
        return umask(mask)

    monkeypatch.setattr(os, "umask", exchanged)
    with unix_socket(folder / "s"):
        assert (list(evil.iterdir()), (tmp_path / "moved" / "s").is_socket()) == ([], True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])  # noqa: S104 - refused
def test_another_address(host):
    """None is listened on that other machines reach, unless that is said."""
    with pytest.raises(ConfigurationError, match="--beyond-loopback"):
        tcp_socket(host, 0)


def test_another_address_that_is_meant():
    """It is listened on."""
    with tcp_socket("0.0.0.0", 0, beyond_loopback=True) as listening:  # noqa: S104
        assert listening.getsockname()[0] == "0.0.0.0"  # noqa: S104


def test_a_port_that_is_taken():
    """It is told."""
    taken = tcp_socket("127.0.0.1", 0)
    with taken, pytest.raises(ConfigurationError, match="cannot be listened on"):
        tcp_socket("localhost", taken.getsockname()[1])


def test_our_names():
    """Without the port only where browsers leave it out; a name that was said may have any form."""
    assert own_names("::1", 8470) == {"127.0.0.1:8470", "localhost:8470", "[::1]:8470"}
    assert "localhost" in own_names("127.0.0.1", 80)
    assert own_names("10.0.0.1", 8470, ["Broker.example"]) == {"10.0.0.1:8470", "broker.example"}
