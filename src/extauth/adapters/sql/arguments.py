"""Arguments that every store refuses alike, before anything is written."""

from __future__ import annotations

from datetime import timedelta

from extauth.domain.link import RefreshFailure
from extauth.domain.storable import storable_text


def checked_claim(owner: str, ttl: timedelta) -> None:
    """Refuse a lease that nobody would hold, or for no time.

    :raises ValueError: if so.
    """
    if not storable_text(owner, "owner"):
        msg = "owner must not be empty"
        raise ValueError(msg)
    checked_ttl(ttl)


def checked_ttl(ttl: timedelta) -> None:
    """Refuse what would be over before it begins.

    :raises ValueError: if so.
    """
    if ttl <= timedelta(0):
        msg = f"ttl must be longer than zero, not {ttl}"
        raise ValueError(msg)


def checked_begin(ttl: timedelta, at_most: int) -> None:
    """Refuse an authorization that nobody could take.

    :raises ValueError: if so.
    """
    checked_ttl(ttl)
    if at_most < 1:
        msg = f"at_most must be at least 1, not {at_most}"
        raise ValueError(msg)


def checked_failure(version: int, failure: RefreshFailure) -> None:
    """Refuse to mark one version with the failure of another.

    :raises ValueError: if so.
    """
    if failure.version != version:
        msg = f"the failure is about version {failure.version}, not {version}"
        raise ValueError(msg)
