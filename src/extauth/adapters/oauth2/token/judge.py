"""The judge: what an answer of a token endpoint means for the grant. Pure.

Two mistakes are expensive: taking a failure of the client, the network or the provider for a dead
grant, and presenting a single-use token again after it was used. So the body is read before the status;
only codes on a list mean that a grant is dead; and an answer that may hide a success is ``Unknown``.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TypeAlias

from extauth.adapters.oauth2.http.reply import TRY_LATER, UNRECOGNIZED, Reply
from extauth.adapters.oauth2.reading.json_paths import object_at, opened
from extauth.adapters.oauth2.reading.members import (
    error_codes,
    error_messages,
    grants_no_scope,
    looks_failed,
    reports_error,
)
from extauth.adapters.oauth2.reading.redirects import is_redirect, redirect_host
from extauth.adapters.oauth2.reading.retry_after import retry_after
from extauth.adapters.oauth2.token.refusal_rules import EVERYWHERE
from extauth.adapters.oauth2.token.reply_rules import TEMPORARY_CODES, ReplyRules
from extauth.adapters.oauth2.token.tokens import given_tokens, has_access_token
from extauth.domain.challenges import parse_challenges
from extauth.domain.outcomes import (
    REDIRECTED,
    ClientRejected,
    Deferred,
    Exchanged,
    ExchangeOutcome,
    GrantRejected,
    Unknown,
)
from extauth.domain.policy import STRICTEST, ProviderTraits
from extauth.domain.token_set import TokenSet

Refusal: TypeAlias = GrantRejected | ClientRejected | Deferred | Unknown

_STATUS_AS_CODE = frozenset({"401", "unauthorized"})
"""What frameworks write in place of an error code, as Spring does."""


def judge(
    reply: Reply,
    rules: ReplyRules,
    *,
    asked_at: datetime,
    previous: TokenSet | None = None,
    resource: str | None = None,
    traits: ProviderTraits = STRICTEST,
) -> ExchangeOutcome:
    """Return what the answer means (RFC 6749 sections 5.1 and 5.2). Never raises.

    ``asked_at`` is the instant just before the request was sent; ``previous`` are the tokens that were
    refreshed, be it for a ``resource``, and only an answer without any may hold companions. Members that the
    provider omitted are left out of the result.
    """
    members = opened(reply.members(), rules.tokens_at)
    granted = _granted(members, rules, refreshed=previous is not None)
    if not granted or reports_error(members):
        return judge_refusal(
            reply, rules, asked_at=asked_at, has_token=bool(granted), refreshed=previous is not None
        )
    given = {
        name: given_tokens(
            place, rules, traits, asked_at=asked_at, previous=previous, resource=resource, around=members
        )
        for name, place in granted.items()
    }
    # An odd companion is left out rather than the others thrown away.
    link_name, *others = given
    tokens = given[link_name]
    if tokens is None:
        return Unknown("unstorable_tokens", retry_after(reply.headers, asked_at))
    companions = {name: given[name] for name in others if name is not None}
    return Exchanged(
        tokens,
        companions={name: kept for name, kept in companions.items() if kept is not None},
        link_name=link_name,
        no_scopes=grants_no_scope(granted[link_name], rules.scope_separator, rules.scope_fields),
    )


def _granted(
    members: Mapping[str, object], rules: ReplyRules, *, refreshed: bool
) -> Mapping[str | None, Mapping[str, object]]:
    """Return the objects that have an access token, by the name of their link."""
    own: Mapping[str | None, Mapping[str, object]] = {None: members} if has_access_token(members) else {}
    found = {name: object_at(members, path) for name, path in rules.companions.items()}
    companions: dict[str | None, Mapping[str, object]] = {
        name: place for name, place in found.items() if place is not None and has_access_token(place)
    }
    if not refreshed:
        return {**own, **companions}
    if own or len(companions) != 1:
        return own
    # One grant was presented, so these are its tokens, wherever they stand.
    [place] = companions.values()
    return {None: place}


def judge_refusal(
    reply: Reply,
    rules: ReplyRules,
    *,
    asked_at: datetime,
    has_token: bool = False,
    refreshed: bool = False,
) -> Refusal:
    """Return what an answer that is no success means. Never raises.

    ``has_token`` says that there is a token in it nevertheless: an error that nobody knows then settles
    nothing. ``refreshed`` says that a refresh token was presented, and no other grant.
    """
    members = opened(reply.members(), rules.tokens_at)
    limited = reply.status == HTTPStatus.TOO_MANY_REQUESTS
    wait = retry_after(reply.headers, asked_at, limited=limited)
    status = f"http_{reply.status}"
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # It may come after the token was used up, from whatever stands before the provider.
        return Unknown(status, wait)
    if reply.status in TRY_LATER:
        return Deferred(status, wait)
    if is_redirect(reply.status) and not has_token:
        # Not the token endpoint, so that its body says nothing of the grant.
        to = redirect_host(reply.headers) or "another path"
        return ClientRejected(REDIRECTED, f"it redirects to {to}, where no token is sent")
    dead = rules.dead_codes if refreshed else rules.dead_codes | rules.restart_codes
    described = next(
        (
            rule.code
            for rule in (*rules.refusals, *EVERYWHERE)
            if rule.describes(reply, members, refreshed=refreshed)
        ),
        None,
    )
    codes = _codes(members, rules) if described is None else [described]
    if known := _known_error(codes, rules, dead, wait):
        return known
    if not has_token and _asks_for_client(reply, members):
        return ClientRejected("invalid_client")
    if reports_error(members):
        return Unknown(UNRECOGNIZED, wait) if has_token else Deferred(UNRECOGNIZED, wait)
    if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        return Deferred(UNRECOGNIZED, wait) if looks_failed(members) else Unknown("unreadable_reply", wait)
    return Deferred(status, wait)


def _asks_for_client(reply: Reply, members: Mapping[str, object]) -> bool:
    """Whether the answer wants another client id or secret, and has no code that says something else.

    RFC 6749 section 5.2 has this status and this header for a client that was not believed. Often they come
    from what stands before the token endpoint, with a text, or the status as JSON.
    """
    if reply.status != HTTPStatus.UNAUTHORIZED:
        return False
    challenges = parse_challenges(reply.headers.get("www-authenticate", ""))
    return any(challenge.scheme == "basic" for challenge in challenges) and all(
        code.casefold() in _STATUS_AS_CODE for code in error_codes(members)
    )


def _codes(members: Mapping[str, object], rules: ReplyRules) -> list[str]:
    messages = (rules.dead_messages.get(message) for message in error_messages(members))
    return [*error_codes(members), *(code for code in messages if code is not None)]


def _known_error(
    codes: Iterable[str], rules: ReplyRules, dead_codes: frozenset[str], wait: timedelta | None
) -> Refusal | None:
    def first(known: Container[str]) -> str | None:
        return next((code for code in codes if code in known), None)

    if throttle := first(rules.throttles):
        return Deferred(throttle, wait or rules.throttles[throttle], of_grant=wait is None)
    if dead := first(dead_codes):
        return GrantRejected(dead)
    if link := first(rules.link_codes):
        return Deferred(link, wait, of_grant=True)
    if client := first(rules.client_codes):
        return ClientRejected(client)
    if temporary := first(TEMPORARY_CODES | rules.temporary_codes):
        return Deferred(temporary, wait)
    return None
