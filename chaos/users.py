"""The users of a storm: they consent at the beginning, and again whenever their link has died."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import final

from aiohttp import ClientSession

from chaos.digests import digest
from chaos.evidence import Loss
from chaos.plan import PROVIDER, Plan
from chaos.wire import GRANTS_PATH
from extauth import Link, LinkKey, LinkStore, StoreUnavailable, TokenSet

_LOOK_EVERY = 0.1


@final
class Users:
    """Puts grants into the store that were written straight into the server's database."""

    def __init__(self, plan: Plan, http: ClientSession, server: str, store: LinkStore) -> None:
        self._plan = plan
        self._http = http
        self._server = server
        self._store = store
        self.losses: list[Loss] = []
        """Links that died and were connected again."""
        self.granted: dict[str, float] = {}
        """For each refresh token that came from consent: from when on its access token may have counted."""

    async def connect(self) -> None:
        """Let every user consent."""
        await asyncio.gather(*(self._consent(user) for user in self._plan.users))

    async def links(self) -> dict[str, Link]:
        """Return every user's link as it is stored."""
        found = await asyncio.gather(*(self._store.get(LinkKey(PROVIDER, user)) for user in self._plan.users))
        return {link.key.user_id: link for link in found if link is not None}

    async def reconnect_for_ever(self) -> None:
        """Let every user consent again whose link needs it."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            with suppress(StoreUnavailable):  # it restarts
                for link in (await self.links()).values():
                    if link.failure is not None and link.failure.permanent:
                        await self._lose(link, link.failure.reason)

    async def _lose(self, link: Link, reason: str) -> None:
        lost = Loss(link.key.user_id, digest(link.tokens.refresh_token or ""), reason)
        if lost not in self.losses:  # else the store failed when it was noticed first
            self.losses.append(lost)
        await self._consent(link.key.user_id)

    async def _consent(self, user: str) -> None:
        asked = time.monotonic()
        asked_at = datetime.now(UTC)
        async with self._http.post(self._server + GRANTS_PATH, data={"user": user}) as reply:
            reply.raise_for_status()
            grant = await reply.json()
        self.granted[digest(grant["refresh_token"])] = asked
        tokens = TokenSet(
            grant["access_token"],
            grant["refresh_token"],
            expires_at=asked_at + timedelta(seconds=grant["expires_in"]),
            issued_at=asked_at,
        )
        await self._store.put(LinkKey(PROVIDER, user), tokens)
