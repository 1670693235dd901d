"""How many requests a client may send to the token endpoint: a bucket of them that fills up again."""

from __future__ import annotations

import math
from datetime import timedelta
from http import HTTPStatus
from typing import final

from aiohttp import web

from extauth.testing.server.token_reply import NO_STORE


@final
class ClientLimit:
    """Lets through ``most`` requests at once, and in the long run so many in each ``span``."""

    def __init__(self, most: int, span: timedelta) -> None:
        self._most = most
        self._per_second = most / span.total_seconds()
        self._left = float(most)
        self._at: float | None = None

    def taken(self, now: float) -> web.Response | None:
        """Count a request at ``now``, in seconds; returns the answer to one too many (RFC 6585 section 4)."""
        passed = 0.0 if self._at is None else now - self._at
        self._left, self._at = min(self._left + passed * self._per_second, self._most), now
        if self._left >= 1:
            self._left -= 1
            return None
        wait = math.ceil((1 - self._left) / self._per_second)
        headers = {**NO_STORE, "Retry-After": str(wait)}
        return web.Response(status=HTTPStatus.TOO_MANY_REQUESTS, text="too many requests", headers=headers)
