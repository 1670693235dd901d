"""The final proof: a token service that has seen nothing gets access tokens that the server accepts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

from aiohttp import ClientSession

from chaos.evidence import PROVEN
from chaos.journal import Journal
from chaos.oracle import PROOF
from chaos.plan import POLICY, PROVIDER
from chaos.replica import providers
from chaos.watched import WatchedProvider
from chaos.wire import RESOURCE_PATH
from extauth import ExtAuthError, LinkStore, ReauthorizationRequired, TemporarilyUnavailable, TokenService

_PATIENCE = 60.0
_PAUSE = 0.1


async def prove(
    store: LinkStore,
    users: Sequence[str],
    http: ClientSession,
    *,
    server: str,
    token_url: str,
    client_secret: str,
    journal: Path,
) -> dict[str, str]:
    """Return for each user how it ended, ``PROVEN`` if well."""
    with closing(Journal(journal)) as notes:
        provider = WatchedProvider(PROOF, providers(token_url, client_secret), notes)
        async with TokenService(store, [provider], policy=POLICY, observer=notes) as tokens:
            outcomes = await asyncio.gather(*(_attempt(tokens, user, http, server) for user in users))
    return dict(zip(users, outcomes, strict=True))


async def _attempt(tokens: TokenService, user: str, http: ClientSession, server: str) -> str:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await _until_accepted(tokens, user, http, server)
    except TimeoutError:
        return f"nothing that works within {_PATIENCE:.0f} s"
    except ExtAuthError as error:
        return f"{type(error).__name__} ({error})"


async def _until_accepted(tokens: TokenService, user: str, http: ClientSession, server: str) -> str:
    """Ask as an application does: what the API refuses is refreshed."""
    access_token = await _had(tokens, user, None)
    while True:
        headers = {"Authorization": f"Bearer {access_token}"}
        async with http.get(server + RESOURCE_PATH, headers=headers) as reply:
            if reply.status == HTTPStatus.OK:
                return PROVEN
        await asyncio.sleep(_PAUSE)
        access_token = await _had(tokens, user, access_token)


async def _had(tokens: TokenService, user: str, rejected: str | None) -> str:
    while True:
        try:
            if rejected is None:
                return await tokens.access_token(PROVIDER, user)
            return (await tokens.refresh(PROVIDER, user, rejected=rejected)).tokens.access_token
        except ReauthorizationRequired:
            raise
        except TemporarilyUnavailable:
            await asyncio.sleep(_PAUSE)
