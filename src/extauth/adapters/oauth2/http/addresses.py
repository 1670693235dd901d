"""Which addresses requests may reach, judged on the address that a connection goes to.

Not on the name and not on an earlier look-up: a name may stand for another address a moment later (DNS
rebinding), and an address that is written into a URL is never looked up.
"""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_network
from ssl import SSLContext
from typing import Any, Final, Literal, TypeAlias, final

from aiohttp import ClientConnectorError, TCPConnector
from yarl import URL

Reach: TypeAlias = Literal["public", "loopback", "any"]
"""``public``: addresses of the public internet. ``loopback``: these and this machine's own. ``any``: private
networks and metadata services as well.

What is looked at is the address that is connected to. With a session of the application's its own reach
counts, and behind a proxy the proxy's rules: there only an address in the URL is looked at."""

_Endpoint: TypeAlias = tuple[int, int, int, str, tuple[Any, ...]]
"""Family, kind, protocol, name and address, as the standard library's ``getaddrinfo`` gives them."""

WIDTH: Final[dict[Reach, int]] = {"public": 0, "loopback": 1, "any": 2}

# Tables of our own, from IANA's registries of special-purpose addresses: the standard library's is_global
# answers differently from one Python to the next, and takes private addresses behind a translator for global.
_NOT_PUBLIC_4: Final = tuple(
    ip_network(net)
    for net in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT; Alibaba's metadata service is in it
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's platform, reached from inside only
        "169.254.0.0/16",  # link-local; most metadata services are in it
        "172.16.0.0/12",
        "192.0.0.0/24",  # Oracle's metadata service is in it
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_PUBLIC_6: Final = ip_network("2000::/3")
_NOT_PUBLIC_6: Final = tuple(
    ip_network(net)
    for net in (
        "2001::/23",  # Teredo and others that lead elsewhere
        "2001:db8::/32",
        "2002::/16",  # 6to4: leads to the IPv4 address in it
        "3fff::/20",
    )
)
_NAT64: Final = ip_network("64:ff9b::/96")
"""RFC 6052: how a network without IPv4 reaches an IPv4 address, its last four bytes."""

_NUMERIC: Final = re.compile(r"(?:.*\.)?(?:0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)
"""Hosts that some resolvers take for an IPv4 address, such as ``0x7f.1`` and ``2130706433``."""


class AddressNotAllowedError(OSError):
    """A connection to an address out of reach was not made."""

    def __init__(self) -> None:
        # Always the same text: the errors of several addresses are then told as one.
        super().__init__(errno.EACCES, "an address that is not allowed")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address that is reached in the end, without zone; None for what is none."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return found.ipv4_mapped
        if found in _NAT64:
            return IPv4Address(found.packed[-4:])
    return found


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet."""
    found = _address(address)
    if isinstance(found, IPv4Address):
        return not any(found in net for net in _NOT_PUBLIC_4)
    return found is not None and found in _PUBLIC_6 and not any(found in net for net in _NOT_PUBLIC_6)


def is_loopback(host: str) -> bool:
    """Whether a host is written as this machine itself: ``localhost``, 127.0.0.0/8, ``::1``."""
    if host == "localhost":
        return True
    found = _address(host)
    return found is not None and found.is_loopback


def names_loopback(url: str) -> bool:
    """Whether a URL is written as one of this machine itself."""
    return is_loopback(URL(url).host or "")


def reachable(address: str, reach: Reach) -> bool:
    """Whether a connection may go to an address."""
    if reach == "any" or is_public(address):
        return True
    return reach == "loopback" and is_loopback(address)


def may_name(url: str, reach: Reach) -> bool:
    """Whether a URL's host is one that a request may go to, as far as its text says.

    Any name is; what it stands for is seen when it is connected to.
    """
    host = (URL(url).host or "").removesuffix(".")
    if reach == "any":
        return True
    if host == "localhost" or host.endswith(".localhost"):
        return reach == "loopback"
    if _address(host) is not None:
        return reachable(host, reach)
    return not _NUMERIC.fullmatch(host)


@final
class CheckedConnector(TCPConnector):
    """Connects to nothing out of reach: what is looked at is the very address that the socket is for."""

    def __init__(self, *, reach: Reach, ssl: SSLContext | bool = True) -> None:
        # No DNS cache, hence no task of the connector's for the end of asyncio.run() to cancel.
        super().__init__(  # pyright: ignore[reportUnknownMemberType] - the type of socket_factory
            socket_factory=self._checked_socket, use_dns_cache=False, ssl=ssl
        )
        self.reach: Reach = reach

    def _checked_socket(self, given: _Endpoint) -> socket.socket:
        family, kind, proto, _, address = given
        if not reachable(address[0], self.reach):
            raise AddressNotAllowedError
        return socket.socket(family=family, type=kind, proto=proto)

    def within(self, reach: Reach) -> bool:
        """Whether it reaches nothing beyond ``reach``."""
        return WIDTH[self.reach] <= WIDTH[reach]


def was_refused(error: BaseException) -> bool:
    """Whether a request failed since the address was out of reach."""
    reason = error.os_error if isinstance(error, ClientConnectorError) else error
    return isinstance(reason, AddressNotAllowedError)
