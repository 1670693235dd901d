"""The front door: a store and both services on it as one object."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from datetime import timedelta
from difflib import get_close_matches
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Unpack, cast, final

from extauth.adapters.audit import AuditedStore, AuditTrail
from extauth.adapters.authorization import GuardedStore
from extauth.auth import Auth
from extauth.domain.access import AccessRules
from extauth.domain.hidden import Hidden
from extauth.domain.linking_ports import LinkingProvider, LinkingStore, Store
from extauth.domain.outbox import Handler
from extauth.domain.policy import RefreshPolicy
from extauth.domain.ports import Clock, Observer
from extauth.domain.revocation import OnSharedGrant
from extauth.domain.upkeep import Upkeep
from extauth.domain.wrong_types import UrlObject, is_url_object, must_be
from extauth.encrypting import Encrypting, encrypting
from extauth.one_loop import OneLoop
from extauth.opening import StoreOptions, open_store
from extauth.services.arguments import checked_observer, checked_policy, checked_upkeep, clock_given
from extauth.services.health.check import HealthCheck
from extauth.services.linking.options import AUTHORIZATION_TTL, OnAccountChange, linking_providers
from extauth.services.linking.redirect_uris import GivenRedirectUris
from extauth.services.linking.service import LinkingService
from extauth.services.outbox.delivery import LinkEventDelivery
from extauth.services.refresh.service import TokenService
from extauth.services.upkeep.service import UpkeepService

if TYPE_CHECKING:
    from extauth.adapters.encryption.keyring import GivenKeys
    from extauth.adapters.encryption.store import PlainRows


# Called extauth.open. The package's __all__ leaves it out, so that a star import shadows no built-in.
def open(  # noqa: A001
    store: str | os.PathLike[str] | UrlObject | LinkingStore,
    providers: Iterable[LinkingProvider],
    *,
    keys: GivenKeys = None,
    plain_rows: PlainRows | None = None,
    access: AccessRules | None = None,
    audit: AuditTrail | None = None,
    policy: RefreshPolicy | None = None,
    observer: Observer | None = None,
    clock: Clock | None = None,
    redirect_uris: GivenRedirectUris | None = None,
    authorization_ttl: timedelta = AUTHORIZATION_TTL,
    on_account_change: OnAccountChange = "replace",
    on_shared_grant: OnSharedGrant = "spare",
    upkeep: Upkeep | None = None,
    on_link_event: Handler | None = None,
    rng: random.Random | None = None,
    **store_options: Unpack[StoreOptions],
) -> AbstractAsyncContextManager[Auth]:
    """Open a store with both services on it, for use in ``async with``.

    ``store`` is a URL, with options, as for :func:`~extauth.open_store`; or a store that is open, which
    remains the caller's. With ``keys`` everything secret is encrypted before it reaches either, and
    ``plain_rows`` says what to do with what is not encrypted yet: see :func:`~extauth.open_store`. With
    ``access``, an :class:`~extauth.AccessPolicy`, each call needs an actor who may: see
    :class:`~extauth.adapters.authorization.GuardedStore`. With ``audit``, an :class:`~extauth.AuditTrail`, it
    is noted who did what: see :class:`~extauth.adapters.audit.AuditedStore`. The rest is as for
    :class:`~extauth.TokenService` and :class:`~extauth.LinkingService`, which share the observer, the clock
    and the policy: its ``exchange_timeout`` bounds each request to a provider, whatever for. It serves one
    event loop.

    With ``upkeep`` links are kept warm and alive in the background, on every replica: see
    :class:`~extauth.UpkeepService`. ``on_link_event`` is called, on one of all replicas, when a link is
    broken, works again or ends soon: see :class:`extauth.outbox.LinkEventDelivery`.

    Leaving it refuses new calls and finishes what is under way: first upkeep, then linking, then refreshes,
    whose tokens are saved, then a store that was opened by URL is closed. Each is closed also if the one
    before it fails, and a cancellation meanwhile is put off until the services are done. If entering fails or
    is cancelled, nothing stays open.

    :raises ValueError: if the URL is none, two providers have the same id, or one can only refresh; on
        entering, for whatever else the services do not take.
    :raises TypeError: if ``store`` is neither a URL nor a store that is open, for options that the store has
        not or with one that is open, for what is no list of providers, or an argument of another type.
    :raises ModuleNotFoundError: if the store's driver is not installed; it names the extra to install.
    :raises StoreUnavailable: on entering, if the store cannot be reached.
    :raises ConfigurationError: on entering, if its schema is newer than this version of extauth knows.
    """
    given = Hidden(store)
    given_keys: Hidden[GivenKeys] = Hidden(keys)
    del store, keys  # a URL may hold a password, and tools that report errors show local variables
    _check_names(store_options)
    clock = clock_given(clock)
    policy = checked_policy(policy)
    if upkeep is not None:
        checked_upkeep(upkeep)
    checked_observer(observer)
    # Once: both services go through them, and a mistake is told before a store is opened.
    served = linking_providers(providers)
    return _OpenAuth(
        _guarded(_audited(_opening(given, given_keys, plain_rows, store_options), audit), access),
        tokens_on=partial(
            TokenService,
            providers=served.values(),
            policy=policy,
            clock=clock,
            observer=observer,
            on_shared_grant=on_shared_grant,
            rng=rng,
        ),
        linking_on=partial(
            LinkingService,
            providers=served.values(),
            clock=clock,
            observer=observer,
            authorization_ttl=authorization_ttl,
            redirect_uris=redirect_uris,
            on_account_change=on_account_change,
            on_shared_grant=on_shared_grant,
            exchange_timeout=policy.exchange_timeout,
            rng=rng,
        ),
        upkeep_on=partial(UpkeepService, providers=served.values(), clock=clock, observer=observer, rng=rng),
        upkeep=upkeep,
        checked_on=partial(HealthCheck, providers=served, clock=clock),
        delivery_on=on_link_event
        and partial(
            LinkEventDelivery, handler=on_link_event, providers=served.values(), clock=clock, rng=rng
        ),
    )


def _check_names(options: StoreOptions) -> None:
    """Refuse a keyword that neither this function nor any store has."""
    known = {*(open.__kwdefaults__ or ()), *StoreOptions.__annotations__}
    for name in options.keys() - known:
        close = get_close_matches(name, known, n=1)
        meant = f"; did you mean {close[0]}?" if close else ""
        msg = f"extauth.open takes no {name}{meant}"
        raise TypeError(msg)


def _opening(
    given: Hidden[str | os.PathLike[str] | UrlObject | LinkingStore],
    keys: Hidden[GivenKeys],
    plain_rows: PlainRows | None,
    options: StoreOptions,
) -> AbstractAsyncContextManager[LinkingStore]:
    if isinstance(given.value, str | os.PathLike) or is_url_object(given.value):
        return open_store(given.value, keys=keys.value, plain_rows=plain_rows, **options)
    if isinstance(given.value, type) or not hasattr(given.value, "claim"):
        hint = "write: async with open_store(url) as store"
        mistake = must_be("a URL or a store that is open", given.value, "store", hint)
        raise TypeError(mistake)
    if options:
        msg = f"{', '.join(sorted(options))}: give the store its options where you open it"
        raise TypeError(msg)
    store = cast("LinkingStore", given.value)
    encrypt = encrypting(keys, plain_rows)
    return nullcontext(store) if encrypt is None else _encrypted(encrypt, store)


@asynccontextmanager
async def _audited(
    opening: AbstractAsyncContextManager[LinkingStore], audit: AuditTrail | None
) -> AsyncGenerator[LinkingStore, None]:
    async with opening as store:
        if audit is None:
            yield store
            return
        audited = AuditedStore(cast("Store", store), audit)
        try:
            yield audited
        finally:
            await audited.aclose()


@asynccontextmanager
async def _guarded(
    opening: AbstractAsyncContextManager[LinkingStore], access: AccessRules | None
) -> AsyncGenerator[LinkingStore, None]:
    async with opening as store:
        yield store if access is None else GuardedStore(cast("Store", store), access)


@asynccontextmanager
async def _encrypted(encrypt: Encrypting, store: LinkingStore) -> AsyncGenerator[LinkingStore, None]:
    yield await encrypt(cast("Store", store))


@final
class _OpenAuth:
    """Opens what stands beneath an :class:`Auth`, and closes it."""

    def __init__(
        self,
        opening: AbstractAsyncContextManager[LinkingStore],
        *,
        tokens_on: Callable[[LinkingStore], TokenService],
        linking_on: Callable[[LinkingStore], LinkingService],
        upkeep_on: Callable[..., UpkeepService],
        upkeep: Upkeep | None,
        checked_on: Callable[[LinkingStore], HealthCheck],
        delivery_on: Callable[[LinkingStore], LinkEventDelivery] | None,
    ) -> None:
        self._opening = opening
        self._tokens_on = tokens_on
        self._linking_on = linking_on
        self._upkeep_on = upkeep_on
        self._upkeep = upkeep
        self._checked_on = checked_on
        self._delivery_on = delivery_on
        self._closing: AsyncExitStack | None = None
        """Set once by entering; it is not entered again."""
        self._leaving = asyncio.Event()

    def __getattr__(self, name: str) -> NoReturn:
        # Here comes who takes this for what entering returns.
        msg = f"no {name} before it is open; write: async with extauth.open(...) as auth"
        raise AttributeError(msg, name=name, obj=self)

    async def __aenter__(self) -> Auth:
        if self._closing is not None:
            msg = "this was entered before; call extauth.open(...) each time"
            raise RuntimeError(msg)
        self._closing = AsyncExitStack()
        async with AsyncExitStack() as opened:
            store = await opened.enter_async_context(self._opening)
            tokens = await opened.enter_async_context(self._tokens_on(store))
            linking = await opened.enter_async_context(self._linking_on(store))
            home = OneLoop("Auth")
            home.check()
            auth = Auth(store, tokens, linking, self._upkeep_on, self._checked_on(store), home, self._leaving)
            if self._upkeep is not None:
                await opened.enter_async_context(auth.upkeep(self._upkeep))
            if self._delivery_on is not None:
                await opened.enter_async_context(self._delivery_on(store))
            self._closing = opened.pop_all()
        return auth

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        assert self._closing is not None, "it was entered"  # noqa: S101
        self._leaving.set()
        return await self._closing.__aexit__(kind, error, trace)
