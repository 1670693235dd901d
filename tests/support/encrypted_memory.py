"""Links in memory, encrypted, whose state can be compared although no two encryptions are alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Self

from extauth.adapters.encryption import EncryptedStore, EncryptionKey, Keyring
from extauth.adapters.encryption.rows import Opener, opened_link
from extauth.adapters.memory import MemoryLinkStore

KEYS = Keyring(EncryptionKey.generate("new"), EncryptionKey.generate("old"))


class EncryptedMemory:
    """An encrypted store in memory with a ``state()``, as those that are explored have."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._inner: Any = MemoryLinkStore(now=now)
        self._encrypted = EncryptedStore(self._inner, KEYS)
        self._opener = Opener(KEYS.held, refuses_plain=True)  # type: ignore[arg-type]  # all keys are held

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encrypted, name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        pass

    def state(self) -> Any:
        """Return what is kept as who has the keys sees it: then equal states behave alike."""
        (kept, *others), owners = self._inner.state()
        return (tuple((opened_link(self._opener, link), *rest) for link, *rest in kept), *others), owners
