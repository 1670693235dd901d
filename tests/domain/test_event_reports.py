"""Each event is told as a sentence and by its facts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import attrs
import pytest

from extauth import LinkKey
from extauth.domain.event_reports import SENTENCES, report, severity
from extauth.events import (
    AccountReplaced,
    Event,
    ExchangeStarted,
    LinkRefreshed,
    LinkRemoved,
    RefreshFailed,
    SharedGrantEnded,
    StoreWentBack,
    UnlinkedMeanwhile,
)

KEY = LinkKey("github/work", "user-7")
EXAMPLES: dict[Any, Any] = {
    "str": "some_code",
    "str | None": "some_code",
    "int": 3,
    "bool": True,
    "timedelta": timedelta(seconds=1.5),
    "timedelta | None": timedelta(seconds=30),
    "LinkKey": KEY,
}
KINDS: tuple[Any, ...] = get_args(Event)


def example(kind: Any, **changes: Any) -> Any:
    """Return an event of this kind with every field set."""
    return kind(**{**{field.name: EXAMPLES[field.type] for field in attrs.fields(kind)}, **changes})


def bare(kind: Any) -> Any:
    """Return one without what may be left out, and with each bool the other way."""
    values = {**EXAMPLES, "bool": False, "str | None": None, "timedelta | None": None}
    return kind(**{field.name: values[field.type] for field in attrs.fields(kind)})


def test_each_event_has_a_sentence():
    """None of the union is without, and there is none for what is no event any more."""
    assert set(KINDS) == set(SENTENCES)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("made", [example, bare], ids=["all fields", "as few as can be"])
def test_a_sentence_is_for_people(kind, made):
    """It begins with the event's name, and shows no repr of an object, no None and no placeholder."""
    text = str(report(made(kind)))
    assert text.startswith(f"{kind.__name__}: ")
    assert [sign for sign in ("LinkKey(", "timedelta", "None", "{", "}", "\n", "  ") if sign in text] == []


def test_a_sentence_shows_the_numbers_that_it_names():
    """No other word takes the place of a count, whatever its name."""
    for kind in KINDS:
        counts = [field.name for field in attrs.fields(kind) if field.type == "int"]
        named = {name: 1000 + n for n, name in enumerate(counts) if f"{{{name}}}" in SENTENCES[kind][1]}
        text = str(report(example(kind, **named)))
        assert [name for name, count in named.items() if str(count) not in text] == [], text


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("made", [example, bare], ids=["all fields", "as few as can be"])
def test_without_ids_nobody_is_named(kind, made):
    """Neither the sentence nor the facts name the user or an account of theirs, if ids are left out."""
    event = made(kind)
    for field in attrs.fields(kind):
        if field.name in {"previous_id", "account_id"}:
            event = attrs.evolve(event, **{field.name: "user-7"})
    told = report(event, lambda _: None)
    assert "user-7" not in f"{told} {dict(told.facts)}"
    assert severity(event) == told.severity


@pytest.mark.parametrize(
    ("changes", "level", "says"),
    [
        ({}, "warning", "may have lost writes"),
        ({"healed": 1}, "error", "has lost writes"),
        ({"missing": 1}, "error", "has lost writes"),
        ({"unread": 1}, "error", "has lost writes"),
    ],
)
def test_a_switchover_that_lost_nothing_is_no_error(changes, level, says):
    """It is told all the same, and for how long nothing is refreshed."""
    told = {"known": 7, "healed": 0, "missing": 0, "unread": 0, "held": timedelta(seconds=10), **changes}
    event = StoreWentBack(**told)
    assert severity(event) == level
    assert says in report(event).sentence
    assert report(event).sentence.endswith("; no link is refreshed for 10 s")


def test_facts_are_plain_values():
    """Durations are seconds, a key is its two parts, and what is None is left out."""
    assert dict(report(LinkRefreshed(KEY, 4, timedelta(seconds=1.5))).facts) == {
        "provider_id": "github/work",
        "user_id": "user-7",
        "version": 4,
        "took": 1.5,
    }
    assert dict(report(RefreshFailed(KEY, 3, "http_503", None)).facts) == {
        "provider_id": "github/work",
        "user_id": "user-7",
        "version": 3,
        "reason": "http_503",
    }
    assert dict(report(SharedGrantEnded(KEY, LinkKey("github", "user-8"))).facts) == {
        "provider_id": "github/work",
        "user_id": "user-7",
        "ended_with_provider_id": "github",
        "ended_with_user_id": "user-8",
    }


def test_some_sentences_whole():
    """They say who, where, why and what comes next."""
    assert [
        str(report(event))
        for event in (
            LinkRefreshed(KEY, 4, timedelta(seconds=1.5)),
            RefreshFailed(KEY, 3, "http_503", timedelta(seconds=30)),
            LinkRemoved(KEY, revoked=False, reason="no_endpoint"),
            UnlinkedMeanwhile(KEY, revoked=True),
        )
    ] == [
        "LinkRefreshed: the link of 'user-7' to 'github/work' was refreshed in 1.500 s",
        (
            "RefreshFailed: the link of 'user-7' to 'github/work' could not be refreshed (http_503); it is"
            " tried again in 30 s"
        ),
        (
            "LinkRemoved: the link of 'user-7' to 'github/work' was removed; its tokens were not revoked"
            " (no_endpoint) and may still work"
        ),
        (
            "UnlinkedMeanwhile: the link of 'user-7' to 'github/work' was removed while it was refreshed; its"
            " new tokens were revoked"
        ),
    ]


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (ExchangeStarted(KEY, 3, replay=False), "{link} is being refreshed"),
        (
            ExchangeStarted(KEY, 3, replay=True),
            "{link} is being refreshed; an earlier refresh may have used its token up",
        ),
        (RefreshFailed(KEY, 3, "http_503", None), "{link} could not be refreshed (http_503)"),
        (
            LinkRemoved(KEY, revoked=False),
            "{link} was removed; its tokens were not revoked and may still work",
        ),
        (
            AccountReplaced(KEY, 3, "1", "2"),
            "{link} was connected to another account than before: '2' instead of '1'",
        ),
        (
            StoreWentBack(known=3, healed=1, missing=0, unread=0, held=timedelta(seconds=2.5)),
            (
                "the database has lost writes, as in a failover or a restored backup: of 3 links that"
                " this process knows, newer tokens of 1 were put back, 0 are not there, and 0 could not be"
                " looked at yet; no link is refreshed for 2.5 s"
            ),
        ),
        (
            StoreWentBack(known=3, healed=0, missing=0, unread=0, held=timedelta(0)),
            (
                "the database may have lost writes, as in a failover or a restored backup: of 3 links"
                " that this process knows, newer tokens of 0 were put back, 0 are not there, and 0 could not"
                " be looked at yet"
            ),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_may_be_left_out(event, says):
    """What there is nothing to say of leaves no trace in the sentence."""
    assert report(event).sentence == says.replace("{link}", "the link of 'user-7' to 'github/work'")


def test_an_account_that_is_not_shown():
    """Where one of both is left out, neither is told."""
    event = AccountReplaced(KEY, 3, "1", "2")
    for hidden in "1", "2":
        told = report(event, lambda shown, hidden=hidden: None if shown == hidden else shown)
        assert told.sentence.endswith("was connected to another account than before")
    assert report(event).facts == {
        "provider_id": "github/work",
        "user_id": "user-7",
        "version": 3,
        "previous_id": "1",
        "account_id": "2",
    }
    assert report(event, lambda _: None).sentence.startswith("a link to 'github/work' was connected")


def test_tokens_that_nobody_keeps_any_more_are_worth_a_warning():
    """Tokens that came after an unlink and could not be revoked work on, and no store has them."""
    assert [severity(UnlinkedMeanwhile(KEY, revoked=revoked)) for revoked in (True, False)] == [
        "info",
        "warning",
    ]


def test_an_event_of_a_later_version_is_told_by_its_facts():
    """An event without a sentence raises nothing."""

    @attrs.frozen
    class LinkPolished:
        key: LinkKey
        reason: str

    told = report(LinkPolished(KEY, "dusty"))
    assert (told.name, told.severity, told.facts["reason"]) == ("LinkPolished", "info", "dusty")
