"""Why a user must connect again, as a sentence that a user interface can show. Pure.

A reason is a stable code, never the provider's own text: what a faulty or hostile provider writes may
echo a token.
"""

from __future__ import annotations

from collections.abc import Mapping

FALLBACK = "The provider no longer accepts this connection. Please connect again."
"""For a code that is not below, such as one of an application's own rules."""

_ENDED = "The connection was ended at the provider, or has expired. Please connect again."
_REVOKED = "Access was withdrawn at the provider. Please connect again."

EXPLANATIONS: Mapping[str, str] = {
    "190": _ENDED,
    "BAD_REFRESH_TOKEN": _ENDED,
    "account_inactive": (
        "The account or its workspace was deactivated at the provider. Please connect again with an"
        " active account."
    ),
    "bad_refresh_token": _ENDED,
    "client_forgotten": (
        "The provider no longer knows the application in the form in which you connected it. Please connect"
        " again."
    ),
    "consent_required": "The provider asks for your consent again. Please connect again.",
    "interaction_required": (
        "The provider wants to see you sign in again, for example with a second factor. Please connect again."
    ),
    "invalid_auth": _REVOKED,
    "invalid_code": _ENDED,
    "invalid_grant": _ENDED,
    "invalid_rapt": "Your organization asks for a new sign-in from time to time. Please connect again.",
    "invalid_refresh_token": _ENDED,
    "invalid_token": _ENDED,
    "no_refresh_token": (
        "The access has expired, and the provider gave no way of renewing it. Please connect again."
    ),
    "probably_dead": (
        "The provider has refused to renew the access for some time, so the connection has probably ended."
        " Please connect again."
    ),
    "reply_lost": (
        "The connection to the provider broke while the access was being renewed, and it could not be"
        " recovered. Please connect again."
    ),
    "reply_unreadable": (
        "The provider renewed the access, but its answer could not be read. Please connect again."
    ),
    "token_revoked": _REVOKED,
    "unauthorized_client": _ENDED,
}
"""By reason: every code that a shipped preset takes for a dead grant, and extauth's own."""


def explanation(reason: str) -> str:
    """Return why the user must connect again, in words for that user.

    :data:`FALLBACK` for an unknown code.
    """
    return EXPLANATIONS.get(reason, FALLBACK)
