"""In whose name something is done: said for a block of code, or to a store.

What is said for a block is a context variable: it holds for one task and for those that it starts. The
services ask for it where they are called, and nowhere else: what they do then, in tasks that several callers
share, they do in their own name.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from extauth.domain.actors import Action, Actor, Target

S = TypeVar("S")

Authorize: TypeAlias = Callable[[Action, Target], None]
"""Raises ``NotAuthorized`` if whoever calls may not."""

_actor: ContextVar[Actor | None] = ContextVar("extauth_actor", default=None)


@contextmanager
def acting_as(actor: Actor) -> Generator[None]:
    """Let what is called in this block be done in the name of ``actor``::

        with extauth.acting_as(extauth.User("alice")):
            token = await auth.access_token("github", "alice")

    It holds for the task that the block is in, and for tasks that are started in it. Of nested blocks the
    inner one counts.
    """
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def current_actor() -> Actor | None:
    """Return in whose name this code runs, if that was said."""
    return _actor.get()


class ActingStore(Protocol):
    """A store that asks in whose name it is used."""

    @property
    def beneath(self) -> Any:
        """The store that it stands around."""
        ...

    def acting_as(self, actor: Actor) -> Any:
        """Return the store as ``actor`` has it, whatever block of code it is used in."""
        ...

    def authorize(self, action: Action, target: Target) -> None:
        """Let whoever this code runs for do that.

        :raises NotAuthorized: if they may not.
        """
        ...


def acting(store: S, actor: Actor) -> S:
    """Return the store as ``actor`` has it; the same, if it does not ask."""
    return cast("S", cast("ActingStore", store).acting_as(actor)) if _asks(store) else store


def authorization_of(store: object) -> Authorize:
    """Return what says whether a caller may do something; where the store does not ask, everybody may."""
    return cast("ActingStore", store).authorize if _asks(store) else anybody


def foundation(store: object) -> object:
    """Return what is kept in beneath all that only asks: two of those on one store are one store."""
    while _asks(store):
        store = cast("ActingStore", store).beneath
    return store


def _asks(store: object) -> bool:
    return hasattr(store, "acting_as")


def anybody(_: Action, __: Target) -> None:
    """Let everybody do everything."""
