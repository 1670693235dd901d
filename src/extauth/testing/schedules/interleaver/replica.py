"""One replica of the application: a real token service on gated ports."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import final

import attrs

from extauth.domain.link import Link, LinkKey
from extauth.domain.optional_keywords import understood
from extauth.domain.outcomes import ResealOutcome
from extauth.domain.ports import LinkStore, Observer
from extauth.domain.sealed_rows import LinkResealer
from extauth.domain.token_set import TokenSet
from extauth.services.keys.reseal_link import reseal_link
from extauth.services.refresh.service import TokenService
from extauth.testing.schedules.interleaver.ports import GatedClock, GatedProvider, GatedStore, Scene
from extauth.testing.schedules.interleaver.setting import PROVIDER_ID, Setting, key_of
from extauth.testing.schedules.interleaver.users import under_next_key
from extauth.testing.scripted.provider import ScriptedProvider

_OWNER_BITS = 64


def lease_owner(owner: str) -> tuple[str, int]:
    """Return whose lease it is by the owner that an :class:`Interleaver`'s replica drew, and which draw."""
    number = int(owner.partition("-")[0], 16)
    return f"r{number >> _OWNER_BITS}", number % 2**_OWNER_BITS


@final
class _Owners(random.Random):
    """No jitter, and lease owners that say whose they are."""

    def __init__(self, replica: int) -> None:
        super().__init__(0)
        self._first = replica << _OWNER_BITS
        self._drawn = 0

    def random(self) -> float:
        return 0.0

    def getrandbits(self, _: int, /) -> int:
        self._drawn += 1
        return self._first + self._drawn


@final
class _NextKey:
    """Writes under a key with the next number. A store that encrypts has keys of its own."""

    def __init__(self, store: LinkResealer) -> None:
        self._store = store

    async def get(self, key: LinkKey) -> Link | None:
        return await self._store.get(key)

    async def reseal(
        self, key: LinkKey, version: int, tokens: TokenSet, *, written_at: datetime | None = None
    ) -> ResealOutcome:
        said = understood(self._store.reseal, written_at=written_at)
        return await self._store.reseal(key, version, under_next_key(tokens), **said)


@final
@attrs.define(eq=False)
class Call:
    """A caller's call under way."""

    name: str
    """Such as ``r1.c1``: the first caller of replica r1."""
    replica: str
    user: str
    resource: str | None
    began: float
    """On the virtual clock."""
    found: Link | None
    """The user's link, seen for the resource, as it was stored when the call began."""
    doomed: bool
    """Whether its token was dead by then, at a provider that kills it with each exchange."""
    asked_for_another: bool
    """Whether the caller says that an API has refused the stored token."""
    task: asyncio.Task[str]
    cancelled: bool = False
    """Set by the step that cancels it."""


@final
class Replica:
    """A token service, and what its code has been told."""

    def __init__(
        self,
        number: int,
        setting: Setting,
        *,
        store: LinkStore,
        provider: ScriptedProvider,
        scene: Scene,
        observer: Observer,
    ) -> None:
        self.name = f"r{number}"
        self._store = GatedStore(store, self.name, scene, tells_history=setting.forgets)
        self.service: TokenService = setting.make_service(
            self._store,
            [GatedProvider(provider, self.name, scene)],
            # Without a store that may lose writes no schedule has room for looks.
            policy=setting.policy
            if setting.forgets
            else attrs.evolve(setting.policy, hold_after_failover=timedelta(0)),
            clock=GatedClock(self.name, scene),
            observer=observer,
            rng=_Owners(number),
        )
        self.ended = False
        """Whether it takes no more calls: crashed, closed or swept."""
        self.callers = 0
        """How many it has had."""
        self.history: list[Hashable] = []
        """Everything that its code has been told, in order: it determines its state."""

    async def begin(self) -> None:
        """Do what an application does before it asks for anything."""
        await self.service.__aenter__()

    async def ask(self, user: str, resource: str | None, rejected: str | None) -> str:
        """Do what a caller does: ask for a token, or for another one than an API has refused."""
        if rejected is None:
            return await self.service.access_token(PROVIDER_ID, user, resource=resource)
        link = await self.service.refresh(PROVIDER_ID, user, rejected=rejected, resource=resource)
        return link.tokens.access_token

    async def rotate(self, user: str) -> None:
        """Encrypt the user's link anew, as a rotation of keys does with each link that it finds."""
        await reseal_link(_NextKey(self._store), key_of(user))


def ending(task: asyncio.Task[str]) -> str | BaseException:
    """Return the token or the error that a call ended with."""
    if task.cancelled():
        return asyncio.CancelledError()
    error = task.exception()
    return error if error is not None else task.result()
