"""Which scopes and resources a client asks for, and which it may have."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from extauth.testing.server.quirks import ServerQuirks


def asked_scopes(quirks: ServerQuirks, parameter: str | None, given: Mapping[str, str]) -> frozenset[str]:
    """Return the scopes in one parameter, split as the provider writes them."""
    value = "" if parameter is None else given.get(parameter, "")
    return frozenset(scope for scope in value.split(quirks.scope_separator) if scope)


def unknown_scopes(quirks: ServerQuirks, scopes: frozenset[str]) -> bool:
    """Whether the provider has no such scopes, or they were separated in a way that is not its own."""
    other = {" ", ",", "+"} - {quirks.scope_separator}
    misspelled = any(separator in scope for scope in scopes for separator in other)
    return misspelled or (quirks.known_scopes is not None and not scopes <= quirks.known_scopes)


def wrong_resources(quirks: ServerQuirks, resources: frozenset[str]) -> bool:
    """Whether tokens cannot be given for these (``invalid_target``, RFC 8707 section 2)."""
    if quirks.known_resources is not None:
        return not resources <= quirks.known_resources
    return any(not urlsplit(resource).scheme or urlsplit(resource).fragment for resource in resources)


def told_scopes(quirks: ServerQuirks, granted: frozenset[str], asked: frozenset[str]) -> dict[str, object]:
    """Return the member of an answer that says what was granted, if it does (RFC 6749 section 5.1)."""
    if quirks.granted == "never" or (quirks.granted == "changed" and granted == asked):
        return {}
    told = sorted(granted - quirks.hidden_scopes)
    return {quirks.granted_member: told if quirks.granted_as == "list" else quirks.scope_separator.join(told)}
