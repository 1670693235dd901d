"""An observer that logs events as sentences, with their facts beside them."""

from __future__ import annotations

import hmac
import logging
from typing import ClassVar, Final, Literal, TypeAlias, final, get_args

from extauth.domain.event_reports import report, severity
from extauth.domain.events import Event

UserIds: TypeAlias = Literal["shown", "hashed", "omitted"]
"""How the log names people, by the application's id and by that of their account at the provider."""

_LEVELS: Final = logging.getLevelNamesMapping()


@final
class LoggingObserver:
    """Logs each event: one sentence, and its facts as attributes of the record, for what writes JSON.

    The logger is ``extauth.events`` unless another is given. The message begins with the event's name. The
    attributes are ``extauth_event`` and, as far as the event has them, ``extauth_provider_id``,
    ``extauth_user_id``, ``extauth_version``, ``extauth_reason``, ``extauth_took`` and ``extauth_retry_after``
    (seconds) and so on: ``extauth_`` and the name of a field of the event. None is a token, a code or text of
    the provider's.

    The level is what an operator should do: ``DEBUG`` and ``INFO`` nothing, ``WARNING`` a user may have to
    connect again or wait, ``ERROR`` look now, ``CRITICAL`` tokens are lost.

    With ``user_ids="hashed"`` ids are the first 16 hexadecimal digits of their HMAC-SHA-256 under
    ``hash_key``: equal in all logs under one key, and not to be guessed without it. ``"omitted"`` leaves them
    out. The services then log no event themselves.

    :raises ValueError: for another ``user_ids``, or a ``hash_key`` of less than 16 bytes.
    :raises TypeError: if ``hash_key`` is missing where it is needed, or given where it is not.
    """

    logs: ClassVar[bool] = True

    def __init__(
        self,
        logger: logging.Logger | None = None,
        *,
        user_ids: UserIds = "shown",
        hash_key: bytes | None = None,
    ) -> None:
        if user_ids not in get_args(UserIds):
            msg = "user_ids must be 'shown', 'hashed' or 'omitted'"
            raise ValueError(msg)
        if (user_ids == "hashed") != (hash_key is not None):
            msg = (
                "user_ids='hashed' needs a hash_key, of at least 16 random bytes, and nothing else takes one"
            )
            raise TypeError(msg)
        if hash_key is not None and len(hash_key) < _SHORTEST_KEY:
            msg = "hash_key must have at least 16 bytes: ids are easily guessed under a shorter one"
            raise ValueError(msg)
        self._logger = logger or logging.getLogger("extauth.events")
        self._user_ids = user_ids
        self._hash_key = hash_key

    def notify(self, event: Event) -> None:
        """Log the event, if anybody listens at its level."""
        level = _LEVELS[severity(event).upper()]
        if self._logger.isEnabledFor(level):
            told = report(event, self._shown)
            extra = {f"extauth_{name}": fact for name, fact in told.facts.items()}
            self._logger.log(level, "%s", told, extra={"extauth_event": told.name, **extra})

    def _shown(self, user_id: str) -> str | None:
        if self._hash_key is not None:
            return hmac.digest(self._hash_key, user_id.encode(), "sha256").hex()[:16]
        return user_id if self._user_ids == "shown" else None


_SHORTEST_KEY: Final = 16
