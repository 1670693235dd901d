"""What tests of calls share: a client of a raw server, on a clock that tests move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from extauth.adapters.oauth2.client.client_auth import ClientCredentials
from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.call import ProviderCalls
from extauth.adapters.oauth2.endpoints.identity import IdentityRules
from extauth.adapters.oauth2.http.phases import HttpTimeouts

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class MovingClock:
    """Moves by what is slept, and notes it."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return NOW + timedelta(seconds=sum(self.slept))

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def provider_calls(clock: MovingClock | None = None, **options: Any) -> ProviderCalls:
    """Return calls of the client ``client`` with the secret ``hidden``."""
    clock = clock or MovingClock()
    rules: dict[str, Any] = {
        "credentials": ClientCredentials("client", "hidden", "client_secret_basic"),
        "session": None,
        "timeouts": HttpTimeouts(),
        "reach": "any",
        "answered_reach": "any",
        "api": ApiRules(),
        "revocation": None,
        "identity": IdentityRules(),
        "validation": None,
        "installation_rules": None,
    }
    return ProviderCalls(clock=clock, sleep=clock.sleep, **{**rules, **options})
