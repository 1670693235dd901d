"""The device flow (RFC 8628): polling until the user has decided on another device."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import assert_never, final

import attrs

from extauth.domain.device_authorization import DeviceAuthorization
from extauth.domain.errors import (
    AlreadyCompleted,
    AuthorizationExpired,
    ConsentDenied,
    ProviderUnavailable,
)
from extauth.domain.link import Link, LinkKey
from extauth.domain.linking import DeviceCodes
from extauth.domain.linking_outcomes import CodeExpired, Denied, StillPending
from extauth.domain.linking_ports import LinkingProvider, LinkingStore
from extauth.domain.outcomes import Deferred, Exchanged, NotSent, Unknown
from extauth.domain.policy import Backoff
from extauth.domain.ports import Clock
from extauth.services.errors import refusal
from extauth.services.events import EventEmitter
from extauth.services.linking.begun_redirects import begun_redirects
from extauth.services.linking.connect import GrantConnector
from extauth.services.linking.endpoints import Endpoints
from extauth.services.linking.in_progress import Completion, InFlightCompletions
from extauth.services.linking.scopes import asked_scopes, granted_before
from extauth.services.provider_call import ProviderCaller
from extauth.services.providers import check_connectable, provider_of
from extauth.services.single_flight import SingleFlight
from extauth.services.uninterrupted import defer_cancellation, start_protected

_SLOW_DOWN = timedelta(seconds=5)
"""By how much ``slow_down`` lengthens the interval (RFC 8628 section 3.5)."""

_LONGEST_PAUSE = timedelta(minutes=1)
"""Between polls of a provider that does not answer."""

_REMEMBERED = timedelta(hours=1)
"""How long it is known that a code was used, if it does not expire before."""


@final
@attrs.define
class _Polling:
    """One device code that somebody waits for."""

    waiters: int = 0
    """Each adds itself before it joins and takes itself away when it leaves."""
    flying: bool = False
    """Whether polls are being sent; set and unset by the flight."""


@final
@attrs.frozen
class _Connected:
    key: LinkKey
    forget_at: datetime


@final
class DeviceFlows:
    """Begins device flows and polls for them; all who wait for one device code share the polling."""

    def __init__(
        self,
        store: LinkingStore,
        providers: Mapping[str, LinkingProvider],
        *,
        clock: Clock,
        caller: ProviderCaller,
        connector: GrantConnector,
        in_flight: InFlightCompletions,
        emitter: EventEmitter,
    ) -> None:
        self._store = store
        self._providers = providers
        self._clock = clock
        self._caller = caller
        self._connector = connector
        self._in_flight = in_flight
        self._emitter = emitter
        self._endpoints = Endpoints(providers, begun_redirects(store).endpoints)
        self._flights: SingleFlight[str, Link | None] = SingleFlight()
        self._polling: dict[str, _Polling] = {}
        """Added by the first who waits; removed when nobody waits and nothing is sent any more."""
        self._connected: dict[str, _Connected] = {}
        """What was completed here of late; by the hash of the device code."""

    async def begin(
        self, key: LinkKey, scopes: Iterable[str] | None, *, include_granted: bool
    ) -> DeviceAuthorization:
        """See :meth:`~extauth.LinkingService.begin_device`."""
        provider = provider_of(self._providers, key.provider_id)
        if not provider.linking.device:
            msg = (
                f"{provider.provider_id} has no device flow; give the provider a device_url if it offers one"
            )
            raise ValueError(msg)
        self._endpoints.check(provider)
        check_connectable(provider, key)
        before = await granted_before(self._store, provider, key, wanted=include_granted)
        asked = asked_scopes(provider, before, scopes)
        now = self._clock.now()
        codes = await self._caller.call_until_sent(lambda: provider.begin_device(asked))
        if not isinstance(codes, DeviceCodes):
            raise refusal(provider.provider_id, codes, self._emitter)
        return DeviceAuthorization(
            key=key,
            device_code=codes.device_code,
            user_code=codes.user_code,
            verification_uri=codes.verification_uri,
            verification_uri_complete=codes.verification_uri_complete,
            expires_at=now + codes.expires_in,
            interval=codes.interval,
            scopes=asked,
        )

    async def complete(self, device: DeviceAuthorization) -> Link:
        """See :meth:`~extauth.LinkingService.complete_device`."""
        provider = provider_of(self._providers, device.key.provider_id)
        name = hashlib.sha256(f"{device.key!r} {device.device_code}".encode()).hexdigest()
        if name in self._connected:
            return await self._earlier(self._connected[name].key)
        polling = self._polling.setdefault(name, _Polling())
        polling.waiters += 1
        try:
            while True:
                # None: a polling joined at its very end, which nobody had waited for any more.
                link = await self._flights.do(name, partial(self._fly, provider, device, name, polling))
                if link is not None:
                    return link
        finally:
            polling.waiters -= 1
            self._tidy(name, polling)

    @property
    def idle(self) -> bool:
        """Whether no poll is under way."""
        return self._flights.idle

    async def aclose(self) -> None:
        """Wait until the polls under way are carried through; hurry the asking first."""
        await self._flights.aclose()

    async def _earlier(self, key: LinkKey) -> Link:
        link = await self._store.get(key)
        if link is None:
            msg = "this device code was used already, and the user has disconnected since"
            raise AlreadyCompleted(msg)
        return link

    async def _fly(
        self, provider: LinkingProvider, device: DeviceAuthorization, name: str, polling: _Polling
    ) -> Link | None:
        polling.flying = True
        try:
            return await self._poll(provider, device, name, polling)
        finally:
            polling.flying = False
            self._tidy(name, polling)

    def _tidy(self, name: str, polling: _Polling) -> None:
        if not polling.waiters and not polling.flying and self._polling.get(name) is polling:
            del self._polling[name]

    async def _poll(
        self, provider: LinkingProvider, device: DeviceAuthorization, name: str, polling: _Polling
    ) -> Link | None:
        """Poll until the user has decided, or nobody waits any more: then None."""
        interval = device.interval
        unanswered = 0
        pause = interval
        with self._in_flight.completing(device.key) as completion:
            while True:
                left = device.expires_at - self._clock.now()
                if left <= timedelta(0):
                    raise _expired()
                await self._caller.pause(min(pause, left))
                if self._caller.hurried:
                    msg = "the user has not decided yet, and this service is closing: complete it later"
                    raise ProviderUnavailable(msg, retry_after=interval)
                if not polling.waiters:
                    return None
                completion.refuse_withdrawn()
                if self._clock.now() >= device.expires_at:
                    raise _expired()
                step = await defer_cancellation(
                    start_protected(self._step(provider, device, name, completion)),
                    on_cancel=self._caller.hurry,
                )
                match step:
                    case Link():
                        return step
                    case StillPending():
                        unanswered = 0
                        pause = interval = _next_interval(interval, step)
                    case Deferred(_, retry_after) | Unknown(_, retry_after):
                        unanswered += 1
                        pause = max(_backed_off(interval, unanswered), retry_after or timedelta(0))
                    case NotSent():
                        unanswered += 1
                        pause = _backed_off(interval, unanswered)
                    case _:
                        assert_never(step)

    async def _step(
        self, provider: LinkingProvider, device: DeviceAuthorization, name: str, completion: Completion
    ) -> Link | StillPending | Deferred | NotSent | Unknown:
        """Poll once, and store what it brings."""
        before = await self._store.get(device.key)
        outcome = await self._caller.call(lambda: provider.poll_device(device.device_code))
        match outcome:
            case Exchanged():
                link = await self._connector.connect(
                    provider, device.key, completion, outcome, before=before, scopes=device.scopes, extra={}
                )
                self._remember(name, device)
                return link
            case StillPending() | Deferred() | NotSent() | Unknown():
                return outcome
            case Denied():
                msg = f"the user did not allow access to {provider.provider_id}"
                raise ConsentDenied(msg)
            case CodeExpired():
                raise _expired()
            case _:
                raise refusal(provider.provider_id, outcome, self._emitter)

    def _remember(self, name: str, device: DeviceAuthorization) -> None:
        now = self._clock.now()
        for old in [old for old, each in self._connected.items() if each.forget_at <= now]:
            del self._connected[old]
        self._connected[name] = _Connected(device.key, min(device.expires_at, now + _REMEMBERED))


def _next_interval(interval: timedelta, answer: StillPending) -> timedelta:
    if not answer.slow_down:
        return interval
    return max(interval + _SLOW_DOWN, answer.interval or timedelta(0))


def _backed_off(interval: timedelta, unanswered: int) -> timedelta:
    """Return the pause after that many polls without an answer (RFC 8628 section 3.5)."""
    return Backoff(initial=interval, maximum=max(_LONGEST_PAUSE, interval)).delay(unanswered + 1)


def _expired() -> AuthorizationExpired:
    msg = "the device code has expired; let the user begin again"
    return AuthorizationExpired(msg)
