"""The error codes that a provider has beside the standard's, by what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import final

import attrs

from extauth.adapters.oauth2.token.refusal_rules import RefusalRule
from extauth.adapters.oauth2.token.reply_rules import CLIENT_CODES, DEAD_CODES


@final
@attrs.frozen(kw_only=True)
class Judging:
    """The error codes of one provider beside the standard's."""

    dead: frozenset[str] = frozenset()
    """The grant is dead: the user must connect again."""
    client: frozenset[str] = frozenset()
    """The application is registered or configured wrong: an operator must mend it, and no link is touched."""
    link: frozenset[str] = frozenset()
    """One tenant's trouble with the application, whatever code stands beside it: the others work."""
    user_action: frozenset[str] = frozenset()
    """The user must do something at the provider; the grant is kept meanwhile and tried again."""
    temporary: frozenset[str] = frozenset()
    """Nothing is lost and nothing is known; tried again later."""
    restart: frozenset[str] = frozenset()
    """The authorization code is wrong or over: begin the flow again. Says nothing about a refresh token."""
    throttles: Mapping[str, timedelta] = attrs.field(factory=dict[str, timedelta])
    """Too many requests, and how long to wait."""
    messages: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Texts that stand where a code should, and the code that each stands for."""
    refusals: tuple[RefusalRule, ...] = ()
    """Answers that mean something else than the code in them, or have none."""
    errors_with_200: bool = False
    """Whether errors come with status 200. They are found in any case; this is for the reader."""
    dead_statuses: frozenset[int] = frozenset({400})
    """Statuses that a dead grant is answered with. For the reader: a status alone decides nothing."""
    error_member: str = "error"
    """Where the code stands in an error."""

    @property
    def dead_codes(self) -> frozenset[str]:
        """All codes that mean a dead grant."""
        return DEAD_CODES | self.dead

    @property
    def client_codes(self) -> frozenset[str]:
        """All codes that mean a wrong registration or request."""
        return (CLIENT_CODES | self.client) - self.dead
