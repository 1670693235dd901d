"""Leaving a provider alone for a while when what is wrong is not one link's matter."""

from __future__ import annotations

from datetime import timedelta
from typing import final

import attrs

from extauth.domain.errors import ExtAuthError, ProviderMisconfigured, ProviderUnavailable
from extauth.domain.policy import Backoff
from extauth.domain.ports import Clock


@final
@attrs.frozen
class _Pause:
    until: float
    """On the monotonic clock."""
    misconfigured: str | None
    """The code with which the provider rejected the client, if that is why."""
    in_a_row: int


@final
class ProviderPauses:
    """Which providers this process leaves alone, and why. Any success ends a provider's pause."""

    def __init__(self, clock: Clock, cooldown: Backoff) -> None:
        self._clock = clock
        self._cooldown = cooldown
        self._pauses: dict[str, _Pause] = {}

    def throttled(self, provider_id: str, retry_after: timedelta) -> None:
        """Leave it alone as long as it asked for (RFC 9110 section 10.2.3)."""
        self._pause(provider_id, retry_after, None, 0)

    def misconfigured(self, provider_id: str, code: str) -> None:
        """Leave it alone for longer each time that it rejects the client: no link can succeed."""
        before = self._pauses.get(provider_id)
        in_a_row = 1 if before is None else before.in_a_row + 1
        self._pause(provider_id, self._cooldown.delay(in_a_row), code, in_a_row)

    def end(self, provider_id: str) -> None:
        """Take note that the provider works."""
        self._pauses.pop(provider_id, None)

    def error(self, provider_id: str) -> ExtAuthError | None:
        """Return what to raise instead of asking the provider now, or None if it may be asked."""
        pause = self._pauses.get(provider_id)
        if pause is None:
            return None
        left = pause.until - self._clock.monotonic()
        if left <= 0:
            return None
        if pause.misconfigured is not None:
            return client_rejected(provider_id, pause.misconfigured)
        return ProviderUnavailable(
            f"{provider_id} asked to be left alone for a while", retry_after=timedelta(seconds=left)
        )

    def _pause(self, provider_id: str, span: timedelta, code: str | None, in_a_row: int) -> None:
        until = self._clock.monotonic() + span.total_seconds()
        self._pauses[provider_id] = _Pause(until, code, in_a_row)


def client_rejected(provider_id: str, code: str) -> ProviderMisconfigured:
    """Say that the deployment must be mended."""
    return ProviderMisconfigured(
        f"{provider_id} rejects this application ({code}): check its client id, secret and settings",
        reason=code,
    )
