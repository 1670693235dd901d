"""Reading the members of a metadata document, strictly: null and '' mean absent, a wrong type is an error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from extauth.adapters.oauth2.reading.json_kinds import is_list
from extauth.domain.errors import ProviderMisconfigured
from extauth.domain.hidden import plain
from extauth.domain.storable import storable_text

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def invalid(name: str) -> ProviderMisconfigured:
    """Return the error for a member that is not what its standard says. Its value is never shown."""
    msg = f"the provider publishes an invalid {name!r}"
    return ProviderMisconfigured(msg, reason="invalid_metadata")


def text(members: Mapping[str, object], name: str) -> str | None:
    """Return a member that is text, or None if it is absent."""
    value = members.get(name)
    if value is None or value == "":
        return None
    try:
        return plain(storable_text(value, name))
    except ValueError:
        raise invalid(name) from None


def required_text(members: Mapping[str, object], name: str) -> str:
    """Return a member that is text and must be there."""
    value = text(members, name)
    if value is None:
        raise invalid(name)
    return value


def texts(members: Mapping[str, object], name: str) -> tuple[str, ...] | None:
    """Return a member that is a list of text, without repetitions, or None if it is absent."""
    value = members.get(name)
    if value is None:
        return None
    if not is_list(value):
        raise invalid(name)
    try:
        return tuple(dict.fromkeys(plain(storable_text(item, name)) for item in value))
    except ValueError:
        raise invalid(name) from None


def instant(members: Mapping[str, object], name: str) -> datetime | None:
    """Return a member in seconds since 1970; None if it is absent, 0, or after the year 9999."""
    value = members.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise invalid(name)
    try:
        return _EPOCH + timedelta(seconds=value) if value else None
    except OverflowError:
        return None


def flag(members: Mapping[str, object], name: str) -> bool:
    """Return a member that is true or false; absent is false."""
    value = members.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise invalid(name)
    return value
