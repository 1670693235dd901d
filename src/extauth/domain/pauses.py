"""Which providers a process leaves alone for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import final

import attrs


@final
@attrs.frozen
class ProviderPause:
    """A provider that this process does not ask for tokens now; other replicas have pauses of their own."""

    provider_id: str
    """The provider's id, or what its registered client is kept under."""
    reason: str
    """``http_429`` if it asked to be left alone, else the code with which it rejected the client."""
    remaining: timedelta
    """How long that goes on."""
