"""What an operator's page says, as values. No token and nothing of one is in any of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias, cast, final

import attrs

from extauth.domain.fence import DOUBTFUL, FENCED
from extauth.domain.inventory import LinkSummary
from extauth.domain.link import LinkKey, RefreshFailure
from extauth.domain.probably_dead import PROBABLY_DEAD

Missing: TypeAlias = Literal["not_allowed", "not_kept", "store_unavailable", "took_too_long"]
"""Why a part is not there: the operator may not see it, this store has none, or it cannot be read now."""

MarkKind: TypeAlias = Literal["broken", "probably_broken", "fenced", "doubtful", "retried"]
"""What a failure mark means: the user connects again; they probably must; it is refreshed elsewhere; it is
tried again later."""


@final
@attrs.frozen
class ProviderLinks:
    """How many links of one provider, and named below it, there are in each state of the inventory."""

    provider: str
    served: bool
    """Whether this application has such a provider."""
    states: Mapping[str, int] = attrs.field(hash=False)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.states.values())


@final
@attrs.frozen
class LinkCounts:
    """Links by provider and state."""

    providers: tuple[ProviderLinks, ...]
    of_the_first: int | None
    """How many links were counted, if there are more; None if these are all."""

    @property
    def total(self) -> int:
        """All that were counted."""
        return sum(each.total for each in self.providers)

    def in_state(self, state: str) -> int:
        """Return how many are like that."""
        return sum(each.states.get(state, 0) for each in self.providers)


@final
@attrs.frozen
class MarkedLinks:
    """Links of one provider with a failure mark of one reason, about the credentials that they have now."""

    provider: str
    reason: str
    kind: MarkKind
    links: int
    newest: datetime


@final
@attrs.frozen
class Marks:
    """Failure marks by provider and reason."""

    marks: tuple[MarkedLinks, ...]
    of_the_first: int | None
    """How many marks were looked at, if there are more."""

    def of_kind(self, kind: MarkKind) -> int:
        """Return how many links have such a mark."""
        return sum(each.links for each in self.marks if each.kind == kind)


@final
@attrs.frozen
class EndingSoon:
    """A link that ends soon unless its user connects again."""

    provider: str
    user: str
    ends_at: datetime
    source: str


@final
@attrs.frozen
class Endings:
    """Links that end soon, the first to end first."""

    links: tuple[EndingSoon, ...]
    of_the_first: int | None


@final
@attrs.frozen
class DueLinks:
    """Links of a provider whose access token has ended, and that a refresh may mend."""

    provider: str
    links: int
    more: bool
    """Whether there are more than were counted."""
    oldest: datetime | None


@final
@attrs.frozen
class SealedWith:
    """How many access tokens a key seals, among the links that were looked at."""

    key: str | None
    """None: they are in plain text."""
    links: int


@final
@attrs.frozen
class Sealing:
    """Which keys seal the links that were looked at."""

    keys: tuple[SealedWith, ...]
    of_the_first: int | None

    @property
    def plain(self) -> int:
        """How many are in plain text."""
        return sum(each.links for each in self.keys if each.key is None)

    @property
    def mixed(self) -> bool:
        """Whether some are sealed and some are not."""
        return 0 < self.plain < sum(each.links for each in self.keys)


@final
@attrs.frozen
class SetAside:
    """An event that nobody took."""

    number: int
    event: str
    provider: str
    user: str
    code: str
    attempts: int
    at: datetime


@final
@attrs.frozen
class OutboxState:
    """Events about links that wait, and those that were set aside."""

    waiting: int
    dead: int
    oldest: datetime | None
    listening_until: datetime | None
    letters: tuple[SetAside, ...]
    """The first of those that were set aside."""


@final
@attrs.frozen
class Entry:
    """An entry of the audit trail, without the fingerprints."""

    number: int
    at: datetime | None
    kind: str
    provider: str | None
    user: str | None
    version: int | None
    actor: str | None
    on_behalf_of: str | None
    reason: str | None


@final
@attrs.frozen
class Entries:
    """A page of the audit trail, newest first."""

    entries: tuple[Entry, ...]
    looked_at: int
    """How many entries were read for it."""
    older: int | None
    """The number to go on before; None if nothing is older."""


@final
@attrs.frozen
class Links:
    """A page of the links."""

    links: tuple[LinkSummary, ...]
    next: tuple[str, str] | None


def mark_kind(mark: RefreshFailure) -> MarkKind:
    """Return what a failure mark means."""
    if mark.reason == FENCED:
        return "fenced"
    if mark.reason == DOUBTFUL:
        return "doubtful"
    if mark.reason == PROBABLY_DEAD:
        return "probably_broken"
    return "broken" if mark.permanent else "retried"


def document(value: object) -> Any:
    """Return it for JSON: times in ISO 8601, spans in seconds, sets in order."""
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case LinkKey(provider_id, user_id):
            return {"provider": provider_id, "user": user_id}
        case Mapping():
            items = cast("Mapping[object, object]", value).items()
            return {str(key): document(each) for key, each in items}
        case frozenset():
            return sorted(map(str, cast("frozenset[object]", value)))
        case list() | tuple():
            return [document(each) for each in cast("Sequence[object]", value)]
        case _:
            kind: type[Any] = type(value)
            if not attrs.has(kind):
                return value
            return {field.name: document(getattr(value, field.name)) for field in attrs.fields(kind)}
