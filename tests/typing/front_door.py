"""Checked, never run: the types of the front door, and what it may be given."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import assert_type

import extauth
from extauth import (
    AuditEntry,
    Auth,
    DeviceAuthorization,
    KeyProvider,
    Link,
    LinkingService,
    LinkingStore,
    Store,
    TokenService,
    UnlinkOutcome,
    audit_of,
    events,
)
from extauth.adapters.encryption import EncryptionKey, Keyring
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.providers import github
from extauth.adapters.webhooks import Webhook
from extauth.domain.linking_outcomes import Validity
from extauth.health import Health, LinkState, ProbablyBroken
from extauth.inventory import FoundLinks, LinkFilter, inventory_of
from extauth.outbox import (
    DeliveryOptions,
    LinkBroken,
    LinkEvent,
    LinkEventDelivery,
    LinkExpiring,
    LinkRecovered,
    Outbox,
    deliver,
    outbox_of,
)


def what_it_opens(store: Store) -> None:
    """A URL, with options, or a store that is open."""
    provider = github(client_id="client", client_secret="s")
    assert_type(extauth.open("memory://", [provider]), AbstractAsyncContextManager[Auth])
    assert_type(extauth.open(store, (provider,)), AbstractAsyncContextManager[Auth])
    extauth.open(
        MemoryLinkStore(), [provider], on_account_change="refuse", redirect_uris=["https://a.example"]
    )


async def what_stands_beside_the_links(auth: Auth, store: Store) -> None:
    """What a store has besides is found by functions, whichever store it is."""
    assert_type(await audit_of(auth.store).find(user_id="alice"), list[tuple[int, AuditEntry]])
    assert_type(outbox_of(store), Outbox)
    assert_type(await inventory_of(auth.store).find(LinkFilter("github")), FoundLinks)


async def what_a_framework_has_read(auth: Auth, form: Mapping[str, str | bytes]) -> None:
    """A form may hold files, as far as types know; a callback with one is refused when it comes."""
    assert_type(await auth.complete(form, user_id="alice", provider_id="github", method="POST"), Link)


async def take_link_event(event: LinkEvent) -> None:
    """A closed union: what is left is known."""
    match event:
        case LinkBroken(reason=reason):
            assert_type(reason, str)
        case LinkExpiring(ends_at=ends_at):
            assert_type(ends_at, datetime)
        case _:
            assert_type(event, LinkRecovered)


async def what_is_told(store: Store, service: Webhook) -> None:
    """A handler is any async function of an event, or a webhook."""
    extauth.open("memory://", [], on_link_event=take_link_event)
    extauth.open("memory://", [], on_link_event=service)
    async with deliver(store, take_link_event, options=DeliveryOptions()) as delivery:
        assert_type(delivery, LinkEventDelivery)
    assert_type(store_outbox(store), Outbox)


def store_outbox(store: object) -> Outbox:
    """Every shipped store has one."""
    for each in (store, MemoryLinkStore()):
        if isinstance(each, MemoryLinkStore):
            return each.outbox
    raise AssertionError


def what_may_be_keys(key: EncryptionKey, service: KeyProvider) -> None:
    """One key, several of any kind, a keyring, or the word for plain text; a text is no key."""
    for keys in (key, [key], (service, key), Keyring(service, key), service, None):
        assert_type(extauth.open("memory://", [], keys=keys), AbstractAsyncContextManager[Auth])
        assert_type(extauth.open_store("memory://", keys=keys), AbstractAsyncContextManager[Store])
    extauth.open("memory://", [], keys="plain")
    extauth.open("memory://", [], keys=key, plain_rows="refuse")
    extauth.open("memory://", [], keys=key.reveal())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def what_it_returns(auth: Auth, parameters: Mapping[str, str]) -> None:
    """Each method has the types of the service beneath."""
    assert_type(await auth.begin("github", "alice", "https://app.example/callback/github"), str)
    assert_type(await auth.complete(parameters, user_id="alice"), Link)
    assert_type(await auth.begin_device("github", "alice"), DeviceAuthorization)
    assert_type(await auth.access_token("github", "alice"), str)
    assert_type(await auth.access_token("github", "alice", valid_for=timedelta(minutes=5)), str)
    assert_type(await auth.link("github", "alice"), Link)
    assert_type(await auth.refresh("github", "alice", rejected="at-1"), Link)
    assert_type(await auth.unlink("github", "alice"), UnlinkOutcome)
    assert_type(await auth.links("alice"), list[Link])
    assert_type(await auth.validate("github", "alice"), Validity)
    assert_type(await auth.health("github", "alice"), Health)
    assert_type(auth.tokens, TokenService)
    assert_type(auth.linking, LinkingService)
    assert_type(auth.store, LinkingStore)


async def what_it_refuses(auth: Auth) -> None:
    """A slip is an error."""
    extauth.open("memory://", github(client_id="client"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await auth.complete("https://app.example/callback/github")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await auth.acces_token("github", "alice")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    await extauth.open("memory://", [])  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]


def an_event_is_a_closed_union(event: events.Event) -> str | None:
    """Each has a public name."""
    return event.reason if isinstance(event, events.RefreshFailed) else None


def a_state_is_a_closed_union(state: LinkState) -> str:
    """Each has a code, and members of its own."""
    return state.reason if isinstance(state, ProbablyBroken) else state.code
