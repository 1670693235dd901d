"""What a server does, asked by plain HTTP."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import final

import attrs

from servers.visiting import Visitor

PAIRS = 12


@final
@attrs.frozen(kw_only=True)
class Habits:
    """What was seen, in the words of the table."""

    refresh: str
    """What a refresh gives."""
    sequential: str
    """What a refresh token that was used before is answered, and what dies."""
    simultaneous: str
    """The same, presented twice at one instant."""
    wrong_secret: str
    revocation: str
    """What revoking the refresh token does to the access token."""


async def look(visitor: Visitor) -> Habits:
    """Ask for everything once; for pairs, which are a matter of chance, twelve times."""
    return Habits(
        refresh=await _refresh(visitor),
        sequential=await _sequential(visitor),
        simultaneous=await _simultaneous(visitor),
        wrong_secret=await _wrong_secret(visitor),
        revocation=await _revocation(visitor),
    )


async def _refresh(visitor: Visitor) -> str:
    first = (await visitor.connect()).members
    again = (await visitor.refresh(first["refresh_token"])).members
    given = again.get("refresh_token")
    refresh = "no RT" if given is None else "same RT" if given == first["refresh_token"] else "new RT"
    access = "lives" if await visitor.works(first["access_token"]) else "dies"
    return f"{refresh}; previous AT {access}"


async def _sequential(visitor: Visitor) -> str:
    first = (await visitor.connect()).members["refresh_token"]
    newest = (await visitor.refresh(first)).members.get("refresh_token", first)
    reuse = await visitor.refresh(first)
    if newest == first:
        return reuse.said
    return f"{reuse.said}; {await _newest(visitor, newest)}"


async def _simultaneous(visitor: Visitor) -> str:
    seen: Counter[str] = Counter()
    for _ in range(PAIRS):
        first = (await visitor.connect()).members["refresh_token"]
        pair = await asyncio.gather(visitor.refresh(first), visitor.refresh(first))
        said = " + ".join(sorted(answer.said for answer in pair))
        given = {answer.members.get("refresh_token", first) for answer in pair if answer.status == 200}
        seen["; ".join([said, *await _winners(visitor, given - {first})])] += 1
    return ", ".join(f"{said} ({count} of {PAIRS})" for said, count in seen.most_common())


async def _wrong_secret(visitor: Visitor) -> str:
    if visitor.site.client_secret is None:
        return "-"
    token = (await visitor.connect()).members["refresh_token"]
    wrong = await visitor.refresh(token, "another")
    spent = "" if (await visitor.refresh(token)).status == 200 else "; spends the RT"
    return f"{wrong.said}{spent}"


async def _revocation(visitor: Visitor) -> str:
    first = (await visitor.connect()).members
    answer = await visitor.revoke(first["refresh_token"])
    if answer is None:
        return "none"
    access = "lives" if await visitor.works(first["access_token"]) else "dies"
    refresh = await visitor.refresh(first["refresh_token"])
    return f"{answer.said}; AT {access}; RT then {refresh.said}"


async def _winners(visitor: Visitor, given: set[str]) -> list[str]:
    """Return what becomes of the refresh tokens that a pair was given."""
    if len(given) < 2:
        return [await _newest(visitor, token) for token in given]
    living = [(await visitor.refresh(token)).status == 200 for token in given]
    return [f"{sum(living)} of {len(given)} RTs live"]


async def _newest(visitor: Visitor, refresh_token: str) -> str:
    lives = (await visitor.refresh(refresh_token)).status == 200
    return "newest lives" if lives else "newest dies"
