"""What a service is given, looked at when it is made: a slip is told there and not by the first call."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from extauth.clock import SystemClock
from extauth.domain.device_authorization import DeviceAuthorization
from extauth.domain.errors import UnknownProvider
from extauth.domain.hidden import Hidden
from extauth.domain.policy import RefreshPolicy
from extauth.domain.ports import Clock, Observer
from extauth.domain.upkeep import Upkeep
from extauth.domain.wrong_types import must_be

S = TypeVar("S")

_CLOSE = 0.75
"""How alike an id must be to one that exists, for the one to be taken for a slip of the other."""


def checked_store(store: S, method: str) -> S:
    """Return the store if it is one, as far as it has this method.

    :raises TypeError: for a URL, a store that is not open yet, or anything else. The message repeats none.
    """
    if isinstance(store, type) or not hasattr(store, method):
        hint = "write: async with open_store(url) as store"
        raise TypeError(must_be("a store that is open", store, "store", hint))
    return store


def checked_policy(policy: RefreshPolicy | None) -> RefreshPolicy:
    """Return the policy, or the usual one for None.

    :raises TypeError: for anything else, such as a number.
    """
    if policy is not None and not isinstance(policy, RefreshPolicy):  # pyright: ignore[reportUnnecessaryIsInstance] - a slip
        raise TypeError(must_be("a RefreshPolicy", policy, "policy", "write RefreshPolicy(...)"))
    return RefreshPolicy() if policy is None else policy


def checked_upkeep(upkeep: Upkeep | None) -> Upkeep:
    """Return how to look after links, or the usual way for None.

    :raises TypeError: for anything else: ``False`` must not mean that they are looked after.
    """
    if upkeep is not None and not isinstance(upkeep, Upkeep):  # pyright: ignore[reportUnnecessaryIsInstance] - a slip
        raise TypeError(must_be("an Upkeep or None", upkeep, "upkeep", "write Upkeep()"))
    return Upkeep() if upkeep is None else upkeep


def checked_observer(observer: Observer | None) -> Observer | None:
    """Return what is to be told of events.

    :raises TypeError: if it cannot be, or only by awaiting it, which nobody does.
    """
    if observer is None:
        return None
    notify: object = getattr(observer, "notify", None)
    if isinstance(observer, type) or not callable(notify):
        hint = "write a class with a method notify(self, event)"
        raise TypeError(must_be("an Observer", observer, "observer", hint))
    if iscoroutinefunction(notify):
        msg = "notify of an observer must be no async function: it is called without being awaited"
        raise TypeError(msg)
    return observer


def clock_given(clock: Clock | None) -> Clock:
    """Return the clock, the machine's if there is none.

    :raises TypeError: for what has not all that a clock has.
    """
    if clock is None:
        return SystemClock()
    if isinstance(clock, type) or not all(hasattr(clock, name) for name in ("now", "monotonic", "sleep")):
        raise TypeError(must_be("a Clock, with now, monotonic and sleep", clock, "clock"))
    return clock


def checked_span(span: object, what: str) -> timedelta:
    """Return a span of time.

    :raises TypeError: for a number, among others: of seconds or of what is for nobody to guess.
    """
    if not isinstance(span, timedelta):
        raise TypeError(must_be("a timedelta", span, what, "write timedelta(seconds=...)"))
    return span


def rng_given(rng: random.Random | None) -> random.Random:
    """Return what draws, the system's source if nothing is given.

    :raises TypeError: for anything else, such as a seed: it would be found out where a store has failed.
    """
    if rng is not None and not isinstance(rng, random.Random):  # pyright: ignore[reportUnnecessaryIsInstance] - a slip
        raise TypeError(must_be("a random.Random", rng, "rng", "write random.Random(seed)"))
    return rng or random.SystemRandom()


def checked_device(device: object) -> DeviceAuthorization:
    """Return the device flow to complete, if it is one.

    :raises TypeError: for its text, among others. The message repeats nothing.
    """
    if not isinstance(device, DeviceAuthorization):
        hint = "write DeviceAuthorization.from_json(text)" if isinstance(device, str) else ""
        raise TypeError(must_be("what begin_device returned", device, "device", hint))
    return device


def check_rejected(rejected: Hidden[Any]) -> None:
    """Refuse what is no access token: the one that there is would be given again, whatever an API says.

    :raises TypeError: for a whole link, among others.
    """
    if not isinstance(rejected.value, str | None):
        hint = "give the access token that the API refused"
        raise TypeError(must_be("a str", rejected.value, "rejected", hint))


def listed(providers: Iterable[S]) -> list[S]:
    """Return the providers of a collection of them.

    :raises TypeError: for one provider or preset alone, a mapping, or what is no provider. The message says
        what to write, and repeats none.
    """
    if hint := _instead_of(providers):
        raise TypeError(must_be("a list of providers", providers, "providers", hint))
    found = list(providers)
    for provider in found:
        if isinstance(provider, type):
            msg = f"the class {provider.__name__} is no provider; call it: {provider.__name__}(...)"
            raise TypeError(msg)
        if not hasattr(provider, "provider_id"):
            msg = f"{type(provider).__name__} is no provider; call a preset first: github(client_id=...)"
            raise TypeError(msg)
    return found


def _instead_of(providers: object) -> str:
    """Say what to write instead of what is no list; nothing if it may be one."""
    if hasattr(providers, "provider_id") and not isinstance(providers, type):
        return "write [provider]"
    if isinstance(providers, Mapping):
        return "write list(providers.values())"
    if isinstance(providers, str | bytes) or not isinstance(providers, Iterable):
        return "write [github(client_id=...)]"
    return ""


def unknown_provider(provider_id: str, known: Iterable[str]) -> UnknownProvider:
    """Return the error for an id that no provider has, with those that there are."""
    ids = {each.lower(): each for each in known}
    has = f"has {', '.join(repr(each) for each in sorted(ids.values()))}" if ids else "was given none"
    close = get_close_matches(provider_id.lower(), ids, n=1, cutoff=_CLOSE)
    meant = f"; did you mean {ids[close[0]]!r}?" if close else ""
    return UnknownProvider(f"no provider {provider_id!r} was given to this service; it {has}{meant}")
