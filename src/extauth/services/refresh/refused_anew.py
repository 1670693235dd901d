"""Links whose new tokens an API refuses as well, so that a refresh for it is in vain."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, final

import attrs

from extauth.domain.link import LinkKey
from extauth.domain.policy import Backoff
from extauth.domain.ports import Clock
from extauth.domain.token_set import TokenSet
from extauth.services.events import logger

_A_WHILE: Final = timedelta(hours=1).total_seconds()
"""Seconds after which a refusal begins a new row."""
_MOST: Final = 10_000
"""Links that are known at most; of more, the one that was refused the longest ago is forgotten."""


@final
@attrs.frozen
class _Refusal:
    issued_at: datetime
    """Of the token, which is told from others of the link by that."""
    in_a_row: int
    at: float
    until: float
    """Both on the monotonic clock."""


@final
class RefusedAnew:
    """Knows of tokens that an API refused although they had been got in place of refused ones.

    So it answers where a right is missing, or where the user has withdrawn the access there and the
    authorization server does not know. Each call would spend a refresh token, and get nothing for it.
    """

    def __init__(self, clock: Clock, cooldown: Backoff) -> None:
        self._clock = clock
        self._cooldown = cooldown
        self._known: dict[tuple[LinkKey, str | None], _Refusal] = {}
        """In the order in which they were refused."""

    def note(self, key: LinkKey, tokens: TokenSet, resource: str | None = None) -> None:
        """Take note that an API refused these, got in place of others that it had refused."""
        if tokens.issued_at is None:
            return
        now = self._clock.monotonic()
        self._forget_old(now)
        known = self._known.get((key, resource))
        if known is not None and known.issued_at == tokens.issued_at:
            return  # it was shown by several callers
        row = 1 if known is None else known.in_a_row + 1
        if row == 1:
            logger.warning(
                "an API of %s refuses new access tokens of %r, too: the user may lack a right there, or have"
                " withdrawn the access; others are got for it ever more rarely",
                key.provider_id,
                key.user_id,
            )
        until = now + self._cooldown.delay(row).total_seconds()
        self._known.pop((key, resource), None)
        self._known[key, resource] = _Refusal(tokens.issued_at, row, now, until)

    def in_vain(self, key: LinkKey, tokens: TokenSet, resource: str | None = None) -> bool:
        """Whether these are such ones, and it is too early to get others for an API that refuses them."""
        known = self._known.get((key, resource))
        return (
            known is not None
            and known.issued_at == tokens.issued_at
            and self._clock.monotonic() < known.until
        )

    def _forget_old(self, now: float) -> None:
        while self._known:
            place, oldest = next(iter(self._known.items()))
            if now - oldest.at < _A_WHILE and len(self._known) < _MOST:
                return
            del self._known[place]
