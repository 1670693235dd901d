"""What is known after a storm, from everyone who saw a part of it. Tokens are named by their digests."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Any, final

import attrs

from chaos.digests import SHOWN
from chaos.journal import read_journal
from chaos.proxy import Passage
from chaos.watched import ANSWERED, MARKED, PRESENTING, SAVED, UNMARKED
from chaos.wire import DATABASE


@final
@attrs.frozen
class Presentation:
    """A refresh token that reached the authorization server, by that server's database."""

    token: str
    exchange: str
    at: float
    status: int | None
    issued: str | None
    """The refresh token that it was exchanged for."""

    @property
    def presenter(self) -> str:
        """Which replica presented it."""
        return presenter_of(self.exchange)

    @property
    def processed(self) -> bool:
        """Whether the server may have spent the token for it."""
        return self.status in {None, HTTPStatus.OK} or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


@final
@attrs.frozen
class Granted:
    """A refresh token, by the authorization server's database."""

    token: str
    user: str
    live: bool
    """Whether a presentation of it would succeed."""


@final
@attrs.frozen
class Answer:
    """How a replica saw one of its presentations end."""

    at: float
    outcome: str
    code: str | None

    @property
    def known(self) -> bool:
        """Whether the replica knows what the server did."""
        return self.outcome != "Unknown"


@final
@attrs.frozen
class Loss:
    """A link whose stored refresh token is dead."""

    user: str
    token: str
    reason: str


@final
@attrs.frozen(kw_only=True)
class Journals:
    """What the replicas wrote down."""

    began: Mapping[str, float]
    """When each exchange was about to begin."""
    answers: Mapping[str, Answer]
    """By exchange; missing where the replica was killed before."""
    saved: frozenset[tuple[str, str]]
    """Presenters, with the refresh tokens that they saw saved."""
    marked: frozenset[tuple[str, str]]
    """Presenters, with the refresh tokens that they saw marked as dead."""
    unmarked: frozenset[str]
    """Exchanges whose token was rejected, which could not be written down: the store was unavailable."""
    lines: Mapping[str, int]
    """How many there are of each kind."""


@final
@attrs.frozen(kw_only=True)
class Evidence:
    """Everything that the oracle judges by."""

    lifetime: float
    """Of an access token, in seconds."""
    presentations: Sequence[Presentation]
    """In the order in which they reached the server."""
    passages: Mapping[str, Passage]
    """The proxy's, by exchange."""
    killed: Mapping[str, float]
    """When each replica that was killed was."""
    journals: Journals
    granted: Mapping[str, float]
    """When each refresh token that came from consent was asked for."""
    losses: Sequence[Loss]
    """Of links that were connected again during the storm."""
    stored: Mapping[str, str]
    """For each user the refresh token that was stored when all replicas had stopped."""
    server: Mapping[str, Granted]
    """The server's refresh tokens at that time."""
    proven: Mapping[str, str]
    """For each user with a live refresh token: how a new token service's attempt to get an access token that
    works ended, ``PROVEN`` if well."""
    users: Sequence[str]
    restarts: int
    """Of the store's server."""


PROVEN = "accepted"
"""The resource endpoint accepted the access token."""


def read_presentations(folder: Path) -> list[Presentation]:
    """Read them from the authorization server's database."""
    rows = _query(
        folder,
        """SELECT substr(token, 1, ?), exchange, at, status, substr(issued, 1, ?)
        FROM chaos_presentation ORDER BY at""",
        (SHOWN, SHOWN),
    )
    return [Presentation(*row) for row in rows]


def count_rotations(folder: Path) -> int:
    """Return how many presentations the authorization server has answered with new tokens."""
    return int(_query(folder, "SELECT count(*) FROM chaos_presentation WHERE status = 200")[0][0])


def read_granted(folder: Path) -> dict[str, Granted]:
    """Read the refresh tokens from the authorization server's database.

    A live one is not revoked and still has its access token: the toolkit deletes that with the grant.
    """
    rows = _query(
        folder,
        """SELECT substr(token_checksum, 1, ?), username, revoked IS NULL AND access_token_id IS NOT NULL
        FROM oauth2_provider_refreshtoken AS token JOIN auth_user ON auth_user.id = token.user_id""",
        (SHOWN,),
    )
    return {token: Granted(token, user, bool(live)) for token, user, live in rows}


def _query(folder: Path, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / DATABASE, timeout=30)) as connection:
        return connection.execute(sql, parameters).fetchall()


def read_journals(paths: Iterable[Path]) -> Journals:
    """Read the replicas' journals, each named for its replica."""
    began: dict[str, float] = {}
    answers: dict[str, Answer] = {}
    noted: dict[str, set[tuple[str, str]]] = {SAVED: set(), MARKED: set()}
    unmarked: set[str] = set()
    lines: Counter[str] = Counter()
    for path in paths:
        last: dict[str, str] = {}  # exchange of each token: a replica presents a token once at a time
        for line in read_journal(path):
            what = line["what"]
            lines[what] += 1
            if what == PRESENTING:
                began[line["exchange"]] = line["at"]
                last[line["token"]] = line["exchange"]
            elif what == ANSWERED:
                answers[line["exchange"]] = Answer(line["at"], line["outcome"], line["code"])
            elif what == UNMARKED:
                unmarked.add(last[line["token"]])
            elif what in noted:
                noted[what].add((path.stem, line["token"]))
    return Journals(
        began=began,
        answers=answers,
        saved=frozenset(noted[SAVED]),
        marked=frozenset(noted[MARKED]),
        unmarked=frozenset(unmarked),
        lines=lines,
    )


def presenter_of(exchange: str) -> str:
    """Return the presenter's name in the exchange's."""
    return exchange.partition("#")[0]
