"""A gateway before the token endpoint swaps parts of its answer, or the whole."""

from __future__ import annotations

import time
from typing import Any

import pytest

from extauth import Link, LinkingFailed, LinkingService
from extauth.adapters.discovery import discover
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2.reading import id_token
from extauth.testing import AuthorizationServer, Consent
from tests.attacks.attack import Attack
from tests.attacks.evil_site import Change, EvilSite, claims_changed, evil_site, no_nonce
from tests.attacks.fence import Fence

CALLBACK = "https://app.example/callback"


async def _linked(server: AuthorizationServer, site: EvilSite, user_id: str) -> Link:
    """Connect a user through the gateway."""
    site.token_url = server.token_url
    found = await discover(server.issuer)
    provider = found.provider(
        "company",
        client_id=server.client_id,
        client_secret=server.client_secret,
        client_auth="client_secret_post",
        scopes=["openid"],
        token_url=f"{site.url}/token",
    )
    async with LinkingService(MemoryLinkStore(), [provider]) as linking:
        url = await linking.begin("company", user_id, CALLBACK)
        callback = await server.visit(url, Consent.approve(f"{user_id}-there"))
        return await linking.complete(callback.url, user_id=user_id)


async def _access_token_swapped(_: Fence) -> object:
    """The victim's link is theirs by name, and writes to the attacker's account."""
    async with AuthorizationServer(redirect_uris=[CALLBACK]) as server, evil_site() as site:
        await _linked(server, site, "mallory")
        theirs = site.taken[0]["access_token"]
        site.change = lambda answer: {**answer, "access_token": theirs}
        link = await _linked(server, site, "victim")
        assert link.account is not None
        return link.account.id == "victim-there" and server.grants.subject_of(theirs) == "mallory-there"


async def _old_answer_again(_: Fence) -> object:
    """An answer of the victim's, from an authorization that they finished before, becomes the attacker's."""
    async with AuthorizationServer(redirect_uris=[CALLBACK]) as server, evil_site() as site:
        await _linked(server, site, "victim")
        recorded = site.taken[0]
        site.change = lambda _: recorded
        link = await _linked(server, site, "mallory")
        return server.grants.subject_of(link.tokens.access_token) == "victim-there"


async def _out_of_its_time(**claims: Any) -> object:
    async with AuthorizationServer(redirect_uris=[CALLBACK]) as server, evil_site() as site:
        site.change = lambda answer: claims_changed(answer, **claims)
        return (await _linked(server, site, "victim")).account


async def _made_for_later(_: Fence) -> object:
    return await _out_of_its_time(nbf=time.time() + 3600)


async def _made_in_the_future(_: Fence) -> object:
    return await _out_of_its_time(iat=time.time() + 86400)


async def _honest_gateway(_: Fence) -> None:
    changes: list[Change] = [
        dict,
        lambda answer: claims_changed(answer, nbf=time.time() + 30, iat=time.time() + 30),
    ]
    for change in changes:
        async with AuthorizationServer(redirect_uris=[CALLBACK]) as server, evil_site() as site:
            site.change = change
            link = await _linked(server, site, "victim")
            assert link.account is not None
            assert link.account.id == "victim-there"


class _Any:
    def __contains__(self, _: object) -> bool:
        return True


def _any_access_token(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(id_token, "_half_hashes", lambda _: _Any())


def _any_time(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(id_token, "_when", lambda *_: None)


ATTACKS = [
    Attack(
        name="an access token is swapped for the attacker's beside the victim's ID token",
        source="OpenID Connect Core 3.1.3.8 and 16.11",
        attempt=_access_token_swapped,
        honest=_honest_gateway,
        without_guard=_any_access_token,
        refused=LinkingFailed,
    ),
    Attack(
        name="nonce replay: an earlier answer of the victim's is given to the attacker's flow",
        source="OpenID Connect Core 3.1.3.7 item 11 and 15.5.2",
        attempt=_old_answer_again,
        honest=_honest_gateway,
        without_guard=no_nonce,
        refused=LinkingFailed,
    ),
    Attack(
        name="an ID token is used before its time",
        source="RFC 7519 4.1.5",
        attempt=_made_for_later,
        honest=_honest_gateway,
        without_guard=_any_time,
        refused=LinkingFailed,
    ),
    Attack(
        name="an ID token says that it was issued in the future",
        source="OpenID Connect Core 3.1.3.7 item 10",
        attempt=_made_in_the_future,
        honest=_honest_gateway,
        without_guard=_any_time,
        refused=LinkingFailed,
    ),
]
