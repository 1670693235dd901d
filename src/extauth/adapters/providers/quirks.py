"""The ways in which providers differ from the standard, and which presets show each of them.

A class is a predicate over a preset's data: what is listed is what a client of the preset does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import final

import attrs

from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.token.reply_rules import ReplyRules
from extauth.adapters.providers.catalogue import CATALOGUE
from extauth.adapters.providers.judging import judging
from extauth.adapters.providers.preset import Preset

_ASKS_FOR_REFRESH_TOKENS = frozenset({"access_type", "duration", "token_access_type", "expiring"})
"""Parameters without which there is no refresh token."""

_STANDARD_REPLIES = ReplyRules()


@final
@attrs.frozen
class Quirk:
    """One way of being different."""

    name: str
    shown_by: Callable[[Preset], bool]


def _sends(preset: Preset) -> frozenset[str]:
    return frozenset({*preset.authorization.params, *preset.requests.code_params})


def _not_rfc7009(preset: Preset) -> bool:
    way = preset.revocation
    return way is not None and way != Revocation.standard(way.call.url)


def _own_validation(preset: Preset) -> bool:
    way = preset.validation
    if way is None:
        return False
    return way.call.method != "GET" or way.replica_lag or "{access_token}" in way.call.url


def _own_scope_syntax(preset: Preset) -> bool:
    asked, answered = preset.authorization, preset.replies
    return (
        asked.scope_param is None
        or asked.scope_separator != " "
        or answered.scope_fields != _STANDARD_REPLIES.scope_fields
    )


def _own_expiry(preset: Preset) -> bool:
    rules = preset.replies
    return (
        rules.expiry_field != _STANDARD_REPLIES.expiry_field
        or rules.lifetime_in_milliseconds
        or rules.lifetime_fields != _STANDARD_REPLIES.lifetime_fields
    )


def _lives(preset: Preset) -> bool:
    traits = preset.traits
    return traits.refresh_token_idle_lifetime is not None or traits.refresh_token_lifetime is not None


QUIRKS: Mapping[int, Quirk] = MappingProxyType(
    {
        1: Quirk(
            "The client authenticates otherwise than by HTTP Basic or in a form",
            lambda p: (
                p.client_auth not in {"client_secret_basic", "client_secret_post"}
                or p.requests.encoding == "json"
            ),
        ),
        2: Quirk("Token requests are JSON", lambda p: p.requests.encoding == "json"),
        3: Quirk(
            "Answers are form-encoded unless JSON is asked for", lambda p: "Accept" in p.requests.headers
        ),
        4: Quirk("Errors come with status 200", lambda p: judging(p.id).errors_with_200),
        5: Quirk("Errors have no member error", lambda p: judging(p.id).error_member != "error"),
        6: Quirk(
            "A dead grant is told by an unusual status or code",
            lambda p: (
                bool(judging(p.id).dead_statuses - {200, 400}) or "unauthorized_client" in judging(p.id).dead
            ),
        ),
        7: Quirk(
            "Refresh tokens rotate, or are taken to: each is for one use",
            lambda p: (
                p.gives_refresh_tokens and p.traits.rotates and not p.replies.access_token_refreshes_itself
            ),
        ),
        8: Quirk(
            "A refresh may leave the refresh token out, which then stays",
            lambda p: "refresh_token" in p.answers_omit,
        ),
        9: Quirk(
            "A refresh token may be presented again for a while", lambda p: p.traits.replay_window is not None
        ),
        10: Quirk(
            "A refresh ends the current access token at once", lambda p: p.traits.refresh_revokes_access_token
        ),
        11: Quirk("Refresh tokens have a lifetime of their own", _lives),
        12: Quirk(
            "There are no refresh tokens",
            lambda p: not p.gives_refresh_tokens or p.replies.access_token_refreshes_itself,
        ),
        13: Quirk("How long an access token works is not said", lambda p: "expires_in" in p.answers_omit),
        14: Quirk("Expiry is said in another form or place", _own_expiry),
        15: Quirk("One answer holds several grants", lambda p: bool(p.replies.companions)),
        16: Quirk(
            "Answers or callbacks carry more that is worth keeping",
            lambda p: bool(p.replies.extra_fields or p.callback_fields),
        ),
        17: Quirk("Scopes have a syntax of their own, or are not sent", _own_scope_syntax),
        18: Quirk(
            "A refresh token must be asked for",
            lambda p: bool(p.authorization.extra_scopes or _sends(p) & _ASKS_FOR_REFRESH_TOKENS),
        ),
        19: Quirk(
            "Requests carry further parameters",
            lambda p: bool(_sends(p) or p.requests.refresh_params or p.requests.refresh_repeats),
        ),
        20: Quirk(
            "Refreshes go elsewhere, or the token endpoint has versions",
            lambda p: (
                p.requests.refresh_url is not None or bool({"version", "ver"} & {v.name for v in p.variables})
            ),
        ),
        21: Quirk(
            "PKCE is required, off, or for public clients only", lambda p: p.authorization.pkce != "allowed"
        ),
        22: Quirk("URLs have parts that differ between customers", lambda p: bool(p.variables)),
        23: Quirk("Revocation is not RFC 7009's", _not_rfc7009),
        24: Quirk(
            "Validation is a call of its own kind",
            _own_validation,
        ),
        25: Quirk(
            "The API wants access tokens in its own way",
            lambda p: attrs.evolve(p.api, base_urls=()) != ApiRules(),
        ),
        26: Quirk("Live grants are capped", lambda p: p.grant_cap is not None),
        27: Quirk("Refreshes are throttled by a code of its own", lambda p: bool(p.replies.throttles)),
        28: Quirk("There is a device flow", lambda p: p.device_url is not None),
        29: Quirk("The callback is a POST", lambda p: p.callback_method == "POST"),
        30: Quirk("Its rules change on an announced day", lambda p: bool(p.deadlines)),
    }
)
"""The classes by number."""


def showing(number: int) -> tuple[str, ...]:
    """Return the ids of the presets that show a class, in alphabetical order.

    :raises KeyError: if there is no such class.
    """
    quirk = QUIRKS[number]
    return tuple(preset.id for preset in CATALOGUE.values() if quirk.shown_by(preset))


def quirks_of(preset: Preset) -> tuple[int, ...]:
    """Return the numbers of the classes that a preset shows, in order."""
    return tuple(number for number, quirk in QUIRKS.items() if quirk.shown_by(preset))
