"""Which addresses requests may reach."""

from __future__ import annotations

import socket

import pytest
from aiohttp import ClientConnectorError, ClientSession, TCPConnector

from extauth.adapters.oauth2 import HttpTimeouts, Reach
from extauth.adapters.oauth2.http.addresses import (
    AddressNotAllowedError,
    CheckedConnector,
    is_public,
    may_name,
    names_loopback,
    reachable,
    was_refused,
)
from extauth.adapters.oauth2.http.request import HttpRequest
from extauth.adapters.oauth2.http.transport import send
from extauth.domain.outcomes import ADDRESS_NOT_ALLOWED, NotSent
from tests.adapters.oauth2.conftest import RawServer
from tests.attacks.fence import Fence, fenced

PUBLIC = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "168.63.129.15",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2001:200::1",
    "::ffff:1.1.1.1",
    "64:ff9b::1.1.1.1",
]

NOT_PUBLIC = {
    "this network": "0.0.0.0",  # noqa: S104 - not bound to
    "private": "10.1.2.3",
    "private, in the middle": "172.31.255.255",
    "private, at home": "192.168.1.1",
    "carrier's NAT": "100.64.0.1",
    "Alibaba's metadata": "100.100.100.200",
    "loopback": "127.0.0.1",
    "loopback, another": "127.255.0.1",
    "metadata": "169.254.169.254",
    "Azure's platform": "168.63.129.16",
    "Oracle's metadata": "192.0.0.192",
    "documentation": "203.0.113.7",
    "benchmarks": "198.19.0.1",
    "6to4 relays": "192.88.99.1",
    "multicast": "224.0.0.1",
    "reserved": "250.1.1.1",
    "broadcast": "255.255.255.255",
    "IPv6 loopback": "::1",
    "IPv6 unspecified": "::",
    "AWS's metadata": "fd00:ec2::254",
    "link-local": "fe80::1",
    "link-local, with its zone": "fe80::1%eth0",
    "site-local": "fec0::1",
    "IPv6 multicast": "ff0e::1",
    "mapped private": "::ffff:10.0.0.1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped metadata": "::ffff:169.254.169.254",
    "compatible loopback": "::127.0.0.1",
    "NAT64 private": "64:ff9b::10.0.0.1",
    "NAT64 metadata": "64:ff9b::a9fe:a9fe",
    "NAT64 of one's own": "64:ff9b:1::1.1.1.1",
    "6to4 private": "2002:a00:1::1",
    "6to4": "2002:101:101::1",
    "Teredo": "2001:0:101:101::1",
    "documentation, IPv6": "2001:db8::1",
    "documentation, IPv6, new": "3fff::1",
    "segment routing": "5f00::1",
    "no address": "provider.example",
    "nothing": "",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_reached(address: str) -> None:
    """At the very edges of what is not public, too, and through a translator."""
    assert is_public(address)
    assert reachable(address, "public")


@pytest.mark.parametrize("address", NOT_PUBLIC.values(), ids=NOT_PUBLIC)
def test_an_address_that_is_not_public_is_not_reached(address: str) -> None:
    """Whatever it is wrapped into."""
    assert not is_public(address)
    assert not reachable(address, "public")
    assert reachable(address, "any")


def test_loopback_is_within_reach_where_that_was_said() -> None:
    """And nothing else that is not public."""
    within = {address for address in NOT_PUBLIC.values() if reachable(address, "loopback")}
    assert within == {"127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1"}


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1", "[::1]", "127.0.0.1."]
)
def test_a_url_that_says_loopback(host: str) -> None:
    """Its text is enough to know."""
    assert [may_name(f"https://{host}:1/", reach) for reach in ("public", "loopback", "any")] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "[fd00::1]", "0x7f.1", "2130706433", "0177.0.0.1", "127.1", "a.0x7f", "[::ffff:a00:1]"],
)
def test_a_url_that_says_another_address(host: str) -> None:
    """Nor is what a resolver may take for an address a name."""
    assert not may_name(f"https://{host}/", "public")
    assert not may_name(f"https://{host}/", "loopback")


@pytest.mark.parametrize("host", ["a.example", "1.1.1.1", "1.example", "0x7f.example", "[2606:4700::1]"])
def test_a_url_that_may_be_of_the_internet(host: str) -> None:
    """Names are looked at when they are connected to."""
    assert may_name(f"https://{host}/", "public")


def test_which_urls_say_loopback() -> None:
    """What an application writes while it is developed."""
    written = ["http://localhost/", "http://127.8.8.8:1/", "http://[::1]/", "http://evil.localhost.example/"]
    assert [names_loopback(url) for url in written] == [True, True, True, False]


@pytest.fixture
def fence():
    """Nothing leaves this machine."""
    with fenced() as made:
        yield made


async def asked(url: str, reach: Reach, session: ClientSession | None = None, method: str = "POST") -> object:
    """Return what became of a request without a token."""
    return await send(HttpRequest(method, url, reach=reach), session=session, timeouts=HttpTimeouts())


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_what_a_name_stands_for_is_not_reached(server: RawServer, fence: Fence, method: str) -> None:
    """The name says nothing; the connection is not made, and the request certainly not sent."""
    server.answer(200, b"{}")
    fence.names["inside.example"] = ["127.0.0.1"]
    url = f"http://inside.example:{server.port}/"

    assert await asked(url, "public", method=method) == NotSent(ADDRESS_NOT_ALLOWED)

    assert server.connections == 0
    await asked(url, "loopback", method=method)
    assert server.connections == 1


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_an_address_that_is_written_out_is_not_reached(server: RawServer, method: str) -> None:
    """The HTTP client looks nothing up then."""
    assert await asked(server.url, "public", method=method) == NotSent(ADDRESS_NOT_ALLOWED)
    async with ClientSession(connector=CheckedConnector(reach="public")) as session:
        with pytest.raises(ClientConnectorError) as caught:
            await session.get(server.url)
    assert was_refused(caught.value)
    assert server.connections == 0


async def test_of_several_addresses_the_public_one_is_taken(server: RawServer) -> None:
    """Happy eyeballs tries one after the other; those out of reach are passed over."""
    connector = CheckedConnector(reach="loopback")
    with pytest.raises(AddressNotAllowedError):
        connector._checked_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443)))
    connector._checked_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", 443))).close()
    await connector.close()


async def test_what_the_text_says_holds_behind_any_session(server: RawServer) -> None:
    """A proxy's too: at least this much is known without looking up."""
    async with ClientSession(connector=TCPConnector()) as session:
        assert await asked(server.url, "public", session) == NotSent(ADDRESS_NOT_ALLOWED)
    assert server.connections == 0


async def test_another_failure_is_not_taken_for_a_refusal(unused_tcp_port: int) -> None:
    """Nobody listens: that may pass."""
    url = f"http://127.0.0.1:{unused_tcp_port}/"
    assert await asked(url, "loopback") == NotSent("connect_failed")
