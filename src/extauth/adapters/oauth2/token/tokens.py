"""The tokens in the answer of a token endpoint that is a success."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import cast

from extauth.adapters.oauth2.reading.json_kinds import is_filled
from extauth.adapters.oauth2.reading.members import granted_scopes, storable_json, without_tokens
from extauth.adapters.oauth2.token.expiry import expiry, refresh_token_expiry
from extauth.adapters.oauth2.token.reply_rules import ReplyRules
from extauth.domain.policy import ProviderTraits
from extauth.domain.storable import JsonValue
from extauth.domain.token_set import TokenSet


def has_access_token(members: Mapping[str, object]) -> bool:
    """Whether there is a non-empty access token, without which nothing is a success."""
    return is_filled(members.get("access_token"))


def given_tokens(
    members: Mapping[str, object],
    rules: ReplyRules,
    traits: ProviderTraits,
    *,
    asked_at: datetime,
    previous: TokenSet | None,
    resource: str | None,
    around: Mapping[str, object],
) -> TokenSet | None:
    """Return the tokens, or None if no store could keep them. Never raises.

    ``around`` is the whole answer, whose members are worth keeping with each of its tokens. An odd optional
    member is left out rather than the success thrown away: the rotation has happened.
    """
    access_token = cast("str", members.get("access_token"))
    refresh_token = _refresh_token(members, access_token, rules)
    token_type = members.get("token_type")
    refreshable = refresh_token is not None or (previous is not None and previous.refresh_token is not None)
    try:
        return TokenSet(
            access_token=access_token,
            refresh_token=refresh_token,
            expires_at=expiry(
                members,
                access_token=access_token,
                asked_at=asked_at,
                previous=previous,
                resource=resource,
                traits=traits,
                default=rules.default_lifetime,
                lifetime_fields=rules.lifetime_fields,
                unit=timedelta(milliseconds=1) if rules.lifetime_in_milliseconds else timedelta(seconds=1),
                instant_field=rules.expiry_field,
            ),
            scopes=granted_scopes(members, rules.scope_separator, rules.scope_fields),
            token_type=(token_type if is_filled(token_type) and storable_json(token_type) else "Bearer"),
            extra=_extra({**around, **members}, rules.extra_fields),
            issued_at=asked_at,
            refresh_token_expires_at=(
                refresh_token_expiry(
                    members,
                    rules.refresh_lifetime_fields,
                    traits,
                    asked_at=asked_at,
                    previous=previous,
                    instant_field=rules.refresh_expiry_field,
                    grant_fields=rules.grant_lifetime_fields,
                )
                if refreshable
                else None
            ),
        )
    except ValueError:
        return None


def _refresh_token(members: Mapping[str, object], access_token: str, rules: ReplyRules) -> str | None:
    refresh_token = members.get("refresh_token")
    if is_filled(refresh_token):
        return refresh_token
    return access_token if rules.access_token_refreshes_itself else None


def _extra(members: Mapping[str, object], names: frozenset[str]) -> dict[str, JsonValue]:
    kept = {name: members[name] for name in sorted(names & members.keys())}
    # Parsed JSON is what JsonValue says; parsing alone cannot tell the type checker.
    return cast(
        "dict[str, JsonValue]",
        {name: without_tokens(value) for name, value in kept.items() if storable_json(value)},
    )
