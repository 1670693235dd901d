"""A server that a victim was led to connect takes a code of the honest one (RFC 9700 section 4.4)."""

from __future__ import annotations

import pytest

from extauth import LinkingFailed
from extauth.services.linking.begun_redirects import BegunRedirects
from extauth.services.linking.redirect_uris import RedirectUris
from tests.attacks.attack import Attack
from tests.attacks.fence import Fence
from tests.services.linking.support.mix_up import ONE_URI, OWN, VICTIM_THERE, mix_up_world


async def _stolen_code(_: Fence) -> object:
    async with mix_up_world() as world:
        linking = await world.service(world.honest(), world.evil.provider())
        callback = await world.lured(linking, ONE_URI)
        with pytest.raises(LinkingFailed):
            await linking.complete(callback.url, user_id="victim")
        return (await world.injected(linking)) == VICTIM_THERE


async def _own_redirect_uri(_: Fence) -> None:
    async with mix_up_world() as world:
        linking = await world.service(world.honest(), world.evil.provider())
        assert await world.connected(linking, "alice", OWN["honest"]) == "alice-there"


def _any_redirect_uri(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RedirectUris, "check", lambda *_: None)
    patch.setattr(RedirectUris, "needs_location", lambda _: False)
    patch.setattr(BegunRedirects, "note", lambda *_: None)


ATTACKS = [
    Attack(
        name="mix-up: an evil server takes the honest one's code and its owner injects it",
        source="RFC 9700 4.4, security-topics-update-03 (COAT)",
        attempt=_stolen_code,
        honest=_own_redirect_uri,
        without_guard=_any_redirect_uri,
        refused=ValueError,
    ),
]
