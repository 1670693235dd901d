"""Removing links, with revocation where the application's providers are given."""

from __future__ import annotations

from typing import Final

from extauth.cli.session import Opened
from extauth.cli.summaries import key_json
from extauth.domain.errors import CannotDecrypt, LinkUnreadable
from extauth.domain.link import LinkKey
from extauth.domain.linking import UnlinkOutcome
from extauth.domain.revocation import NO_PROVIDER

_WHY: Final = {
    "no_provider": "no provider was given that serves it; the tokens work until they end",
    "shared_grant": "it would have ended another of the user's links",
    "unresolved_exchange": "a refresh is under way or its answer was lost, and unknown tokens may live on",
    "not_confirmed": "the provider has no way of revoking, was not reached, or did not confirm",
    "grant_of_another_client": "it was made with another client",
    "encrypted": "the tokens are encrypted and no keys were given",
    "unreadable": "the row could not be read; it is gone all the same",
}


async def removed(opened: Opened, key: LinkKey) -> UnlinkOutcome:
    """Remove a link and what was begun for it, and revoke its tokens if there are providers.

    :raises UnknownProvider: if there are providers, none of them has this id, and there is no such link.
    :raises StoreUnavailable: the link may still be there; try again.
    """
    try:
        if opened.auth is not None:
            return await opened.auth.unlink(key.provider_id, key.user_id)
        await opened.store.forget_authorizations(key)
        existed = await opened.store.delete(key) is not None
    except CannotDecrypt:  # it is gone all the same
        return UnlinkOutcome(key, existed=True, revoked=False, reason="encrypted")
    except LinkUnreadable:
        return UnlinkOutcome(key, existed=True, revoked=False, reason="unreadable")
    return UnlinkOutcome(key, existed=existed, revoked=False, reason=NO_PROVIDER if existed else None)


def outcome_json(outcome: UnlinkOutcome) -> dict[str, object]:
    """Return what became of a link."""
    return {
        **key_json(outcome.key),
        "removed": outcome.existed,
        "revoked": outcome.revoked,
        "reason": outcome.reason,
        "also_ended": [key_json(key) for key in outcome.also_ended],
    }


def said(outcome: UnlinkOutcome) -> str:
    """Say it to people."""
    link = f"the link of {outcome.key.user_id} to {outcome.key.provider_id}"
    if outcome.revoked:
        return f"removed {link}; its tokens are revoked at the provider"
    return f"removed {link}; not revoked: {_WHY.get(outcome.reason or '', outcome.reason or 'unknown')}"
