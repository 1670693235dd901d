"""Upkeep that is broken on purpose is caught by the tests that are for it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from extauth import Upkeep
from extauth.domain.due import DueBy
from extauth.services.upkeep.pace import Pace
from extauth.services.upkeep.sweep import Sweep
from tests.services.upkeep import test_sharing_and_pace as pace
from tests.services.upkeep import test_trouble_and_end as trouble
from tests.services.upkeep import test_what_is_kept_up as kept
from tests.services.upkeep.conftest import Wrapped


def ignores_pauses(monkeypatch, memory):
    """A provider that asks to be left alone is asked again."""
    monkeypatch.setattr(Pace, "rest", lambda *_: None)
    return pace.test_a_provider_that_asks_to_be_left_alone_is(memory)


def forgets_named_links(monkeypatch, memory):
    """Only the provider's own id is looked for."""
    due = memory.store.due

    async def own(provider_id, by, before, **narrow):
        page = await due(provider_id, by, before, **narrow)
        return [each for each in page if "/" not in each.key.provider_id]

    memory.store = Wrapped(memory.store, due=own)
    return kept.test_links_due_soon_are_kept_warm(memory)


def runs_as_fast_as_it_can(monkeypatch, memory):
    """What has piled up is sent at once."""

    async def turn(self):
        return not self.stopped

    monkeypatch.setattr(Pace, "turn", turn)
    return pace.test_what_has_piled_up_is_caught_up_at_the_rate(memory)


def hammers_a_provider_that_is_down(monkeypatch, memory):
    """Every link is tried in every look."""
    monkeypatch.setattr(Pace, "failed", lambda _: None)
    return pace.test_an_outage_of_the_provider_is_no_stampede(memory)


def rests_for_long(monkeypatch, memory):
    """A few links that fail hold up the others for as long as they fail."""
    monkeypatch.setattr(Pace, "failed", lambda self: self.rest(timedelta(hours=1)))
    return pace.test_links_that_fail_are_nobody_elses_trouble(memory)


def presents_what_may_be_spent(monkeypatch, memory):
    """A crashed exchange is repeated although there is something to lose."""
    monkeypatch.setattr("extauth.domain.upkeep._may_refresh", lambda *_: True)
    return kept.test_an_exchange_under_way_is_left_to_who_began_it(memory)


def keeps_alive_what_ends_anyway(monkeypatch, memory):
    """A refresh that moves no end."""
    monkeypatch.setattr(Upkeep, "looks_for", lambda *_: tuple(DueBy))
    return kept.test_a_grant_that_ends_anyway_is_not_kept_alive(memory)


def asks_without_end(monkeypatch, memory):
    """Tokens that are dead on arrival are due at once again."""
    monkeypatch.setattr("extauth.domain.upkeep.AT_MOST_EVERY", timedelta(0))
    return kept.test_tokens_that_are_dead_on_arrival_are_not_asked_for_without_end(memory)


def all_begin_at_the_first(monkeypatch, memory):
    """Replicas fight for each link instead of dividing them."""
    monkeypatch.setattr("random.Random.shuffle", lambda *_: None)
    return pace.test_replicas_share_a_page(memory)


def counts_twice(monkeypatch, memory):
    """A link that is due by two times is refreshed by both."""
    begin = Sweep._begin

    def without_memory(self, *args):
        begin(self, *args)
        self._under_way.clear()

    monkeypatch.setattr(Sweep, "_begin", without_memory)
    return pace.test_a_link_that_is_due_twice_is_refreshed_once(memory)


def loses_places(monkeypatch, memory):
    """Who is cancelled before the first step gives no place back."""
    monkeypatch.setattr(Sweep, "_end", lambda *_: None)
    return trouble.test_a_cancelled_run_can_be_followed_by_another(memory)


BROKEN = [
    ignores_pauses,
    forgets_named_links,
    runs_as_fast_as_it_can,
    hammers_a_provider_that_is_down,
    rests_for_long,
    presents_what_may_be_spent,
    keeps_alive_what_ends_anyway,
    asks_without_end,
    all_begin_at_the_first,
    counts_twice,
    loses_places,
]


@pytest.mark.parametrize("broken", BROKEN)
async def test_broken_upkeep_is_caught(broken, monkeypatch, memory):
    """The test that is named passes with upkeep as it is, and fails with this one."""
    with pytest.raises((AssertionError, TimeoutError)):
        await asyncio.wait_for(broken(monkeypatch, memory), 3)
