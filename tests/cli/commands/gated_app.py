"""An application whose rotation stops in the middle and waits, so that it can be interrupted there."""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import count
from typing import Any

import extauth
from extauth.adapters.encryption import EncryptedStore, keys_from_environment
from extauth.testing import ScriptedLinkingProvider

GOES_TO = 55
reseal = EncryptedStore.reseal
numbers = count(1)


async def gated(self: EncryptedStore, *arguments: Any, **said: Any) -> Any:
    """Encrypt a link, but no more than the first few."""
    number = next(numbers)
    if number == GOES_TO:
        print("in the middle", file=sys.stderr, flush=True)
    if number >= GOES_TO:
        await asyncio.Event().wait()
    return await reseal(self, *arguments, **said)


def app() -> Any:
    """All that the application opens."""
    EncryptedStore.reseal = gated  # type: ignore[method-assign]
    return extauth.open(
        os.environ["APP_STORE"], [ScriptedLinkingProvider("github")], keys=keys_from_environment()
    )
