"""Of what type a provider's rules are: a slip is told when the provider is made, not in the first request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import ClientSession

from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.identity import IdentityRules
from extauth.adapters.oauth2.endpoints.installations import InstallationRules
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.adapters.oauth2.http.phases import HttpTimeouts
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
from extauth.adapters.oauth2.token.reply_rules import ReplyRules
from extauth.adapters.oauth2.token.request_rules import TokenRequests
from extauth.domain.policy import ProviderTraits
from extauth.domain.wrong_types import must_be

_TYPES: Final[Mapping[str, type]] = {
    "api": ApiRules,
    "authorization": AuthorizationRules,
    "identity": IdentityRules,
    "installations": InstallationRules,
    "replies": ReplyRules,
    "requests": TokenRequests,
    "revocation": Revocation,
    "session": ClientSession,
    "timeouts": HttpTimeouts,
    "traits": ProviderTraits,
    "validation": ValidationRules,
}
_OPTIONAL: Final = frozenset({"installations", "revocation", "session", "validation"})


def check_rules(**given: object) -> None:
    """Refuse what is not of the type that its keyword has, for example a class that was not called.

    :raises TypeError: for it; the message says what to write.
    """
    for name, value in given.items():
        wanted = _TYPES[name]
        if not isinstance(value, wanted) and not (value is None and name in _OPTIONAL):
            hint = f"write {name}={wanted.__name__}(...)"
            raise TypeError(must_be(f"of {wanted.__name__}", value, name, hint))
