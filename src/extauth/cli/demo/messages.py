"""What the demo and its replicas say to each other: one JSON object a line, on the replica's pipes.

All instants are :func:`time.monotonic` seconds: that clock counts from boot, so that processes of one
machine can compare them.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Literal, TypeAlias, final

import attrs

Way: TypeAlias = Literal["extauth", "naive"]


@final
@attrs.frozen(kw_only=True)
class Orders:
    """The first line to a replica. Secrets go through the pipe, never through the command line."""

    way: Way
    replica: int
    store: str = attrs.field(repr=False)
    """URL of the store; it may hold a password."""
    naive_table: str
    token_url: str
    resource_url: str
    client_id: str
    client_secret: str = attrs.field(repr=False)
    users: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    """Caller ``n`` asks for the token of user ``n`` modulo their number."""
    callers: int
    pause: float
    """Seconds between an answer and the caller's next question, on average."""
    check_every: int
    """One in so many tokens served to a caller is tried at the API, the first caller's first included."""
    margin: float
    """The naive loop refreshes this many seconds before expiry, as extauth does."""
    seed: int


@final
@attrs.frozen
class Ready:
    """From a replica: it has opened everything and waits for :class:`Go`."""


@final
@attrs.frozen
class Go:
    """To a replica: let the callers start."""


@final
@attrs.frozen
class Stop:
    """To a replica: let every caller finish its question, close, and send :class:`Finished`."""


@final
@attrs.frozen(kw_only=True)
class Tally:
    """What callers have met so far."""

    served: int = 0
    checked: int = 0
    """How many served tokens were tried at the API."""
    dead: int = 0
    """How many of them were dead already when they were asked for, or another user's."""
    errors: dict[str, int] = attrs.field(factory=dict[str, int])
    """How many questions ended in an error, by its code."""

    @property
    def failed(self) -> int:
        """How many questions ended in an error, whatever the error."""
        return sum(self.errors.values())

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            served=self.served + other.served,
            checked=self.checked + other.checked,
            dead=self.dead + other.dead,
            errors=dict(Counter(self.errors) + Counter(other.errors)),
        )


@final
@attrs.frozen
class Exchange:
    """One exchange that a replica made, as its observer was told."""

    user: str
    replica: int
    started: float
    saved: float


@final
@attrs.frozen(kw_only=True)
class Attempt:
    """One presentation of a refresh token by the naive loop, and what it made of the answer."""

    user: str
    replica: int
    token: str
    """Which refresh token, as a digest that tells tokens apart and shows none."""
    presented: float
    answered: float
    written: float
    """When the row was written: the new tokens, or no refresh token any more."""
    refused: bool
    """Whether the answer was ``invalid_grant``, so that the row was cleared."""


@final
@attrs.frozen
class Finished:
    """From a replica: the callers are done and the service is closed."""

    tally: Tally
    exchanges: tuple[Exchange, ...] = attrs.field(default=(), converter=tuple[Exchange, ...])
    """Of extauth."""
    attempts: tuple[Attempt, ...] = attrs.field(default=(), converter=tuple[Attempt, ...])
    """Of the naive loop."""


@final
@attrs.frozen
class Question:
    """One caller's question for an access token and when it was answered."""

    replica: int
    caller: int
    asked: float
    served: float


@final
@attrs.frozen
class Recall:
    """To a finished replica: send the questions for ``user`` that touch this span of time."""

    user: str
    since: float
    until: float


@final
@attrs.frozen
class Recalled:
    """From a replica: the questions that :class:`Recall` asked for, oldest first."""

    questions: tuple[Question, ...] = attrs.field(converter=tuple[Question, ...])


Message: TypeAlias = Orders | Ready | Go | Stop | Tally | Finished | Recall | Recalled


def encode(message: Message) -> bytes:
    """Return the message as one line."""
    return json.dumps({"kind": type(message).__name__, **attrs.asdict(message)}).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Read a line of :func:`encode`.

    :raises ValueError: if it is none.
    """
    try:
        fields: dict[str, Any] = json.loads(line)
        kind = fields.pop("kind")
        match kind:
            case "Finished":
                return Finished(
                    Tally(**fields["tally"]),
                    [Exchange(**exchange) for exchange in fields["exchanges"]],
                    [Attempt(**attempt) for attempt in fields["attempts"]],
                )
            case "Recalled":
                return Recalled([Question(**question) for question in fields["questions"]])
            case _:
                return _FLAT[kind](**fields)
    except (AttributeError, KeyError, TypeError, ValueError):
        msg = "a line that is no message of the demo"
        raise ValueError(msg) from None  # the line may hold a secret


_FLAT: dict[str, type[Orders | Ready | Go | Stop | Tally | Recall]] = {
    kind.__name__: kind for kind in (Orders, Ready, Go, Stop, Tally, Recall)
}
