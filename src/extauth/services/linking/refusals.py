"""The errors of linking that come from a provider's answers, worded in one place."""

from __future__ import annotations

from typing import assert_never

from extauth.domain.errors import AuthorizationRejected, ExtAuthError, ProviderUnavailable
from extauth.domain.events import ProviderRejectedClient
from extauth.domain.linking_outcomes import IdTokenRejected
from extauth.domain.outcomes import ClientRejected, Deferred, GrantRejected, NotSent, Unknown
from extauth.services.events import EventEmitter
from extauth.services.refresh.cooldowns import client_rejected


def refusal(
    provider_id: str,
    outcome: GrantRejected | IdTokenRejected | ClientRejected | Deferred | NotSent | Unknown,
    emitter: EventEmitter,
) -> ExtAuthError:
    """Return what to raise for an answer that connects nobody; tells what an operator must look at."""
    code = outcome.code
    match outcome:
        case ClientRejected():
            emitter.emit(ProviderRejectedClient(provider_id, code))
            return client_rejected(provider_id, code)
        case GrantRejected():
            msg = f"{provider_id} does not accept the code that it gave ({code})"
            return AuthorizationRejected(msg, reason=code)
        case IdTokenRejected():
            msg = f"the ID token of {provider_id} is not for this authorization ({code})"
            return AuthorizationRejected(msg, reason=code)
        case Deferred() | Unknown() | NotSent():
            retry_after = None if isinstance(outcome, NotSent) else outcome.retry_after
            msg = f"{provider_id} did not complete the authorization ({code}); let the user begin again"
            return ProviderUnavailable(msg, retry_after=retry_after)
        case _:
            assert_never(outcome)
