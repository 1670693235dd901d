"""Data keys of a key service, kept for a while: it is asked seldom, and an outage of it is outlived."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar, final

from extauth.adapters.encryption.keys import checked_key_id
from extauth.adapters.encryption.sealing import KeyName, SealingKey, decoded, encoded
from extauth.adapters.encryption.xaes import Xaes256Gcm
from extauth.domain.data_keys import DATA_KEY_BYTES, KeyProvider
from extauth.domain.errors import ConfigurationError, StoreUnavailable

_T = TypeVar("_T")

_NEW: Final = KeyName("")
"""Stands for the next data key where calls under way are named."""


@final
class DataKeys:
    """Asks a key service for data keys, each once for all that want it at the moment.

    New texts are sealed under one data key for ``age``, and for as long again while the service fails. To
    open texts at most ``most`` data keys are kept, each for ``age``. The service is given ``timeout`` to
    answer.
    """

    def __init__(
        self,
        provider: KeyProvider,
        *,
        age: timedelta,
        most: int,
        timeout: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if age <= timedelta(0) or timeout <= timedelta(0) or most < 1:
            msg = "data_key_age and key_service_timeout must be positive, and most_data_keys at least 1"
            raise ValueError(msg)
        self._provider = provider
        self._age = age.total_seconds()
        self._most = most
        self._timeout = timeout.total_seconds()
        self._monotonic = monotonic
        self._sealing: SealingKey | None = None
        """What new texts are sealed under; replaced as it ages."""
        self._kept: dict[KeyName, SealingKey] = {}
        """To open texts with; the one used longest ago comes first, and goes when there are too many."""
        self._asked: dict[KeyName, asyncio.Task[SealingKey]] = {}
        """Calls of the service under way; each is removed by itself."""

    @property
    def key_id(self) -> str:
        """The id of the service's key that new data keys are wrapped with."""
        return checked_key_id(self._provider.key_id)

    async def primary(self) -> SealingKey:
        """Return the data key to seal under.

        :raises ConfigurationError: if the service refuses one.
        :raises StoreUnavailable: if it cannot be asked now.
        """
        key = self._sealing
        if key is not None and self._monotonic() < key.until:
            return key
        try:
            key = await self._once(_NEW, self._new)
        except (ConfigurationError, StoreUnavailable):
            # Tokens that are about to be saved must not be lost for a data key that is a little too old.
            if key is None or self._monotonic() >= key.until + self._age:
                raise
        return key

    def held(self, name: KeyName) -> SealingKey | None:
        """Return the key that is kept under that name, if it is."""
        key = self._kept.pop(name, None)
        if key is None or self._monotonic() >= key.until:
            return None
        self._kept[name] = key
        return key

    async def fetch(self, name: KeyName) -> SealingKey:
        """Let the service open that data key.

        :raises ConfigurationError: if it does not, and never will.
        :raises StoreUnavailable: if it cannot be asked now.
        """
        return self.held(name) or await self._once(name, lambda: self._unwrapped(name))

    async def _new(self) -> SealingKey:
        key_id = self.key_id
        made = await self._answer(self._provider.new_data_key())
        name = KeyName(key_id, encoded(made.wrapped))
        self._sealing = self._keep(SealingKey(name, Xaes256Gcm(made.plain), self._monotonic() + self._age))
        return self._sealing

    async def _unwrapped(self, name: KeyName) -> SealingKey:
        wrapped = decoded(name.wrapped)
        if wrapped is None:
            raise ConfigurationError(_not_a_data_key(name))
        plain = await self._answer(self._provider.unwrap(name.key_id, wrapped))
        if type(plain) is not bytes or len(plain) != DATA_KEY_BYTES:
            raise ConfigurationError(_not_a_data_key(name))
        return self._keep(SealingKey(name, Xaes256Gcm(plain), self._monotonic() + self._age))

    async def _answer(self, call: Awaitable[_T]) -> _T:
        try:
            async with asyncio.timeout(self._timeout):
                return await call
        except ConfigurationError:
            raise
        except Exception as error:
            msg = f"the key service did not give a data key ({type(error).__name__}); try again later"
            raise StoreUnavailable(msg) from error

    def _keep(self, key: SealingKey) -> SealingKey:
        self._kept[key.name] = key
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
        return key

    async def _once(self, name: KeyName, ask: Callable[[], Awaitable[SealingKey]]) -> SealingKey:
        asking = self._asked.get(name)
        if asking is None or asking.done() or asking.get_loop() is not asyncio.get_running_loop():
            asking = self._asked[name] = asyncio.ensure_future(self._tidied(name, ask))
            asking.add_done_callback(_seen)
        # A caller that gives up takes nobody along.
        return await asyncio.shield(asking)

    async def _tidied(self, name: KeyName, ask: Callable[[], Awaitable[SealingKey]]) -> SealingKey:
        try:
            return await ask()
        finally:
            if self._asked.get(name) is asyncio.current_task():
                del self._asked[name]


def _seen(asking: asyncio.Task[SealingKey]) -> None:
    """Look at how it ended, which is nobody's business where all have given up."""
    if not asking.cancelled():
        asking.exception()


def _not_a_data_key(name: KeyName) -> str:
    return f"what is stored as a data key of {name.key_id!r} is none"
