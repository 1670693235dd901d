"""extauth against a server: what an application and its users get."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, final

import attrs

import extauth
from extauth import (
    Auth,
    ExtAuthError,
    Link,
    ProviderMisconfigured,
    ProviderUnavailable,
    ReauthorizationRequired,
)
from servers.replica import CALLERS
from servers.running import REDIRECT_URI, ROOT, Site
from servers.settings import PROVIDER, USER, McpClient, provider
from servers.visiting import Visitor

ROTATIONS = 20
REPLICAS = 2
WORKS = "works"
PATIENCE = 60
"""Seconds for one rotation of all callers."""


@final
@attrs.frozen(kw_only=True)
class Driven:
    """What came of it, in the words of the table."""

    rotations: str
    wrong_secret: str
    narrowed: str
    revoked: str
    unlinked: str
    broken: tuple[str, ...]
    """What should not have been; empty: all is as promised."""


async def drive(visitor: Visitor, folder: Path, *, count: int = ROTATIONS) -> Driven:
    """Connect, rotate, and let happen what happens to links."""
    broken: list[str] = []
    store = f"sqlite:///{folder / 'links.db'}"
    site = visitor.site
    async with extauth.open(store, [provider(site)], keys="plain") as auth:
        link = await connect(auth, visitor)
        rotated = await rotations(visitor, store, link, broken, count=count)
        await connect(auth, visitor)
        wrong_secret = await _wrong_secret(auth, site, store, broken)
        narrowed = await _narrowed(auth, visitor, broken)
        await connect(auth, visitor)
        revoked = await _revoked(auth, visitor, broken)
        link = await connect(auth, visitor)
        unlinked = await _unlinked(auth, visitor, link, broken)
    return Driven(
        rotations=rotated,
        wrong_secret=wrong_secret,
        narrowed=narrowed,
        revoked=revoked,
        unlinked=unlinked,
        broken=tuple(broken),
    )


async def connect(auth: Auth, visitor: Visitor, **options: Any) -> Link:
    """Return the link of a user who consents."""
    url = await auth.begin(PROVIDER, USER, REDIRECT_URI, **options)
    return await auth.complete(await visitor.consent(url), user_id=USER, provider_id=PROVIDER)


async def rotations(
    visitor: Visitor,
    store: str,
    link: Link,
    broken: list[str],
    client: McpClient | None = None,
    *,
    count: int = ROTATIONS,
) -> str:
    """Let all callers of all replicas report the token as refused, again and again."""
    site, token, exchanges = visitor.site, link.tokens.access_token, 0
    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(_replica(site, store, client)) for _ in range(REPLICAS)]
        for number in range(1, count + 1):
            await asyncio.sleep(site.seconds_alike)  # nobody can tell which of two equal tokens was refused
            answers = await asyncio.gather(*(_tell(replica, token) for replica in replicas))
            exchanges = sum(answer["exchanges"] for answer in answers)
            if exchanges != number:
                broken.append(f"{exchanges} exchanges in {number} rotations")
            if errors := sorted({answer["error"] for answer in answers if "error" in answer}):
                return f"{number - 1} of {count} rotations, then {', '.join(errors)}"
            tokens = {each for answer in answers for each in answer["tokens"]}
            if len(tokens) != 1:
                broken.append(f"rotation {number} gave {len(tokens)} tokens")
            token = tokens.pop()
            if not await visitor.works(token):
                broken.append(f"rotation {number} gave a token that does not work")
    callers = REPLICAS * CALLERS
    return f"{count} rotations, {callers} callers in {REPLICAS} processes: {exchanges} exchanges"


@asynccontextmanager
async def _replica(site: Site, store: str, client: McpClient | None) -> AsyncGenerator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "servers.replica", stdin=PIPE, stdout=PIPE, cwd=ROOT
    )
    assert process.stdin is not None
    orders = {"store": store, "site": attrs.asdict(site), "client": client and attrs.asdict(client)}
    process.stdin.write(json.dumps(orders).encode() + b"\n")
    try:
        yield process
    finally:
        process.stdin.close()
        async with asyncio.timeout(PATIENCE):
            await process.wait()


async def _tell(replica: Process, token: str) -> dict[str, Any]:
    assert replica.stdin is not None
    assert replica.stdout is not None
    replica.stdin.write(json.dumps(token).encode() + b"\n")
    async with asyncio.timeout(PATIENCE):
        answer: dict[str, Any] = json.loads(await replica.stdout.readline())
    return answer


async def _wrong_secret(auth: Auth, site: Site, store: str, broken: list[str]) -> str:
    if site.client_secret is None:
        return "-"
    wrong = provider(site, secret="another")  # noqa: S106 - a wrong one
    async with extauth.open(store, [wrong], keys="plain") as mistaken:
        said = await _outcome(lambda: mistaken.refresh(PROVIDER, USER))
    told = ProviderMisconfigured if site.names_wrong_secret else ProviderUnavailable
    if said != (told.__name__ if site.checks_secret else WORKS):
        broken.append(f"a wrong secret came to {said}")
    mended = await _outcome(lambda: _when_cooled_down(auth))
    if mended != WORKS and not site.wrong_secret_spends:
        broken.append(f"with the right secret again it came to {mended}")
    return f"{said}; mended: {mended}"


async def _when_cooled_down(auth: Auth) -> None:
    """Refresh, and once more if that was too early."""
    try:
        await auth.refresh(PROVIDER, USER)
    except ProviderUnavailable as early:
        await asyncio.sleep((early.retry_after or timedelta(0)).total_seconds())
        await auth.refresh(PROVIDER, USER)


async def _narrowed(auth: Auth, visitor: Visitor, broken: list[str]) -> str:
    *fewer, last = visitor.site.scopes
    link = await connect(auth, visitor, scopes=fewer)
    if last in link.tokens.scopes:
        broken.append(f"{last} is said to be granted where {fewer} was asked for")
    return " ".join(sorted(link.tokens.scopes))


async def _revoked(auth: Auth, visitor: Visitor, broken: list[str]) -> str:
    link = await auth.link(PROVIDER, USER)
    if not await visitor.end_grant(link.tokens.refresh_token or ""):
        return "-"
    said = await _outcome(lambda: auth.refresh(PROVIDER, USER))
    if said == WORKS and visitor.site.revokes:
        broken.append("a revoked grant works")
    return said


async def _unlinked(auth: Auth, visitor: Visitor, link: Link, broken: list[str]) -> str:
    site, tokens = visitor.site, link.tokens
    outcome = await auth.unlink(PROVIDER, USER)
    access = "lives" if await visitor.works(tokens.access_token) else "dies"
    refreshes = (await visitor.refresh(tokens.refresh_token or "")).status == 200
    over = access == "dies" and not refreshes
    if site.revoke_url is not None and site.revokes and outcome.revoked != over:
        broken.append(
            f"unlink says revoked={outcome.revoked} of a grant that {'is' if over else 'is not'} over"
        )
    reason = "" if outcome.reason is None else f" ({outcome.reason})"
    return f"revoked={outcome.revoked}{reason}; AT {access}"


async def _outcome(call: Callable[[], Awaitable[object]]) -> str:
    """Return what a call ends with."""
    try:
        await call()
    except ReauthorizationRequired as error:
        return f"{type(error).__name__} ({error.reason})"
    except ExtAuthError as error:
        return type(error).__name__
    return WORKS
