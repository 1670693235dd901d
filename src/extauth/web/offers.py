"""What the application offers to connect, and what more it may ask for later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias, final

import attrs

from extauth.domain.linking import ACCOUNT_SEPARATOR
from extauth.domain.storable import identifier, optional_text, scope_names, text

By: TypeAlias = Literal["browser", "device"]


def _optional_scopes(value: Iterable[str] | None) -> frozenset[str] | None:
    return None if value is None else scope_names(value)


def _some_scopes(value: Iterable[str]) -> frozenset[str]:
    names = scope_names(value)
    if not names:
        msg = "an Ask must name the scopes to ask for"
        raise ValueError(msg)
    return names


@final
@attrs.frozen
class Ask:
    """More scopes that a user can be asked for, beside what is granted.

    A form says the name and never the scopes, so that nobody is asked for what the application does not
    offer.

    :raises ValueError: for a name or scopes that cannot be.
    """

    name: str = attrs.field(validator=identifier)
    """Stands in forms, such as ``calendar``."""
    title: str = attrs.field(validator=text)
    """What it is good for, in the user's words: ``Read your calendar``."""
    scopes: frozenset[str] = attrs.field(converter=_some_scopes)


def _asks(value: Iterable[Ask]) -> tuple[Ask, ...]:
    return tuple(value)


@final
@attrs.frozen
class Offer:
    """A provider that users can connect.

    :raises ValueError: for an id that cannot be one, or two asks of one name.
    """

    provider_id: str = attrs.field(validator=identifier)
    """May be a named link's, such as ``github/work``."""
    title: str | None = attrs.field(default=None, validator=optional_text)
    """What users call it; a preset's own name, or the id, if there is none."""
    description: str = attrs.field(default="", validator=text)
    """One sentence that says what it is connected for."""
    scopes: frozenset[str] | None = attrs.field(default=None, converter=_optional_scopes)
    """Asked for at first; the provider's default ones if None."""
    asks: tuple[Ask, ...] = attrs.field(default=(), converter=_asks)
    by: By = "browser"
    """``device`` for a provider that is connected by a code to type in (RFC 8628)."""

    def __attrs_post_init__(self) -> None:
        if self.by not in {"browser", "device"}:
            msg = "by must be 'browser' or 'device'"
            raise ValueError(msg)
        names = [ask.name for ask in self.asks]
        if len(set(names)) < len(names):
            msg = f"two asks of {self.provider_id!r} have one name"
            raise ValueError(msg)

    def ask(self, name: str) -> Ask | None:
        """Return the ask of that name."""
        return next((ask for ask in self.asks if ask.name == name), None)


def title_of(provider_id: str, offer: Offer | None) -> str:
    """Return what users call the provider of a link; of a named link with the name."""
    if offer is not None and offer.title is not None and offer.provider_id == provider_id:
        return offer.title
    base, _, name = provider_id.partition(ACCOUNT_SEPARATOR)
    title = (offer and offer.title) or _preset_title(base) or base
    return f"{title} · {name}" if name else title


def _preset_title(provider_id: str) -> str | None:
    try:
        from extauth.adapters.providers.catalogue import CATALOGUE  # noqa: PLC0415 - needs aiohttp
    except ModuleNotFoundError:
        return None
    preset = CATALOGUE.get(provider_id)
    # Which kind of client it is, as in "GitHub (OAuth app)", is nothing that users know.
    return None if preset is None else preset.display_name.partition(" (")[0]
