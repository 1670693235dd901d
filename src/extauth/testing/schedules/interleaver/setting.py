"""What a run begins with."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, Protocol, final

import attrs

from extauth.domain.link import LinkKey
from extauth.domain.policy import ProviderTraits, RefreshPolicy
from extauth.domain.ports import LinkStore
from extauth.services.refresh.service import TokenService
from extauth.testing.provider_model.reuse import Reuse
from extauth.testing.schedules.interleaver.ports import REFRESH

PROVIDER_ID = "scripted"

OpenStore = Callable[[], AbstractAsyncContextManager[LinkStore]]
"""Returns an async context manager that yields a fresh, empty store."""


def key_of(user: str) -> LinkKey:
    """Return the key of a user's link at the provider of the run."""
    return LinkKey(PROVIDER_ID, user)


class MakeService(Protocol):
    """Makes the service of one replica; :class:`~extauth.TokenService` itself, unless it is to be broken."""

    def __call__(
        self,
        store: LinkStore,
        providers: Iterable[Any],
        *,
        policy: RefreshPolicy,
        clock: Any,
        observer: Any,
        rng: random.Random,
    ) -> TokenService: ...


@final
@attrs.frozen(kw_only=True)
class Setting:
    """What a run begins with."""

    replicas: int = attrs.field(default=2, validator=attrs.validators.ge(1))
    users: tuple[str, ...] = ("alice",)
    """Each is linked at the beginning."""
    resources: tuple[str, ...] = ()
    """What callers may want a token for (RFC 8707) beside the grant's own, as in ``call r1 alice@mail``. A
    user has none at the beginning."""
    lifetime: timedelta = timedelta(hours=1)
    """Of every access token."""
    age: timedelta = timedelta(hours=1)
    """Of the access tokens at the beginning; by default they have just expired."""
    reuse: Reuse = "strict"
    replay_window: timedelta | None = None
    traits: ProviderTraits | None = None
    """What the service believes of the provider; by default the truth."""
    policy: RefreshPolicy = attrs.field(factory=RefreshPolicy)
    replies: frozenset[str] = frozenset({REFRESH})
    """The calls that park on the way back, too: ``refresh`` and the store's methods."""
    make_service: MakeService = TokenService
    forgets: bool = False
    """Whether the store tells of its history, since it may lose writes: replicas then look for that."""

    def asked_for(self, wanted: str) -> tuple[str, str | None]:
        """Return the user and the resource in the last word of a ``call``."""
        user, _, resource = wanted.rpartition("@")
        return (user, resource) if resource in self.resources else (wanted, None)

    def wanted_of(self, user: str) -> tuple[str, ...]:
        """Return everything of one user that can be asked for."""
        return (user, *(f"{user}@{resource}" for resource in self.resources))
