"""What each page reads, part by part."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar, cast, final, get_args

import attrs

from extauth.auth import Auth
from extauth.domain.actors import Operator
from extauth.domain.errors import ConfigurationError, ExtAuthError, NotAuthorized
from extauth.domain.inventory import LinkState
from extauth.domain.link import LinkKey
from extauth.domain.readiness import Readiness
from extauth.domain.storable import MAX_ID_LENGTH, storable_text
from extauth.web.operating import reading
from extauth.web.operating.facts import Missing, document
from extauth.web.operating.keys import KeyCounts
from extauth.web.pages.layout import Shell
from extauth.web.pages.operating.attention import Overview
from extauth.web.pages.operating.lists import audit_page, keys_page, links_page
from extauth.web.pages.operating.overview import overview_page
from extauth.web.problems import Refused
from extauth.web.recent import RecentExchanges
from extauth.web.response import WebResponse, as_json

T = TypeVar("T")

PATIENCE: Final = 10.0
"""In seconds, for all parts of a page together."""
COUNTING: Final = 60.0
"""For counting all rows by their keys."""
PAGE: Final = 50
STATES: Final = tuple(state for state in get_args(LinkState) if state != "unreadable")

_LOGGER: Final = logging.getLogger("extauth.web")


@final
@attrs.frozen(kw_only=True)
class Visit:
    """One request of an operator's."""

    auth: Auth
    operator: Operator
    shell: Shell
    json: bool
    query: Mapping[str, Sequence[str]]
    recent: RecentExchanges | None
    keys: KeyCounts
    now: datetime

    @property
    def store(self) -> Any:
        """What is read, in the operator's name."""
        return self.auth.store

    def field(self, name: str) -> str | None:
        """Return the value of a field, or None if it is empty.

        :raises Refused: for several values, and for what no id can be.
        """
        values = [value for value in self.query.get(name, []) if value]
        code = "bad_request"
        if len(values) > 1 or any(len(value) > MAX_ID_LENGTH for value in values):
            raise Refused(code)
        try:
            return storable_text(values[0], name) if values else None
        except ValueError:
            raise Refused(code) from None


async def show_overview(visit: Visit) -> WebResponse:
    """Show how everything is doing; one part after the other, so that one page takes one connection."""
    store, providers, now = visit.store, visit.auth.providers, visit.now
    ready = await visit.auth.ready()
    part = _Parts(ready).read
    facts = Overview(
        ready=ready,
        links=await part(reading.link_counts(store, providers)),
        marks=await part(reading.marks(store, providers)),
        endings=await part(reading.endings(store, providers, now)),
        due=await part(reading.due(store, providers, now)),
        sealing=await part(reading.sealing(store)),
        outbox=await part(reading.outbox(store)),
        audit=await part(reading.entries(store, limit=reading.MOST_LISTED)),
        pauses=tuple(visit.auth.tokens.pauses()),
        minutes=None if visit.recent is None else tuple(visit.recent.minutes()),
        troubles=() if visit.recent is None else tuple(visit.recent.troubles()),
        recent_since=None if visit.recent is None else visit.recent.since,
    )
    if all(each == "not_allowed" for each in facts.stored):
        code = "not_authorized"
        raise Refused(code, status=403)
    if visit.json:
        return as_json({"at": visit.now.isoformat(), **document(facts)})
    return overview_page(visit.shell, facts, _said(visit.operator), now)


async def show_links(visit: Visit) -> WebResponse:
    """Show a page of the links that are like what was asked for."""
    asked = {name: visit.field(name) for name in ("provider", "user", "state", "reason")}
    if asked["state"] not in {None, *STATES}:
        code = "bad_request"
        raise Refused(code)
    state = cast("LinkState | None", asked["state"])
    found = await _only(
        reading.links(
            visit.store,
            provider=asked["provider"],
            user=asked["user"],
            state=state,
            reason=asked["reason"],
            after=_after(visit),
            limit=PAGE,
        )
    )
    if visit.json:
        return as_json({"links": document(found)})
    return links_page(visit.shell, found, asked, _said(visit.operator), visit.now, states=STATES)


async def show_audit(visit: Visit) -> WebResponse:
    """Show a page of the audit trail, newest first."""
    asked = {name: visit.field(name) for name in ("provider", "user")}
    given = visit.field("before")
    before = reading.NEWEST if given is None else _number(given)
    found = await _only(
        reading.entries(
            visit.store, user=asked["user"], provider=asked["provider"], before=before, limit=PAGE
        )
    )
    if visit.json:
        return as_json({"audit": document(found)})
    return audit_page(visit.shell, found, asked, _said(visit.operator), visit.now)


async def show_keys(visit: Visit) -> WebResponse:
    """Count all rows by their keys."""
    found = await _only(visit.keys.of(visit.store), COUNTING)
    if visit.json:
        return as_json({"keys": document(found)})
    return keys_page(visit.shell, found, _said(visit.operator), visit.now)


@final
class _Parts:
    """Reads one part after the other, all within one span; none after the store was found not to answer."""

    def __init__(self, ready: Readiness) -> None:
        self._gone = ready.reason == "store_unavailable"
        self._until = asyncio.get_running_loop().time() + PATIENCE

    async def read(self, part: Coroutine[Any, Any, T]) -> T | Missing:
        """Return the part, or why it is missing."""
        if self._gone:
            part.close()
            return "store_unavailable"
        try:
            async with asyncio.timeout_at(self._until):
                return await _part(part)
        except TimeoutError:
            return "took_too_long"


async def _part(part: Awaitable[T]) -> T | Missing:
    try:
        return await part
    except NotAuthorized:
        return "not_allowed"
    except ConfigurationError:
        return "not_kept"
    except ExtAuthError as error:
        _LOGGER.warning("a part of the operator's page cannot be read: %s", error)
        return "store_unavailable"


async def _only(part: Awaitable[T], within: float = PATIENCE) -> T | Missing:
    """Return the only part of a page, or why it is missing.

    :raises Refused: if the operator may not see it.
    """
    try:
        async with asyncio.timeout(within):
            found = await _part(part)
    except TimeoutError:
        return "took_too_long"
    if found == "not_allowed":
        code = "not_authorized"
        raise Refused(code, status=403)
    return found


def _after(visit: Visit) -> LinkKey | None:
    provider, user = visit.field("after_provider"), visit.field("after_user")
    if provider is None and user is None:
        return None
    try:
        return LinkKey(provider or "", user or "")
    except ValueError:
        code = "bad_request"
        raise Refused(code) from None


def _number(text: str) -> int:
    code = "bad_request"
    if not (text.isascii() and text.isdigit()) or int(text) > reading.NEWEST:
        raise Refused(code)
    return int(text)


def _said(operator: Operator) -> str:
    roles = ", ".join(sorted(operator.roles))
    return f"{operator.name} ({roles})" if roles else operator.name
