"""A guarded store of which each call is made by the least actor who may."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from extauth import AccessPolicy, Operator, User
from extauth.adapters.authorization import GuardedStore
from extauth.domain.access import RULES
from extauth.domain.actors import (
    LINKING,
    REFRESHING,
    REGISTERING,
    ROTATING,
    UPKEEP,
    Actor,
    Target,
    target_of,
)

POLICY = AccessPolicy()


class InTheirName:
    """Has every method of the store, as whoever is meant to call it has it."""

    def __init__(self, store: Any) -> None:
        self._store = GuardedStore(store, POLICY)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            target = target_of(inspect.signature(method).bind(*args, **kwargs).arguments)
            actor = next(each for each in _actors(target) if POLICY.allows(each, RULES[name], target))
            return getattr(self._store.acting_as(actor), name)(*args, **kwargs)

        return call


def _actors(target: Target) -> Iterator[Actor]:
    if target.user_id is not None:
        yield User(target.user_id)
    yield from (REFRESHING, UPKEEP, REGISTERING, ROTATING, LINKING, Operator("eve", {"support"}))
