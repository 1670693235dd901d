"""What a process is told, and what a way has to do: of the standard library alone, for every process."""

from __future__ import annotations

from typing import Protocol, TypedDict, runtime_checkable

MARGIN = 60.0
"""Seconds before its end in which a token of the hand-rolled ways is refreshed, as Authlib has it."""


class Orders(TypedDict):
    """What every way is made of."""

    dsn: str
    client_id: str
    client_secret: str
    token_url: str
    resource_url: str
    slack_url: str
    """The same server, as Slack's API answers."""
    replay_window: float | None
    """Seconds in which the server is known to forgive a replay; None: it never does."""


class Tokens(TypedDict):
    """The tokens of one authorization."""

    access_token: str
    refresh_token: str
    left: float
    """Seconds for which the application believes the access token to work; negative if it has ended."""
    lifetime: float
    """Seconds for which it was given out."""


@runtime_checkable
class Way(Protocol):
    """One way to keep tokens in a database, open."""

    async def connect(self, user: str, tokens: Tokens) -> None:
        """Store what the user has authorized (again)."""
        ...

    async def token(self, user: str) -> str:
        """Return what the application would show to the API."""
        ...

    async def stored(self, user: str) -> str | None:
        """Return the refresh token that is stored."""
        ...

    async def bare(self, user: str) -> None:
        """Read a row of three columns by its key, by the same driver."""
        ...


class Reconnect(Exception):
    """The user has to connect again."""
