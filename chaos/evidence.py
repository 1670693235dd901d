"""What is known after a storm, from everyone who saw a part of it. Tokens are named by their digests."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import final

import attrs

from chaos.digests import SHOWN
from chaos.journal import read_journal
from chaos.proxy import Passage
from chaos.watched import ANSWERED, PRESENTING, SAVED
from chaos.wire import DATABASE


@final
@attrs.frozen
class Presentation:
    """A refresh token that reached the authorization server, by that server's database."""

    token: str
    presenter: str
    number: int
    """Of the proxy's passage."""
    at: float
    status: int | None
    issued: str | None
    """The refresh token that it was exchanged for."""

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

    presenter: str
    token: str
    at: float
    outcome: str
    code: str | None

    @property
    def known(self) -> bool:
        """Whether the replica knows what the server did."""
        return self.outcome not in {"Unknown", "Cancelled"}


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

    presented: Mapping[tuple[str, str], Sequence[float]]
    """By presenter and token: when it was about to present it."""
    answers: Mapping[tuple[str, str], Sequence[Answer]]
    """By presenter and token, in order."""
    saved: frozenset[tuple[str, str]]
    """Presenter and refresh token that it saw saved."""
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
    passages: Mapping[int, Passage]
    """The proxy's, by number."""
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
    """For each user how a new token service's attempt to get a working access token ended: see ``PROVEN``."""
    users: Sequence[str]


PROVEN = "accepted"
"""The resource endpoint accepted the access token."""


def read_presentations(folder: Path) -> list[Presentation]:
    """Read them from the authorization server's database."""
    rows = _query(
        folder,
        """SELECT substr(token, 1, ?), presenter, number, at, status, substr(issued, 1, ?)
        FROM chaos_presentation ORDER BY id""",
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


def _query(folder: Path, sql: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / DATABASE, timeout=30)) as connection:
        return connection.execute(sql, parameters).fetchall()


def read_journals(journals: Mapping[str, Path]) -> Journals:
    """Read the replicas' journals, given by the replicas' names."""
    presented: dict[tuple[str, str], list[float]] = {}
    answers: dict[tuple[str, str], list[Answer]] = {}
    saved: set[tuple[str, str]] = set()
    lines: Counter[str] = Counter()
    for name, path in journals.items():
        for line in read_journal(path):
            lines[line["what"]] += 1
            match line["what"]:
                case what if what == PRESENTING:
                    presented.setdefault((name, line["token"]), []).append(line["at"])
                case what if what == ANSWERED:
                    answer = Answer(name, line["token"], line["at"], line["outcome"], line["code"])
                    answers.setdefault((name, line["token"]), []).append(answer)
                case what if what == SAVED and line["outcome"] == "Saved":
                    saved.add((name, line["token"]))
                case _:
                    pass
    return Journals(presented=presented, answers=answers, saved=frozenset(saved), lines=lines)


def numbered(passages: Iterable[Passage]) -> dict[int, Passage]:
    """Return the passages by their numbers."""
    return {passage.number: passage for passage in passages}
