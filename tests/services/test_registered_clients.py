"""Which of a provider's clients serves a link."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from extauth import GrantOrigin, LinkKey, StoreUnavailable
from extauth.adapters.memory import MemoryLinkStore
from extauth.services.registered_clients import (
    client_name,
    is_former_clients,
    noted_client,
    present_provider,
    provider_of_code,
    provider_of_link,
    was_replaced,
)
from extauth.testing import ScriptedLinkingProvider
from tests.support.registered import Registered

PRESENT = GrantOrigin("present", "https://provider.example/token")
FORMER = attrs.evolve(PRESENT, client_id="former")


@pytest.mark.parametrize(
    ("origin", "served"),
    [
        (PRESENT, PRESENT),
        (FORMER, FORMER),
        (attrs.evolve(FORMER, client_id="anothers"), None),
        (attrs.evolve(FORMER, token_endpoint="https://elsewhere.example/token"), None),
        (attrs.evolve(FORMER, resource="https://elsewhere.example"), None),
    ],
    ids=["present", "former", "unknown", "another endpoint", "another resource"],
)
async def test_the_client_that_a_link_was_made_with(origin, served):
    """Only where its tokens are for that very endpoint and resource: else it would be sent another's."""
    present, former = (ScriptedLinkingProvider(origin=each) for each in (PRESENT, FORMER))
    provider: Any = present
    provider.clients = Registered(present, former)
    link = await MemoryLinkStore().put(LinkKey("scripted", "alice"), present.tokens.grant(), origin=origin)
    found = await provider_of_link(provider, link)
    assert (None if found is None else found.origin) == served


def provider_with(clients: Registered | None, origin: GrantOrigin | None = PRESENT, **others: Any) -> Any:
    """Return a provider that registers its clients, or one that does not."""
    provider: Any = ScriptedLinkingProvider(origin=origin)
    for name, value in {"clients": clients, **others}.items():
        setattr(provider, name, value)
    return provider


async def test_the_client_that_a_code_was_asked_for_with():
    """The noted one if it is known still; else, and where nothing was noted, the provider as it is."""
    former = provider_with(None, FORMER)
    provider = provider_with(Registered(former))
    assert await provider_of_code(provider, "former") is former
    assert await provider_of_code(provider, "forgotten") is provider
    assert await provider_of_code(provider, None) is provider
    unregistered = provider_with(None)
    assert await provider_of_code(unregistered, "former") is unregistered


async def test_the_client_that_new_links_are_made_with():
    """The one that is registered now, or the provider as the application has made it."""
    following = provider_with(None, attrs.evolve(PRESENT, client_id="next"))
    assert await present_provider(provider_with(Registered(following, present="next"))) is following
    unregistered = provider_with(None)
    assert await present_provider(unregistered) is unregistered


def test_what_is_noted_of_a_client():
    """Its id, and only where another one may have taken its place by then; so are pauses told apart."""
    registered, unregistered = provider_with(Registered()), provider_with(None)
    nobody = provider_with(Registered(), None)
    assert [noted_client(each) for each in (registered, unregistered, nobody)] == ["present", None, None]
    assert [client_name(each) for each in (registered, unregistered)] == ["scripted as present", "scripted"]


@pytest.mark.parametrize(
    ("provider", "replaced"),
    [
        (provider_with(Registered(present="present")), False),
        (provider_with(Registered(present="next")), True),
        (provider_with(Registered(present=None)), True),
        (provider_with(Registered(present=StoreUnavailable("down"))), False),
        (provider_with(Registered(present="next"), None), False),
        (provider_with(None), False),
    ],
    ids=["present", "former", "expired", "no telling", "no client", "not registered"],
)
async def test_a_client_that_was_replaced(provider, replaced):
    """Only where that is known."""
    assert await was_replaced(provider) is replaced


@pytest.mark.parametrize(
    ("provider", "origin", "former"),
    [
        (provider_with(None), PRESENT, False),
        (provider_with(None), FORMER, True),
        (provider_with(None, formerly=[FORMER]), FORMER, False),
        (provider_with(None, None), FORMER, False),
        (provider_with(Registered(present="present")), PRESENT, False),
        (provider_with(Registered(present="present")), FORMER, True),
        (provider_with(Registered(present="next")), PRESENT, True),
        (provider_with(Registered(present=None)), PRESENT, False),
        (provider_with(Registered(present=None)), FORMER, True),
    ],
    ids=[
        "own",
        "another client",
        "moved",
        "no client",
        "registered",
        "registered before",
        "replaced",
        "expired",
        "expired before",
    ],
)
async def test_a_link_of_a_former_client(provider, origin, former):
    """It was made with another client than new links are."""
    link = await MemoryLinkStore().put(LinkKey("scripted", "alice"), provider.tokens.grant(), origin=origin)
    assert await is_former_clients({"scripted": provider}, link) is former
    assert await is_former_clients({}, link) is False
