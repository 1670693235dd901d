"""What an API's refusal of a token means (RFC 6750 section 3). Pure."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

from extauth.domain.challenges import missing_scopes
from extauth.domain.errors import InsufficientScope
from extauth.domain.link import LinkKey
from extauth.domain.token_set import TokenSet

REFUSALS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
"""All other statuses say nothing of the token."""

_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")
"""RFC 6749 section 3.3; Microsoft's and Google's, the longest, are URLs."""
_MOST_SCOPES: Final = 50


def is_refused(status: int, challenges: str, key: LinkKey, tokens: TokenSet) -> bool:
    """Whether an API refuses a link's access token, so that another one may help: at a 401, never at a 403.

    ``challenges`` is its ``WWW-Authenticate``, several joined by commas (RFC 9110 section 5.2).

    :raises InsufficientScope: if it says that the token works and was not granted enough.
    """
    wanting = _want_of_scopes(challenges, key, tokens)
    del (
        challenges
    )  # which may hold the token: tools that report errors show the local variables of each frame
    if wanting is not None:
        raise wanting
    return status == HTTPStatus.UNAUTHORIZED


def _want_of_scopes(challenges: str, key: LinkKey, tokens: TokenSet) -> InsufficientScope | None:
    missing = missing_scopes(challenges, tokens.scopes)
    if missing is None:
        return None
    # The API's own text: nothing of it goes on that is no scope, nor the token that it was shown.
    token = tokens.access_token
    named = sorted(scope for scope in missing if _SCOPE.fullmatch(scope) and token not in scope)[
        :_MOST_SCOPES
    ]
    refused = f"the API of {key.provider_id} wants more than {key.user_id!r} has granted"
    if named:
        msg = f"{refused}; let them connect again: begin(..., scopes={named}, include_granted=True)"
    else:
        msg = f"{refused}, and names no scope that is missing; see what it documents for this call"
    return InsufficientScope(msg, key=key, scopes=frozenset(named))
