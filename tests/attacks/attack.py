"""An attack on an application that uses extauth: what is tried, its honest twin, and the guard it meets."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable

import pytest
from attrs import frozen

from tests.attacks import scenarios
from tests.attacks.fence import Fence


@frozen(kw_only=True)
class Attack:
    """One attack, against the default configuration."""

    name: str
    """What the attacker does, in a few words."""

    source: str
    """Where it is described: RFC and section, CWE, or advisory."""

    attempt: Callable[[Fence], Awaitable[object]]
    """Try it. Returns what the attacker got (a code, a token, whose account the link acts as), or a false
    value if they got nothing; raises what extauth raises at them."""

    honest: Callable[[Fence], Awaitable[None]]
    """Do what an honest user or server does the same way. It must work."""

    without_guard: Callable[[pytest.MonkeyPatch], None]
    """Take away what stops the attack. :attr:`attempt` must then succeed."""

    refused: type[Exception] | tuple[type[Exception], ...] = ()
    """With what the attempt is refused; empty if it just gets the attacker nothing."""


def all_attacks() -> list[Attack]:
    """Return every attack of the modules in ``scenarios``, in the order of their modules."""
    found: list[Attack] = []
    for module in sorted(pkgutil.iter_modules(scenarios.__path__), key=lambda each: each.name):
        found += importlib.import_module(f"{scenarios.__name__}.{module.name}").ATTACKS
    return found
