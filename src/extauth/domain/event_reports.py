"""What an event says to a person: one sentence, how serious it is, and its facts by name. Pure.

No sentence contains text of the provider's: reasons are stable codes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Literal, TypeAlias, final

import attrs

from extauth.domain.events import (
    AccountLookupFailed,
    AccountReplaced,
    Event,
    ExchangeStarted,
    ExchangeUnresolved,
    LinkAdopted,
    LinkConnected,
    LinkProbablyDead,
    LinkReauthorizationRequired,
    LinkRefreshed,
    LinkRemoved,
    ProviderRejectedClient,
    RefreshFailed,
    RefreshTokenMissing,
    SaveAbandoned,
    SaveDelayed,
    SharedGrantEnded,
    StoreRestored,
    StoreWentBack,
    UnlinkedMeanwhile,
    UpkeepSwept,
)
from extauth.domain.link import LinkKey

Severity: TypeAlias = Literal["debug", "info", "warning", "error", "critical"]
Fact: TypeAlias = str | int | float | bool

ShowId: TypeAlias = Callable[[str], str | None]
"""How the id of a person is shown, be it the application's or the provider's; None leaves it out."""

SENTENCES: Mapping[type[Event], tuple[Severity, str]] = {
    ExchangeStarted: ("debug", "{link} is being refreshed{replay}"),
    LinkRefreshed: ("info", "{link} was refreshed in {took}"),
    LinkAdopted: ("debug", "{link} was refreshed by another replica; its tokens are used"),
    RefreshFailed: ("warning", "{link} could not be refreshed ({reason}){retry_after}"),
    LinkProbablyDead: (
        "warning",
        (
            "{link} has been refused for long while others were served ({reason}), so its user should connect"
            " again{retry_after}"
        ),
    ),
    LinkReauthorizationRequired: (
        "warning",
        "{link} was rejected by the provider ({reason}): its user must connect again",
    ),
    ProviderRejectedClient: (
        "error",
        (
            "the provider {provider_id} rejects this application ({reason}): look at its client id, secret"
            " and settings"
        ),
    ),
    ExchangeUnresolved: (
        "warning",
        "the reply to a refresh of {link} was lost ({reason}): its refresh token may be used up",
    ),
    SaveDelayed: (
        "error",
        (
            "the new tokens of {link} could not be stored: they are served from memory and saved when the"
            " store is back; do not end this process"
        ),
    ),
    SaveAbandoned: (
        "critical",
        (
            "the new tokens of {link} are lost, because the store stayed down until the service was closed;"
            " its user may have to connect again"
        ),
    ),
    UnlinkedMeanwhile: ("info", "{link} was removed while it was refreshed; its new tokens {revoked_or_not}"),
    LinkConnected: ("info", "{link} was connected"),
    RefreshTokenMissing: (
        "warning",
        (
            "{link} was connected without a refresh token, although one was asked for: it works until its"
            " access token expires; look at what the provider wants to be asked for"
        ),
    ),
    AccountReplaced: ("info", "{link} was connected to another account than before{accounts}"),
    AccountLookupFailed: (
        "warning",
        "whose account {link} is for could not be found out now ({reason})",
    ),
    LinkRemoved: ("info", "{link} was removed; its tokens {revoked_or_not}"),
    SharedGrantEnded: (
        "warning",
        "{link} ended with the tokens of {ended_with}, which were revoked: its user must connect again",
    ),
    UpkeepSwept: (
        "info",
        (
            "upkeep of {provider_id} refreshed {refreshed} links, found {elsewhere} refreshed elsewhere,"
            " {failed} that failed for now and {ended} that have ended"
        ),
    ),
    StoreWentBack: (
        "error",
        (
            "the database {gone_back}, as in a failover or a restored backup: of {known} links that"
            " this process knows, newer tokens of {healed} were put back, {missing} are not there, and"
            " {unread} could not be looked at yet{paused_for}"
        ),
    ),
    StoreRestored: (
        "error",
        (
            "the database was restored, moved or copied, and nobody remembers what it had last: the refresh"
            " tokens of {doubtful} links may have been used up since, and {held} of them are not presented"
            " until an operator agrees; see extauth restored"
        ),
    ),
}
"""By event; a sentence's fields are those of :func:`_words`."""

_UNKNOWN: tuple[Severity, str] = ("info", "an event of extauth")

_IDS_OF_PEOPLE = frozenset({"previous_id", "account_id"})


@final
@attrs.frozen
class EventReport:
    """An event as it is told."""

    name: str
    """Of the event's class: what to search for."""
    severity: Severity
    sentence: str
    facts: Mapping[str, Fact]
    """By the names of the event's fields, a key's parts apart. Durations are seconds; None is left out."""

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence}"


def severity(event: Event) -> Severity:
    """Return how serious an event is; quick, so that what nobody wants to hear costs nothing."""
    if type(event) is UnlinkedMeanwhile and not event.revoked:
        return "warning"  # nobody keeps the tokens any more, and they may work
    if type(event) is StoreWentBack and not event.lost_something:
        return "warning"  # of a planned switchover, too, nobody can be sure
    return SENTENCES.get(type(event), _UNKNOWN)[0]


def report(event: Event, show_id: ShowId = lambda shown: shown) -> EventReport:
    """Return what to tell of an event; of one that this version has no sentence for, its facts."""
    _, sentence = SENTENCES.get(type(event), _UNKNOWN)
    facts = _facts(event, show_id)
    words = _words(event, facts, show_id)
    return EventReport(type(event).__name__, severity(event), sentence.format_map(words), facts)


def _facts(event: Event, show_id: ShowId) -> Mapping[str, Fact]:
    facts: dict[str, Fact | None] = {}
    for field in attrs.fields(type(event)):
        value = getattr(event, field.name)
        if isinstance(value, LinkKey):
            prefix = "" if field.name == "key" else f"{field.name}_"
            facts[f"{prefix}provider_id"] = value.provider_id
            facts[f"{prefix}user_id"] = show_id(value.user_id)
        elif isinstance(value, timedelta):
            facts[field.name] = value.total_seconds()
        elif field.name in _IDS_OF_PEOPLE:
            facts[field.name] = show_id(value)
        else:
            facts[field.name] = value
    return {name: fact for name, fact in facts.items() if fact is not None}


def _words(event: Event, facts: Mapping[str, Fact], show_id: ShowId) -> Mapping[str, object]:
    words: dict[str, object] = dict(facts)
    for name, word in (("key", "link"), ("ended_with", "ended_with")):
        key = getattr(event, name, None)
        if isinstance(key, LinkKey):
            words[word] = _link(key, show_id)
    retry_after = facts.get("retry_after")
    words["retry_after"] = "" if retry_after is None else f"; it is tried again in {retry_after:.0f} s"
    words["replay"] = "; an earlier refresh may have used its token up" if facts.get("replay") else ""
    lost = isinstance(event, StoreWentBack) and event.lost_something
    words["gone_back"] = "has lost writes" if lost else "may have lost writes"
    words["paused_for"] = f"; no link is refreshed for {facts['held']:g} s" if facts.get("held") else ""
    words["took"] = f"{facts.get('took', 0):.3f} s"
    why = f" ({facts['reason']})" if "reason" in facts else ""
    words["revoked_or_not"] = (
        "were revoked" if facts.get("revoked") else f"were not revoked{why} and may still work"
    )
    before, now = facts.get("previous_id"), facts.get("account_id")
    words["accounts"] = "" if before is None or now is None else f": {now!r} instead of {before!r}"
    return words


def _link(key: LinkKey, show_id: ShowId) -> str:
    user = show_id(key.user_id)
    # Ids are the application's own text, line breaks included.
    return (
        f"a link to {key.provider_id!r}" if user is None else f"the link of {user!r} to {key.provider_id!r}"
    )
