"""Keeps a test's network traffic on loopback: whatever else is tried is noted and refused, not made."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import pytest


@final
class Fence:
    """What was tried, and what names stand for while it stands."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        """The addresses and names outside that something asked for, in order."""
        self.names: dict[str, list[str]] = {}
        """What each name resolves to; one more lookup takes the next address, and the last one stays."""

    def check(self, address: Any) -> None:
        """Refuse an address that is not this machine's own, as a network would that has no way there."""
        if isinstance(address, str | bytes):  # a Unix socket
            return
        host = address[0]
        if not _own(host):
            self.tried.append(host)
            raise OSError(errno.ENETUNREACH, "outside the fence", host)

    def resolve(self, name: str) -> str:
        """Return the address of a name; a name that the test did not say is refused."""
        if _own(name) or name == "localhost":
            return name
        if (known := self.names.get(name)) is None:
            try:
                ipaddress.ip_address(name.partition("%")[0])
            except ValueError:
                self.tried.append(name)
                raise socket.gaierror(socket.EAI_NONAME, f"{name} is outside the fence") from None
            return name
        return known.pop(0) if len(known) > 1 else known[0]


def _own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@contextmanager
def fenced() -> Iterator[Fence]:
    """Put the fence around every socket and name lookup of this process."""
    fence = Fence()
    connect, connect_ex, sendto, look_up = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.socket.sendto,
        socket.getaddrinfo,
    )

    def checked_connect(sock: socket.socket, address: Any) -> None:
        fence.check(address)
        connect(sock, address)

    def checked_connect_ex(sock: socket.socket, address: Any) -> int:
        fence.check(address)
        return connect_ex(sock, address)

    def checked_sendto(sock: socket.socket, data: Any, *rest: Any) -> int:
        fence.check(rest[-1])
        return sendto(sock, data, *rest)

    def checked_look_up(host: Any, *rest: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return look_up(name and fence.resolve(name), *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", checked_connect)
        patch.setattr(socket.socket, "connect_ex", checked_connect_ex)
        patch.setattr(socket.socket, "sendto", checked_sendto)
        patch.setattr(socket, "getaddrinfo", checked_look_up)
        yield fence
