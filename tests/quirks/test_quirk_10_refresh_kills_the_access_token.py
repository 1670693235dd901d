"""Class 10: a refresh that ends the access token before it at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from extauth.adapters.providers import github_app, gitlab, gitlab_self_managed, zendesk
from extauth.domain.policy import ProviderTraits
from tests.quirks.support import USER, scene

PRESETS = [
    pytest.param(github_app, {}, id="github_app"),
    pytest.param(gitlab, {}, id="gitlab"),
    pytest.param(gitlab_self_managed, {"base": "https://gitlab.example"}, id="gitlab_self_managed"),
    pytest.param(zendesk, {"subdomain": "acme"}, id="zendesk"),
]
NEARLY_OVER = timedelta(minutes=59, seconds=30)


class Gate:
    """Holds answers back once they are made, while it is shut."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.opened.set()
        self.reached = asyncio.Event()
        """Set when an answer waits here."""

    async def __call__(self, seconds: float) -> None:
        if not self.opened.is_set():
            self.reached.set()
            await self.opened.wait()


def killing(gate):
    """Return the arguments of a server whose refreshes kill the access token before the answer leaves."""
    return {"refresh_revokes_access_token": True, "pause": gate}


@pytest.mark.parametrize("age", [timedelta(0), NEARLY_OVER], ids=["new", "nearly_over"])
@pytest.mark.parametrize(("preset", "variables"), PRESETS)
async def test_nobody_is_handed_the_doomed_token(preset, variables, age):
    """While a refresh is under way, callers of every replica wait for its token."""
    gate = Gate()
    async with scene(server=killing(gate)) as s:
        provider = s.client(preset, **variables)
        link = await s.connect(provider)
        first, second = await s.tokens(provider), await s.tokens(provider)
        s.pass_time(age)
        gate.opened.clear()
        refresh = asyncio.create_task(first.refresh(preset.id, USER))
        await gate.reached.wait()
        assert not s.server.accepts(link.tokens.access_token)
        callers = [asyncio.create_task(replica.access_token(preset.id, USER)) for replica in (first, second)]
        await asyncio.wait(callers, timeout=0)
        gate.opened.set()
        got = set(await asyncio.gather(*callers))
        assert got == {(await refresh).tokens.access_token}
        assert all(s.server.accepts(token) for token in got)
        assert s.server.presented == [link.tokens.refresh_token]


async def test_without_the_trait_a_dead_token_is_handed_out():
    """Set up as a provider whose old token goes on, a caller gets one that is dead already."""
    gate = Gate()
    async with scene(server=killing(gate)) as s:
        provider = s.client(gitlab, traits=ProviderTraits())
        await s.connect(provider)
        first, second = await s.tokens(provider), await s.tokens(provider)
        s.pass_time(NEARLY_OVER)
        gate.opened.clear()
        await first.access_token("gitlab", USER)
        await gate.reached.wait()
        assert not s.server.accepts(await second.access_token("gitlab", USER))
        gate.opened.set()


async def test_a_401_for_a_token_that_was_replaced_costs_no_refresh():
    """A caller that was served just before the refresh says which token was refused, and gets the new one."""
    async with scene(server={"refresh_revokes_access_token": True}) as s:
        provider = s.client(gitlab)
        link = await s.connect(provider)
        first, second = await s.tokens(provider), await s.tokens(provider)
        held = await second.access_token("gitlab", USER)
        await first.refresh("gitlab", USER)
        assert not s.server.accepts(held)
        fresh = await second.refresh("gitlab", USER, rejected=held)
        assert s.server.accepts(fresh.tokens.access_token)
        assert s.server.presented == [link.tokens.refresh_token]
