"""What a :class:`~extauth.LinkingService` may be given."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal, TypeAlias, get_args

from extauth.domain.linking_ports import LinkingProvider
from extauth.services.arguments import checked_span
from extauth.services.providers import by_id

OnAccountChange: TypeAlias = Literal["replace", "refuse"]
"""What to do when a user comes back with another account than the one that is linked."""

AUTHORIZATION_TTL = timedelta(minutes=10)
"""How long a user may take at the provider, unless the application says otherwise."""


def linking_providers(providers: Iterable[LinkingProvider]) -> dict[str, LinkingProvider]:
    """Return the providers by their id.

    :raises ValueError: if two have the same, or if one can only refresh.
    """
    found = by_id(providers)
    for provider_id, provider in found.items():
        if not hasattr(provider, "linking"):
            msg = f"the provider {provider_id!r} can refresh but not connect users: it is no LinkingProvider"
            raise ValueError(msg)
    return found


def check_options(
    authorization_ttl: timedelta,
    exchange_timeout: timedelta,
    on_account_change: str,
) -> None:
    """Refuse what cannot be.

    :raises ValueError: for it.
    :raises TypeError: for a span that is a number.
    """
    for what, span in (("authorization_ttl", authorization_ttl), ("exchange_timeout", exchange_timeout)):
        if checked_span(span, what) <= timedelta(0):
            msg = f"{what} must be longer than zero, not {span}"
            raise ValueError(msg)
    if on_account_change not in get_args(OnAccountChange):
        msg = "on_account_change must be 'replace' or 'refuse'"
        raise ValueError(msg)
