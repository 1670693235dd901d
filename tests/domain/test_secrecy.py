"""No value, outcome, event or error ever shows a token."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime, timedelta
from inspect import getmembers, isclass
from typing import Any, get_args

import attrs
import pytest

from extauth import (
    GrantOrigin,
    Link,
    LinkKey,
    PendingExchange,
    RefreshFailure,
    TokenSet,
)
from extauth.domain import events, freshness, link, outcomes, policy

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACCESS, REFRESH, EXTRA, NESTED = "find-me-at", "find-me-rt", "find-me-extra", "find-me-nested"
SECRETS = (ACCESS, REFRESH, EXTRA, NESTED)
KEY = LinkKey("provider", "alice")
TOKENS = TokenSet(
    ACCESS,
    REFRESH,
    NOW,
    frozenset({"read"}),
    extra={"id_token": EXTRA, "authed_user": {"access_token": [NESTED]}},
    access_token_key_id="k-1",
    issued_at=NOW,
)
LINK = Link(
    KEY,
    TOKENS,
    3,
    NOW,
    NOW,
    RefreshFailure("invalid_grant", NOW, 3),
    GrantOrigin("client", "https://provider.example/token"),
    PendingExchange(NOW, live=True),
)
EXAMPLES: dict[Any, Any] = {
    "str": "code",
    "int": 3,
    "bool": True,
    "timedelta": timedelta(seconds=1),
    "datetime": NOW,
    "timedelta | None": timedelta(seconds=1),
    "LinkKey": KEY,
    "TokenSet": TOKENS,
    "Link": LINK,
}
VALUES = sorted(
    {
        value
        for module in (link, outcomes, events, freshness, policy)
        for _, value in getmembers(module, isclass)
        if attrs.has(value)
    },
    key=lambda value: value.__name__,
)


def example_of(kind: type[Any]) -> Any:
    """Build a value of this class with the recognizable secrets wherever tokens can be."""
    for made in (TOKENS, LINK, KEY, LINK.failure, LINK.origin, LINK.pending):
        if type(made) is kind:
            return made
    required = [field for field in attrs.fields(kind) if field.default is attrs.NOTHING]
    return kind(**{field.name: EXAMPLES[field.type] for field in required})


def shown(value: object) -> str:
    """Return everything that the usual ways of showing a value give away."""
    return "\n".join(
        [repr(value), str(value), f"{value}", f"{value!r}", "%s" % (value,), repr([value]), ascii(value)]  # noqa: UP031 - one of the usual ways
    )


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_no_domain_value_shows_a_token(kind):
    """Every attrs class of the domain, outcomes and events included."""
    text = shown(example_of(kind))
    assert not [secret for secret in SECRETS if secret in text]


def test_every_event_and_outcome_is_among_them():
    """The search above misses no member of the public unions."""
    unions = (
        events.Event,
        freshness.Decision,
        outcomes.ClaimOutcome,
        outcomes.SaveOutcome,
        outcomes.RecordOutcome,
        outcomes.ResealOutcome,
        outcomes.ExchangeOutcome,
    )
    assert {member for union in unions for member in get_args(union)} <= set(VALUES)


def test_no_event_holds_tokens():
    """Not even hidden ones: observers send events to places that show everything."""
    for event in get_args(events.Event):
        assert {field.type for field in attrs.fields(event)} <= {
            "LinkKey",
            "int",
            "bool",
            "str",
            "str | None",
            "timedelta",
            "timedelta | None",
        }


def test_a_repr_shows_whether_there_is_a_token_and_what_it_is_not():
    """Enough to find a mistake with: presence, expiry, scopes and the names of extra members."""
    assert repr(TokenSet("at-1", None, extra={"id_token": "it-1"})) == (
        "TokenSet(access_token='***', refresh_token=None, expires_at=None, scopes=frozenset(),"
        " token_type='Bearer', extra={'id_token': ***}, access_token_key_id=None,"
        " refresh_token_key_id=None, issued_at=None, refresh_token_expires_at=None, resource_tokens={})"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"access_token": ACCESS + "\0"},
        {"access_token": ACCESS + "\ud800"},
        {"access_token": [ACCESS]},
        {"access_token": "at-1", "refresh_token": REFRESH + "\0"},
        {"access_token": "at-1", "refresh_token": REFRESH + "\udfff"},
        {"access_token": "at-1", "refresh_token": REFRESH.encode()},
        {"access_token": ACCESS, "refresh_token": REFRESH, "expires_at": NOW.replace(tzinfo=None)},
        {"access_token": ACCESS, "refresh_token": REFRESH, "scopes": REFRESH},
        {"access_token": ACCESS, "refresh_token": REFRESH, "scopes": [REFRESH + "\0"]},
        {"access_token": ACCESS, "extra": {EXTRA: {NESTED}}},
        {"access_token": ACCESS, "extra": {"id_token": EXTRA.encode()}},
        {"access_token": ACCESS, "extra": {"id_token": (EXTRA,)}},
    ],
    ids=ascii,
)
def test_what_is_refused_is_not_quoted(arguments):
    """Neither in the message nor anywhere in the chain of what a log would print."""
    with pytest.raises(ValueError) as caught:
        TokenSet(**arguments)
    printed = "".join(
        line
        for exception in (caught.value,)
        for line in traceback.TracebackException.from_exception(exception).format(chain=True)
        if not line.lstrip().startswith("File ")
    )
    assert not [secret for secret in SECRETS if secret in printed]
    assert not [secret for secret in SECRETS if secret in repr(caught.value)]


def test_a_log_line_shows_no_token(caplog):
    """Logging a link, as anyone would while looking for a mistake, is harmless."""
    with caplog.at_level(logging.INFO):
        logging.getLogger("application").info("the link is %s %r", LINK, outcomes.Exchanged(TOKENS))
    assert not [secret for secret in SECRETS if secret in caplog.text]
