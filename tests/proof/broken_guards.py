"""Guards that are broken on purpose, each with the test that was made for it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from types import MappingProxyType
from typing import Any

from extauth import AccessPolicy, LinkNotFound, User
from extauth.adapters.authorization import GuardedStore, ports, store
from extauth.domain.access import RULES
from extauth.domain.acting import current_actor
from extauth.domain.actors import REFRESHING, Actor
from extauth.services import serving
from tests.adapters.authorization import test_guarded_store as on_stores
from tests.domain import test_access as on_rules
from tests.services import test_guarded_services as on_services

Patch = Callable[[Any], None]
Check = Callable[[], Coroutine[Any, Any, None]]


def on_store(test: Callable[..., Coroutine[Any, Any, None]], *arguments: object) -> Check:
    """Return a test of a guarded store as a check."""
    return lambda: test(on_stores.Counting(), *arguments)


def on_service(test: Callable[..., Coroutine[Any, Any, None]]) -> Check:
    """Return a test of services on one as a check."""

    async def check() -> None:
        async with on_services.connected() as scene:
            await test(scene)

    return check


def by_rules(test: Callable[..., None], *arguments: object) -> Check:
    """Return a test of the rules as a check."""

    async def check() -> None:
        test(*arguments)

    return check


def _touches_first(monkeypatch: Any) -> None:
    real = GuardedStore.get

    async def get(self, key):
        await self.beneath.get(key)
        return await real(self, key)

    monkeypatch.setattr(GuardedStore, "get", get)


def _tells_existence(monkeypatch: Any) -> None:
    real = GuardedStore.get

    async def get(self, key):
        if await self.beneath.get(key) is None:
            raise LinkNotFound
        return await real(self, key)

    monkeypatch.setattr(GuardedStore, "get", get)


def _forgets_to_ask(monkeypatch: Any) -> None:
    monkeypatch.setattr(GuardedStore, "delete", lambda self, key: self.beneath.delete(key))


def _opens_when_nobody_is_named(monkeypatch: Any) -> None:
    monkeypatch.setattr(store, "current_actor", lambda: current_actor() or REFRESHING)


def _block_goes_before(monkeypatch: Any, whose: Actor) -> None:
    real = GuardedStore.authorize

    def authorize(self, action, target):
        actor = current_actor() or self._actor if self._actor == whose else self._actor
        real(GuardedStore(self.beneath, self._policy, actor=actor), action, target)

    monkeypatch.setattr(GuardedStore, "authorize", authorize)


def _gives_out_what_has_no_rule(monkeypatch: Any) -> None:
    real = ports.guarded

    def guarded(beneath, name, allow):
        try:
            return real(beneath, name, allow)
        except AttributeError:
            return getattr(beneath, name)

    monkeypatch.setattr(store, "guarded", guarded)


def _ports_are_open(monkeypatch: Any) -> None:
    monkeypatch.setattr(ports, "_asking", lambda method, rule, allow: method)


def _user_reaches_all(monkeypatch: Any) -> None:
    real = AccessPolicy.allows
    monkeypatch.setattr(
        AccessPolicy,
        "allows",
        lambda self, actor, action, target: isinstance(actor, User) or real(self, actor, action, target),
    )


def _without(name: str) -> Patch:
    left = MappingProxyType({rule: action for rule, action in RULES.items() if rule != name})
    return lambda monkeypatch: monkeypatch.setattr(on_rules, "RULES", left)


def _door_is_open(monkeypatch: Any) -> None:
    """The services ask nobody: what they have in memory goes to whoever asks."""
    monkeypatch.setattr(serving, "authorization_of", lambda store: lambda action, target: None)


def _flights_inherit(monkeypatch: Any) -> None:
    """A flight runs in the context of whoever began it, and in that one's name."""
    _context_leaks(monkeypatch)
    _block_goes_before(monkeypatch, REFRESHING)


def _context_leaks(monkeypatch: Any) -> None:
    """A flight runs in the context of whoever began it."""
    monkeypatch.setattr(contextvars, "Context", contextvars.copy_context)


BUGS: dict[str, tuple[Patch, Check]] = {
    "touches the store first": (
        _touches_first,
        lambda: on_stores.test_denied_before_the_store_is_touched("get"),
    ),
    "tells whether there is a link": (
        _tells_existence,
        on_store(on_stores.test_no_word_on_whether_there_is_a_link),
    ),
    "forgets to ask": (_forgets_to_ask, lambda: on_stores.test_denied_before_the_store_is_touched("delete")),
    "opens when nobody is named": (_opens_when_nobody_is_named, on_store(on_stores.test_nobody_acts, "get")),
    "a block goes before the store's own actor": (
        lambda monkeypatch: _block_goes_before(monkeypatch, User("bob")),
        on_store(on_stores.test_each_user_has_their_own),
    ),
    "gives out what has no rule": (
        _gives_out_what_has_no_rule,
        on_store(on_stores.test_what_there_is_no_rule_for),
    ),
    "ports are open": (_ports_are_open, on_store(on_stores.test_a_port_of_the_store)),
    "users reach all": (_user_reaches_all, by_rules(on_rules.test_a_user_reaches_only_what_is_theirs)),
    "a method without a rule": (
        _without("save"),
        by_rules(on_rules.test_every_method_of_every_port_has_a_rule, "RefreshStore"),
    ),
    "a store's method without a rule": (
        _without("keep_registration"),
        by_rules(on_rules.test_every_method_of_a_store_has_a_rule),
    ),
    "services ask nobody": (_door_is_open, on_service(on_services.test_a_fresh_token)),
    "memory is open": (_door_is_open, on_service(on_services.test_a_token_that_is_not_stored_yet)),
    "flights act as who began them": (
        _flights_inherit,
        on_service(on_services.test_two_actors_in_one_flight),
    ),
    "the context leaks into flights": (
        _context_leaks,
        on_service(on_services.test_what_a_provider_sees_in_a_flight),
    ),
}


def run(check: Check) -> None:
    """Run a check on a loop of its own."""
    asyncio.run(check())
