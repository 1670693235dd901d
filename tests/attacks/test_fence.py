"""The fence around the attacks holds."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.attacks.fence import fenced


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "10.0.0.1", "192.0.2.1", "::ffff:10.0.0.1", "2001:db8::1"]
)
async def test_refuses_what_is_outside(address):
    """A connection to a private or public address is refused before it is tried, and noted."""
    with fenced() as fence:
        with pytest.raises(OSError, match="outside the fence"):
            await asyncio.open_connection(address, 80)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with (
            socket.socket(family, socket.SOCK_DGRAM) as sock,
            pytest.raises(OSError, match="outside the fence"),
        ):
            sock.sendto(b"", (address, 80))
    assert fence.tried == [address] * 2


async def test_refuses_names():
    """A name that the test did not say is not looked up."""
    with fenced() as fence, pytest.raises(socket.gaierror):
        await asyncio.get_running_loop().getaddrinfo("metadata.example", 80)
    assert fence.tried == ["metadata.example"]


async def test_a_name_may_change_what_it_stands_for():
    """As in DNS rebinding: the first lookup and the second differ."""
    with fenced() as fence:
        fence.names["rebind.example"] = ["192.0.2.1", "127.0.0.1"]
        loop = asyncio.get_running_loop()
        found = [
            (await loop.getaddrinfo("rebind.example", 80, type=socket.SOCK_STREAM))[0][4][0] for _ in range(3)
        ]
    assert found == ["192.0.2.1", "127.0.0.1", "127.0.0.1"]


async def test_lets_loopback_through():
    """A server of the test's own is reached."""
    with fenced() as fence:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
    assert fence.tried == []
