"""Every call that the ports of a store have, with arguments that are about alice's link at ``app``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import extauth.domain
from extauth import Account, ClientRegistration, LinkKey, RefreshFailure, TokenSet
from extauth.domain.due import DueBy
from extauth.domain.imports import ImportedLink
from extauth.domain.inventory import LinkFilter
from extauth.domain.linking import PendingAuthorization

ALICE = LinkKey("app", "alice")
TOKENS = TokenSet("at-alice", "rt-alice", expires_at=datetime(2040, 1, 1, tzinfo=UTC))
NOW = datetime(2026, 11, 29, tzinfo=UTC)

PORTS = ("Store", "Reader")
"""How the names of such protocols end."""

ARGUMENTS: dict[str, Any] = {
    "key": ALICE,
    "user_id": "alice",
    "provider_id": "app",
    "tokens": TOKENS,
    "version": 1,
    "owner": "replica",
    "ttl": timedelta(minutes=1),
    "timeout": timedelta(milliseconds=1),
    "failure": RefreshFailure(reason="invalid_grant", at=NOW, version=1),
    "account": Account("1"),
    "by": DueBy.HALF_LIFE,
    "before": NOW,
    "wanted": LinkFilter(user_id="alice"),
    "link": ImportedLink(ALICE, TOKENS),
    "pending": PendingAuthorization(
        state_hash="hash", key=ALICE, redirect_uri="https://app.example/callback", salt="salt"
    ),
    "state_hash": "hash",
    "name": "client",
    "registration": ClientRegistration(
        issuer="https://as.example", client_id="id", client_secret=None, client_auth="none", redirect_uris=()
    ),
}
"""By the name that a parameter has."""


def store_ports() -> dict[str, type]:
    """Return every protocol of the domain's that is a store, by its name."""
    modules = [import_module(each.name) for each in iter_modules(extauth.domain.__path__, "extauth.domain.")]
    return {
        name: each
        for module in modules
        for name, each in vars(module).items()
        if getattr(each, "_is_protocol", False) and name.endswith(PORTS)
    }


def methods_of(store: object) -> Iterator[str]:
    """Name what can be awaited of a store that ships, and of the ports that it has as attributes."""
    for name in dir(store):
        if name.startswith("_"):
            continue
        found = getattr(store, name)
        if inspect.iscoroutinefunction(found):
            yield name
        elif not callable(found):
            yield from (f"{name}.{each}" for each in methods_of(found))


def arguments_of(method: Any) -> dict[str, Any]:
    """Return arguments for what a method must be given, and a ``user_id`` for what may be given one."""
    parameters = inspect.signature(method).parameters
    return {
        name: ARGUMENTS[name]
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty or name == "user_id"
    }
