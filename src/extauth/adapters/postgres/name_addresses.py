"""The addresses that one name stands for, each tried as a server of its own.

asyncpg hands a name on to the loop, which tries its addresses one after another, each until the system gives
it up: a silent one uses up the time of all. An address in the name's place would not do, as the server's
certificate and the file of passwords go by the name. So asyncpg is given a loop that leads it to one.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final, TypeAlias, final

_Address: TypeAlias = tuple[Any, ...]
"""What the resolver gives: family, kind, protocol, name and where to connect to."""

_MOST_REMEMBERED: Final = 64


@final
class FailedAddresses:
    """The addresses at which no server would do, the one that failed last at the end."""

    def __init__(self) -> None:
        self._known: list[_Address] = []

    def add(self, address: _Address) -> None:
        """Have it tried last from now on."""
        others = [each for each in self._known if each != address]
        self._known = [*others[1 - _MOST_REMEMBERED :], address]

    def ordered(self, found: list[_Address]) -> list[_Address]:
        """Return the addresses in the order in which to try them."""
        last = {address: number for number, address in enumerate(self._known)}
        return sorted(dict.fromkeys(found), key=lambda address: last.get(address, -1))


@final
class LeadingLoop:
    """The running loop, for whom a name stands for one of its addresses: the first, or what follows it.

    The same holds for the connection by which a statement is cancelled later.
    """

    def __init__(self, failed: FailedAddresses, share: Callable[[int], None]) -> None:
        """``share`` is told how many addresses are left, whenever there is one to connect to."""
        self._loop = asyncio.get_running_loop()
        self._failed = failed
        self._share: Callable[[int], None] | None = share
        self._left: list[_Address] | None = None
        """None until the name is looked up, and where it was not needed."""
        # What each statement asks for.
        self.create_future = self._loop.create_future
        self.call_later = self._loop.call_later

    # asyncio keeps the current task of each loop by the loop.
    def __eq__(self, other: object) -> bool:
        return self._loop == other

    def __hash__(self) -> int:
        return hash(self._loop)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def next(self) -> bool:
        """Leave the address that would not do. Return whether there is another."""
        if not self._left:
            return False
        self._failed.add(self._left.pop(0))
        return bool(self._left)

    def stay(self) -> None:
        """Take note that this address will do."""
        self._share = None

    async def create_connection(
        self, protocol_factory: Any, host: str | None = None, port: int | None = None, **options: Any
    ) -> Any:
        """Connect as the loop does, to one address.

        :raises OSError: if the name is not known, or nobody is there.
        """
        if self._left is None:
            found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            self._left = self._failed.ordered(list(found))
        if self._share is not None:
            self._share(len(self._left))
        if options.get("ssl"):  # at once (sslnegotiation=direct): the certificate goes by the name
            options.setdefault("server_hostname", host)
        family, kind, protocol, _, where = self._left[0]
        connected = socket.socket(family, kind, protocol)
        try:
            connected.settimeout(0)
            await self._loop.sock_connect(connected, where)
            return await self._loop.create_connection(protocol_factory, sock=connected, **options)
        except BaseException:
            connected.close()
            raise
