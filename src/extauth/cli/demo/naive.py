"""The loop that extauth replaces: read the row, refresh if it has expired, write the row.

It is what applications have before they meet the problem, and it is written with care: it leaves a
margin before expiry, writes at once, and clears the refresh token only on ``invalid_grant``. One process
with one caller can use it for years.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Protocol, final

import aiohttp
import attrs

from extauth.cli.demo.messages import Attempt
from extauth.domain.token_set import TokenSet


@final
@attrs.frozen
class Row:
    """A user's tokens in the naive table."""

    access_token: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)
    """``''`` once the provider has said ``invalid_grant``."""
    expires_at: float
    """Unix time in seconds."""

    @classmethod
    def from_tokens(cls, tokens: TokenSet) -> Row:
        """Return the row that a new authorization of the user writes."""
        expires_at = tokens.expires_at.timestamp() if tokens.expires_at else 0.0
        return cls(tokens.access_token, tokens.refresh_token or "", expires_at)


class NaiveTable(Protocol):
    """Rows by user, read and written without any condition."""

    async def create(self) -> None:
        """Make the table."""
        ...

    async def read(self, user: str) -> Row:
        """Return the user's row; ``LookupError`` if there is none."""
        ...

    async def write(self, user: str, row: Row) -> None:
        """Insert or replace the user's row."""
        ...

    async def drop(self) -> None:
        """Remove the table."""
        ...


class RefreshRefused(Exception):
    """The provider refused, or had refused before: the user has to connect again."""

    code = "reconnect"


@final
class NaiveLoop:
    """Read, refresh, write."""

    def __init__(
        self,
        table: NaiveTable,
        session: aiohttp.ClientSession,
        *,
        token_url: str,
        client_id: str,
        client_secret: str,
        margin: float,
        replica: int = 0,
        note: Callable[[Attempt], None] | None = None,
    ) -> None:
        self._table = table
        self._session = session
        self._token_url = token_url
        self._client = {"client_id": client_id, "client_secret": client_secret}
        self._margin = margin
        self._replica = replica
        self._note = note

    async def access_token(self, user: str) -> str:
        """Return the user's access token, refreshed if it has expired or is about to."""
        row = await self._table.read(user)
        if time.time() < row.expires_at - self._margin:
            return row.access_token
        if not row.refresh_token:
            raise RefreshRefused
        presented = time.monotonic()
        form = {"grant_type": "refresh_token", "refresh_token": row.refresh_token, **self._client}
        async with self._session.post(self._token_url, data=form) as response:
            answer: dict[str, Any] = await response.json()
        answered = time.monotonic()
        if answer.get("error") == "invalid_grant":
            await self._table.write(user, attrs.evolve(row, refresh_token=""))
            self._tell(user, row, presented, answered, refused=True)
            raise RefreshRefused
        response.raise_for_status()
        fresh = Row(answer["access_token"], answer["refresh_token"], time.time() + answer["expires_in"])
        await self._table.write(user, fresh)
        self._tell(user, row, presented, answered, refused=False)
        return fresh.access_token

    def _tell(self, user: str, row: Row, presented: float, answered: float, *, refused: bool) -> None:
        if self._note is None:
            return
        self._note(
            Attempt(
                user=user,
                replica=self._replica,
                token=sha256(row.refresh_token.encode()).hexdigest()[:16],
                presented=presented,
                answered=answered,
                written=time.monotonic(),
                refused=refused,
            )
        )
