"""In memory and over HTTP the same things happen."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import get_args

import attrs
import pytest

from extauth.adapters.oauth2 import OAuth2Provider
from extauth.domain.outcomes import Exchanged, ExchangeOutcome
from extauth.domain.token_set import TokenSet
from extauth.testing import AuthorizationServer, Fault, ScriptedProvider
from extauth.testing.provider_model.grants import Grants
from extauth.testing.provider_model.reuse import Reuse
from tests.support.clocks import LeapingClock

FAULTS = [None, *(fault for fault in Fault if fault is not Fault.NOT_SENT)]


def refresh_tokens(grants: Grants) -> list[str]:
    """Return every refresh token ever given out, in order: both sides have the same one at each place."""
    return list(grants.presentations())


def presentation(grants: Grants, place: int, clock: LeapingClock) -> TokenSet:
    """Return what a client that holds this refresh token presents."""
    now = clock.now()
    text = refresh_tokens(grants)[place]
    return TokenSet("at", text, expires_at=now, issued_at=now - timedelta(minutes=3))


def seen_by_client(outcome: ExchangeOutcome, grants: Grants) -> object:
    """Return the outcome with the refresh token's place for its text, and no access token."""
    if not isinstance(outcome, Exchanged):
        return outcome
    tokens = outcome.tokens
    place = None if tokens.refresh_token is None else refresh_tokens(grants).index(tokens.refresh_token)
    return attrs.evolve(tokens, access_token="at", refresh_token=f"{place}")


def known_to_server(grants: Grants, clock: LeapingClock) -> dict[str, object]:
    """Return counters and liveness, without the tokens' texts."""
    tokens = refresh_tokens(grants)
    now = grants.history[-1].at if grants.history else 0.0
    return {
        "exchanges": grants.exchanges,
        "rotations": grants.rotations,
        "replays": grants.replays,
        "families_revoked": grants.families_revoked,
        "presentations": list(grants.presentations().values()),
        "per_rotation": grants.presentations_per_rotation(),
        "treatments": [(each.subject, each.treatment) for each in grants.history],
        "rejected": [grants.rejected[token] for token in tokens],
        "live": [grants.refreshable(token) for token in tokens],
        "useful": [grants.gives_tokens(token, now) for token in tokens],
        "live access": len(grants.live_access_tokens(now)),
        "ancestry": [
            parent and tokens.index(parent) for parent in (grants.issued_for(token) for token in tokens)
        ],
    }


@pytest.mark.parametrize("refresh_revokes_access_token", [False, True])
@pytest.mark.parametrize("reuse", get_args(Reuse))
async def test_memory_and_http_agree(reuse, refresh_revokes_access_token):
    """The same presentations and faults come to the same outcomes, counters and live tokens in both."""
    clock, dice = LeapingClock(), random.Random(reuse)
    memory = ScriptedProvider(
        now=clock.now, reuse=reuse, replay_window=timedelta(seconds=20), lifetime=timedelta(minutes=5)
    )
    memory.grants.refresh_revokes_access_token = refresh_revokes_access_token
    async with AuthorizationServer(
        access_token_lifetime=timedelta(minutes=5),
        reuse=reuse,
        replay_window=timedelta(seconds=20),
        refresh_revokes_access_token=refresh_revokes_access_token,
        monotonic=clock.monotonic,
        pause=lambda _: clock.sleep(0),
    ) as server:
        http = OAuth2Provider(
            "http",
            client_id=server.client_id,
            client_secret=server.client_secret,
            token_url=server.token_url,
            clock=clock,
        )
        for fault in dice.sample(FAULTS * 3, k=len(FAULTS) * 3):
            if not memory.grants.live_refresh_tokens() or dice.random() < 0.1:
                memory.grant("alice")
                server.new_grant("alice")
            place = max(0, len(refresh_tokens(memory.grants)) - 1 - int(dice.expovariate(1)))
            server.faults.plan(fault)

            in_memory = memory.answer(presentation(memory.grants, place, clock), fault)
            over_http = await http.refresh(presentation(server.grants, place, clock))

            assert seen_by_client(over_http, server.grants) == seen_by_client(in_memory, memory.grants), fault
            assert known_to_server(server.grants, clock) == known_to_server(memory.grants, clock), fault
            assert len(server.presented) == len(memory.presented)
            clock.advance(timedelta(seconds=dice.choice([0, 1, 15, 200])))
        assert set(server.faults.dealt) == set(FAULTS)
