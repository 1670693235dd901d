"""The servers that an address names: which is tried when, for how long, and which of them will do."""

from __future__ import annotations

import asyncio
import configparser
from collections.abc import Sequence
from typing import Any, final

import asyncpg

from extauth.adapters.postgres.failures import (
    DRIVER_ERRORS,
    DriverError,
    bad_address,
    connection_broke,
    nameless,
    unverified,
)
from extauth.adapters.postgres.name_addresses import FailedAddresses, LeadingLoop
from extauth.adapters.postgres.sending import fetch_value
from extauth.adapters.postgres.server_list import Wanted
from extauth.domain.errors import ConfigurationError
from extauth.domain.hidden import Hidden, HiddenText

_OF_AN_ADDRESS = (ValueError, LookupError, OverflowError, TypeError, configparser.Error)
"""Whatever asyncpg and Python make of an address, a service file or an environment that cannot be used."""


@final
class Servers:
    """Connects to the first server that will do, of those that an address names.

    Each has its share of the time, as has each address of a name, so that a silent one does not use up that
    of the others, and one that would not do is tried last from then on.
    """

    def __init__(self, addresses: Sequence[Hidden[str]], wanted: Wanted) -> None:
        self._order = [HiddenText(address.value) for address in addresses]
        self._failed = FailedAddresses()
        self._wanted: Wanted = wanted

    async def connect(self, _: object, *, timeout: float, **options: Any) -> Any:
        """Connect within that many seconds; for asyncpg's pool, which hands on its own address and options.

        :raises ConfigurationError: if the address is not one.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        failures: list[DriverError] = []
        order = list(self._order)
        for number, address in enumerate(order):
            end = loop.time() + (deadline - loop.time()) / (len(order) - number)
            done = False
            try:
                connection = await self._connect_by(end, address, options, failures)
                done = connection is not None
            finally:
                if not done:
                    self._try_last(address)
            if done:
                return connection
        failure = max(failures, key=_tells)
        del failures, order
        raise failure

    async def _connect_by(
        self, end: float, address: HiddenText, options: dict[str, Any], failures: list[DriverError]
    ) -> Any:
        """Connect to one of the addresses that a server's name stands for; None if none of them will do."""
        limit = asyncio.timeout_at(end)

        def share(left: int) -> None:
            now = loop.time()
            limit.reschedule(now + (end - now) / left)

        loop = asyncio.get_running_loop()
        leading = LeadingLoop(self._failed, share)
        while True:
            try:
                async with limit:
                    connection = await self._connect(address, {**options, "loop": leading})
            except DRIVER_ERRORS as error:
                failures.append(error)
                if not (_of_this_address(error) and leading.next()):
                    return None
            else:
                leading.stay()
                return connection
            limit = asyncio.timeout_at(end)

    def _try_last(self, address: HiddenText) -> None:
        self._order.remove(address)
        self._order.append(address)

    async def _connect(self, address: HiddenText, options: dict[str, Any]) -> Any:
        if self._wanted is not None:
            options = {**options, "target_session_attrs": "any"}  # it is looked at below
        connect: Any = asyncpg.connect  # the stubs know no timeout of None
        try:
            connection = await connect(address, timeout=None, **options)
        except DRIVER_ERRORS as error:
            if not nameless(error):
                raise
            problem = bad_address(error)
        except _OF_AN_ADDRESS as error:
            problem = bad_address(error)
        else:
            return await self._fit(connection)
        # Out of the handler: what quotes the address, with the password, is not even the context of ours.
        raise ConfigurationError(problem)

    async def _fit(self, connection: Any) -> Any:
        fit = False
        try:
            fit = await _will_do(connection, self._wanted)
        finally:
            if not fit:
                connection.terminate()
        if not fit:
            msg = f"no server that the address names is {self._wanted}"
            raise asyncpg.TargetServerAttributeNotMatched(msg)
        return connection


def _tells(error: DriverError) -> bool:
    """Whether an error says more than that a server was not there."""
    return not isinstance(error, OSError) or unverified(error) is not None


def _of_this_address(error: DriverError) -> bool:
    """Whether another address of the same name may do better."""
    return isinstance(error, TimeoutError | asyncpg.TargetServerAttributeNotMatched) or connection_broke(
        error
    )


async def _will_do(connection: Any, wanted: Wanted) -> bool:
    if wanted in {None, "any"}:
        return True
    settings = connection.get_settings()
    if wanted == "read-write" and getattr(settings, "default_transaction_read_only", "off") == "on":
        return False
    # Servers before 14 do not tell it by themselves. Asked by asyncpg, the question would have a name.
    standby = getattr(settings, "in_hot_standby", None)
    if standby is None:
        return not await fetch_value(connection, "SELECT pg_is_in_recovery()")
    return bool(standby != "on")
