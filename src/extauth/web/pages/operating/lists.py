"""The pages of links, of the audit trail, and of all keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import urlencode

from extauth.domain.inventory import LinkSummary
from extauth.domain.key_use import KeyUse
from extauth.web.operating.facts import Entries, Entry, Links, Missing, mark_kind
from extauth.web.operating.keys import CountedKeys
from extauth.web.pages.html import Html, element
from extauth.web.pages.layout import Shell, card, link_button
from extauth.web.pages.operating.parts import Cell, frame, hint, moment, quiet, shown, table
from extauth.web.response import WebResponse

LOOK = {
    "ok": "ok",
    "expiring": "ok",
    "leased": "ok",
    "expired": "warn",
    "cooling": "warn",
    "unresolved": "warn",
    "broken": "bad",
    "unreadable": "bad",
}
"""How a state looks; its word stands beside."""


def links_page(
    shell: Shell,
    found: Links | Missing,
    asked: Mapping[str, str | None],
    operator: str,
    now: datetime,
    *,
    states: Iterable[str],
) -> WebResponse:
    """Return the page of the links."""
    words = shell.words
    form = _filter(
        shell,
        "links",
        [_input(shell, name, asked[name]) for name in ("provider", "user", "reason")]
        + [_states(shell, states, asked["state"])],
    )
    if isinstance(found, str):
        return frame(shell, "links", operator, now, form, card(quiet(words.say(f"missing.{found}"))))
    headings = [
        (words.say("provider"), False),
        (words.say("user"), False),
        (words.say("state"), False),
        (words.say("reason"), False),
        (words.say("links.expires"), False),
        (words.say("links.refreshable"), False),
        (words.say("key"), False),
        (words.say("links.account"), False),
    ]
    rows: list[list[Cell]] = [
        [
            link.key.provider_id,
            link.key.user_id,
            _state(shell, link),
            None if link.failure is None else link.failure.reason,
            link.expires_at,
            words.say("yes" if link.refreshable else "no"),
            link.encrypted_with or words.say("keys.plain"),
            None if link.account is None else link.account.login or link.account.id,
        ]
        for link in found.links
    ]
    shown_rows = table(words.say("nav.links"), headings, rows) if rows else quiet(words.say("links.none"))
    more = Html("")
    if found.next is not None:
        following = {"after_provider": found.next[0], "after_user": found.next[1]}
        more = _onward(shell, "links", {**asked, **following}, "more")
    hints = element(
        "p",
        {"class": "hint"},
        hint(shell, "extauth show PROVIDER USER", "show"),
        hint(shell, "extauth refresh PROVIDER USER", "refresh"),
        hint(shell, "extauth links", "links"),
    )
    return frame(shell, "links", operator, now, form, card(shown_rows, more, hints))


def audit_page(
    shell: Shell, found: Entries | Missing, asked: Mapping[str, str | None], operator: str, now: datetime
) -> WebResponse:
    """Return the page of the audit trail."""
    words = shell.words
    form = _filter(shell, "audit", [_input(shell, name, asked[name]) for name in ("provider", "user")])
    if isinstance(found, str):
        return frame(shell, "audit", operator, now, form, card(quiet(words.say(f"missing.{found}"))))
    more = Html("")
    if found.older is not None:
        more = _onward(shell, "audit", {**asked, "before": str(found.older)}, "older")
    looked_at = quiet(words.say("audit.looked_at", number=shown(found.looked_at)))
    hints = element("p", {"class": "hint"}, hint(shell, "extauth audit", "audit"))
    return frame(
        shell, "audit", operator, now, form, card(entries_table(shell, found.entries), looked_at, more, hints)
    )


def entries_table(shell: Shell, entries: Iterable[Entry]) -> Html:
    """Return entries of the audit trail as a table."""
    words = shell.words
    names = ("audit.at", "audit.kind", "provider", "user", "audit.actor", "reason")
    rows: list[list[Cell]] = [
        [each.at, each.kind, each.provider, each.user, _actor(shell, each), each.reason] for each in entries
    ]
    if not rows:
        return quiet(words.say("audit.none"))
    return table(words.say("part.audit"), [(words.say(name), False) for name in names], rows)


def _actor(shell: Shell, entry: Entry) -> str | None:
    if entry.actor is None or entry.on_behalf_of is None:
        return entry.actor
    return shell.words.say("audit.for", actor=entry.actor, caller=entry.on_behalf_of)


def keys_page(shell: Shell, found: CountedKeys | Missing, operator: str, now: datetime) -> WebResponse:
    """Return the page that says of all rows how many each key seals."""
    words = shell.words
    if isinstance(found, str):
        hints = element("p", {"class": "hint"}, hint(shell, "extauth keys", "keys"))
        return frame(shell, "keys", operator, now, card(quiet(words.say(f"missing.{found}")), hints))
    status = found.status
    rows: list[list[Cell]] = []
    for key in status.keys:
        role = "keys.primary" if key.primary else "" if key.given else "keys.not_given"
        rows.append([key.key_id, words.say(role) if role else "", *_numbers(key.use)])
    rows.append([words.say("keys.plain"), "", *_numbers(status.plain)])
    if status.unknown.rows:
        rows.append([words.say("keys.unknown"), "", *_numbers(status.unknown)])
    rows.append([words.say("keys.remaining"), "", *_numbers(status.remaining)])
    headings = [
        (words.say("key"), False),
        (words.say("state"), False),
        (words.say("links"), True),
        (words.say("keys.clients"), True),
        (words.say("keys.authorizations"), True),
    ]
    lead = quiet(words.say("keys.lead", time=moment(found.at)))
    hints = element(
        "p",
        {"class": "hint"},
        hint(shell, "extauth rotate", "rotate"),
        hint(shell, "extauth keys", "keys"),
    )
    return frame(
        shell, "keys", operator, now, card(lead, table(words.say("nav.keys"), headings, rows), hints)
    )


def _numbers(use: KeyUse) -> list[Cell]:
    return [use.links, use.registrations, use.authorizations]


def _state(shell: Shell, link: LinkSummary) -> Html:
    """Return how a link is: of one that waits also what for."""
    mark, said = link.failure, f"state.{link.state}"
    if link.state == "cooling" and mark is not None:
        said = f"mark.{mark_kind(mark)}"
    return element("span", {"class": f"badge {LOOK[link.state]}"}, shell.words.say(said))


def links_path(shell: Shell, **asked: str | None) -> str:
    """Return where links that are like this are listed."""
    return f"{shell.site.home}links{_query(asked)}"


def _query(asked: Mapping[str, str | None]) -> str:
    given = {name: value for name, value in asked.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


def _onward(shell: Shell, page: str, asked: Mapping[str, str | None], message: str) -> Html:
    button = link_button(f"{shell.site.home}{page}{_query(asked)}", shell.words.say(message))
    return element("p", {"class": "then"}, button)


def _filter(shell: Shell, page: str, fields: Iterable[Html]) -> Html:
    button = element("button", {"type": "submit", "class": "button tonal"}, shell.words.say("filter"))
    action = {"class": "filter", "method": "get", "action": f"{shell.site.home}{page}"}
    return element("form", action, *fields, button)


def _input(shell: Shell, name: str, value: str | None) -> Html:
    field = element("input", {"name": name, "value": value or "", "autocomplete": "off"})
    return element("label", None, shell.words.say(name), field)


def _states(shell: Shell, states: Iterable[str], chosen: str | None) -> Html:
    words = shell.words
    options = [element("option", {"value": ""}, words.say("filter.any"))]
    for state in states:
        given: dict[str, str | bool] = {"value": state, "selected": state == chosen}
        options.append(element("option", given, words.say(f"state.{state}")))
    return element("label", None, words.say("state"), element("select", {"name": "state"}, *options))
