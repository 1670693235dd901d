"""How many grants of one account to one client live at once. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

from extauth.testing.provider_model.families import Family


def drop_oldest(families: Iterable[Family], newest: Family, most: int) -> int:
    """Kill the oldest of what the account of ``newest`` granted to its client, until ``most`` are left.

    Returns how many died.
    """
    if not newest.terms.offline:
        return 0
    whose = (newest.subject, newest.terms.client)
    siblings = [
        family for family in families if family.usable and (family.subject, family.terms.client) == whose
    ]
    oldest = siblings[:-most]
    for family in oldest:
        family.revoked = True
    return len(oldest)
