"""Which authorizations are being completed here, so that an unlink in the same process withdraws them."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import final

from extauth.domain.errors import UnknownState
from extauth.domain.link import LinkKey


@final
class Completion:
    """One authorization on its way into the store."""

    def __init__(self, key: LinkKey | None) -> None:
        self.key = key
        """Whose link it will be; None until its state is taken."""
        self._withdrawn: set[LinkKey] = set()
        """Whose links were removed since it began. An unlink cannot know yet what a state that is being taken
        is about."""
        self._stored: asyncio.Future[None] | None = None
        """Pending while the tokens are being stored."""

    @property
    def withdrawn(self) -> bool:
        """Whether the user has disconnected since it began."""
        return self.key in self._withdrawn

    @property
    def given(self) -> bool:
        """Whether the store was given the tokens, or some of them."""
        return self._stored is not None

    def withdraw(self, key: LinkKey) -> None:
        """Take note that the user disconnects."""
        self._withdrawn.add(key)

    def refuse_withdrawn(self) -> None:
        """Raise if the user disconnected meanwhile.

        :raises UnknownState: then, as if the callback had come a moment later.
        """
        if self.withdrawn:
            raise disconnected()

    @contextmanager
    def storing(self) -> Generator[None]:
        """Let unlinks wait until the tokens are stored.

        :raises UnknownState: if the user disconnected meanwhile.
        """
        self.refuse_withdrawn()
        self._stored = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            self._stored.set_result(None)

    async def settled(self) -> None:
        """Wait until nothing is being stored."""
        if self._stored is not None and not self._stored.done():
            await asyncio.wait({self._stored})


@final
class InFlightCompletions:
    """The completions of one service."""

    def __init__(self) -> None:
        self._completions: set[Completion] = set()

    @contextmanager
    def completing(self, key: LinkKey | None = None) -> Generator[Completion]:
        """Keep a completion in sight of unlinks."""
        completion = Completion(key)
        self._completions.add(completion)
        try:
            yield completion
        finally:
            self._completions.discard(completion)

    def arriving(self, key: LinkKey) -> list[LinkKey]:
        """Return the user's other links that may be about to be stored here, for whatever account."""
        keys = [completion.key for completion in self._completions if completion.key is not None]
        return [other for other in keys if other.user_id == key.user_id and other != key]

    async def withdraw(self, key: LinkKey) -> None:
        """Withdraw what is under way for the key. What it stores already is in the store on return."""
        completions = list(self._completions)
        for completion in completions:
            completion.withdraw(key)
        for completion in completions:
            if completion.key == key:
                await completion.settled()


def disconnected() -> UnknownState:
    """Return the error of an authorization whose user disconnected before it was stored."""
    msg = "the user disconnected while this authorization was being completed"
    return UnknownState(msg)
