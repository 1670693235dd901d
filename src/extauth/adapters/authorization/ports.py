"""What a guarded store has beside its own methods: each call asks first, by its name in ``RULES``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeAlias, final

from extauth.domain.access import RULES

Allow: TypeAlias = Callable[[str, Mapping[str, object]], None]
"""Raises ``NotAuthorized`` if the actor may not call the method of that name with these arguments."""


def guarded(beneath: object, name: str, allow: Allow) -> Any:
    """Return a method or a port of the store beneath, guarded.

    :raises AttributeError: if the store beneath has none of that name, or nothing says who may use it.
    """
    found = getattr(beneath, name)
    if name in RULES:
        return _asking(found, name, allow)
    if any(rule.startswith(f"{name}.") for rule in RULES):
        return GuardedPort(found, name, allow)
    raise without_rule(name)


@final
class GuardedPort:
    """A port that is an attribute of a store. Has those of its methods that there is a rule for."""

    def __init__(self, port: object, name: str, allow: Allow) -> None:
        self._port = port
        self._name = name
        self._allow = allow

    def __getattr__(self, method: str) -> Any:
        rule = f"{self._name}.{method}"
        if rule not in RULES:
            raise without_rule(rule)
        return _asking(getattr(self._port, method), rule, self._allow)


def without_rule(name: str) -> AttributeError:
    """Return the error for what is not given out."""
    return AttributeError(f"no rule says who may use {name}, so a guarded store has none", name=name)


def _asking(method: Callable[..., Any], rule: str, allow: Allow) -> Callable[..., Any]:
    signature = inspect.signature(method)

    @wraps(method)
    def asking(*args: object, **kwargs: object) -> Any:
        allow(rule, signature.bind(*args, **kwargs).arguments)
        return method(*args, **kwargs)

    return asking
