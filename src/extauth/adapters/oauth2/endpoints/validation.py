"""How a provider is asked whether an access token is accepted, as data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import final

import attrs

from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.http.reply import UNRECOGNIZED, Reply
from extauth.adapters.oauth2.reading.json_paths import at
from extauth.adapters.oauth2.reading.json_reading import read_json
from extauth.adapters.oauth2.reading.members import error_codes, reports_error
from extauth.adapters.oauth2.reading.retry_after import retry_after, speaks_of_a_limit
from extauth.domain.linking_outcomes import TokenInvalid, TokenUnverified, TokenValid, Validity


def _rate_limited(status: int, headers: Mapping[str, str]) -> bool:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    return status == HTTPStatus.FORBIDDEN and speaks_of_a_limit(headers)


@final
@attrs.frozen(kw_only=True)
class ValidationRules:
    """200 means valid, 401 invalid, everything else that there is no telling; the rest is what differs.

    A rate limit (429, or 403 with headers that say so) never means invalid, and neither does a 401 where the
    client authenticates: it is the client that is refused.
    """

    call: Call
    invalid_statuses: frozenset[int] = frozenset({401})
    invalid_codes: frozenset[str] = frozenset()
    """Error codes in a body that mean invalid, be it with status 200 as Slack answers."""
    replica_lag: bool = False
    """Whether the provider's own replicas may refuse a new access token for about a second."""
    active_member: str | None = None
    """For introspection (RFC 7662): the boolean member of the answer that says whether it is valid."""

    def _refuses_client(self, reply: Reply) -> bool:
        return reply.status == HTTPStatus.UNAUTHORIZED and self.call.auth not in {"access_token", "none"}

    def verdict(self, reply: Reply, now: datetime) -> Validity:
        """Return what the answer says of the access token."""
        wait = retry_after(reply.headers, now, limited=reply.status == HTTPStatus.TOO_MANY_REQUESTS)
        if _rate_limited(reply.status, reply.headers):
            return TokenUnverified("rate_limited", wait)
        if reply.status in self.invalid_statuses and not self._refuses_client(reply):
            return TokenInvalid()
        members = reply.members()
        if reply.status < HTTPStatus.INTERNAL_SERVER_ERROR and not self.invalid_codes.isdisjoint(
            error_codes(members)
        ):
            return TokenInvalid()
        if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            return TokenUnverified(f"http_{reply.status}", wait)
        if reports_error(members):
            return TokenUnverified(UNRECOGNIZED, wait)
        if self.active_member is None:
            return TokenValid()
        match at(read_json(reply.body), (self.active_member,)):
            case True:
                return TokenValid()
            case False:
                return TokenInvalid()
            case _:
                return TokenUnverified("unreadable_reply", wait)


def validation_by(userinfo_url: str | None, validation: ValidationRules | None) -> ValidationRules | None:
    """Return the rules, or else a call to OpenID Connect's userinfo endpoint, if there is one.

    Its ``invalid_token`` is about the access token, be it with status 400 (RFC 6750 section 3.1).
    """
    if validation is None and userinfo_url is not None:
        return ValidationRules(call=Call(url=userinfo_url), invalid_codes=frozenset({"invalid_token"}))
    return validation
