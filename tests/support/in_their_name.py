"""A guarded store of which each call is made by the least actor who may."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from extauth import AccessPolicy, Operator, User
from extauth.adapters.authorization import GuardedStore
from extauth.domain.access import OPERATORS, RULES
from extauth.domain.actors import (
    LINKING,
    REFRESHING,
    REGISTERING,
    ROTATING,
    UPKEEP,
    Action,
    Actor,
    Target,
    target_of,
)
from extauth.domain.fence import FENCED

POLICY = AccessPolicy()


class InTheirName:
    """Has every method of the store, and of its ports, as whoever is meant to call it has it."""

    def __init__(self, store: Any, port: str = "") -> None:
        self._guarded = GuardedStore(store, POLICY)
        self._port = port

    def __getattr__(self, name: str) -> Any:
        rule = f"{self._port}.{name}" if self._port else name
        found = _found(self._guarded, rule)
        if rule not in RULES:
            return InTheirName(self._guarded.beneath, rule)

        def call(*args: Any, **kwargs: Any) -> Any:
            arguments = inspect.signature(found).bind(*args, **kwargs).arguments
            target, fence = target_of(arguments), arguments.get("reason") == FENCED
            action = Action.IMPORT if fence and rule == "lift_failure" else RULES[rule]
            actor = next(each for each in _actors(target) if POLICY.allows(each, action, target))
            return _found(self._guarded.acting_as(actor), rule)(*args, **kwargs)

        return call


def _found(store: Any, rule: str) -> Any:
    for name in rule.split("."):
        store = getattr(store, name)
    return store


def _actors(target: Target) -> Iterator[Actor]:
    if target.user_id is not None:
        yield User(target.user_id)
    yield from (REFRESHING, UPKEEP, REGISTERING, ROTATING, LINKING)
    yield from (Operator("eve", {role}) for role in OPERATORS)
