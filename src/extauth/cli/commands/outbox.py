"""``extauth outbox``: events about links that wait to be delivered, and those that were set aside."""

from __future__ import annotations

import argparse
from typing import Literal, TypeAlias

import attrs

from extauth.cli.command import Answer, Command, Shown, Table
from extauth.cli.exit_codes import FOUND, OK
from extauth.cli.parsed import at_least_one, whole
from extauth.cli.session import Session, UsageError
from extauth.cli.summaries import key_json
from extauth.cli.times import shown, written
from extauth.domain.outbox import DeadLetter, OutboxCounts, OutboxDesk, outbox_of

Chosen: TypeAlias = int | Literal["all"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--requeue",
        nargs="+",
        type=_chosen,
        metavar="NUMBER",
        help="have these of those set aside delivered again, as if for the first time; or all",
    )
    action.add_argument(
        "--discard", nargs="+", type=_chosen, metavar="NUMBER", help="remove these of those set aside; or all"
    )
    parser.add_argument(
        "--limit", type=at_least_one, default=100, metavar="N", help="list at most so many (%(default)s)"
    )
    parser.add_argument(
        "--after", type=whole, default=0, metavar="NUMBER", help="go on after this one, where a list ended"
    )


def _chosen(text: str) -> Chosen:
    try:
        return "all" if text == "all" else at_least_one(text)
    except argparse.ArgumentTypeError:
        msg = f"is the number of an event, or all, not {text!r}"
        raise argparse.ArgumentTypeError(msg) from None


async def _run(session: Session) -> Answer:
    options = session.options
    async with session.opened() as opened:
        desk: OutboxDesk = outbox_of(opened.store)
        given: list[Chosen] | None = options.requeue or options.discard
        if given is None:
            return await _listed(desk, options.after, options.limit)
        numbers = _numbers(given)
        changed = await (desk.requeue(numbers) if options.requeue else desk.discard(numbers))
        what = "requeued" if options.requeue else "discarded"
        session.done[f"events {what}"] = changed
        counts = await desk.counts()
    missing = 0 if numbers is None else len(numbers) - changed
    lacking = [f"{missing} of the numbers given are of no event that was set aside"] if missing else []
    return Answer(
        {**_counts_json(counts), what: changed},
        [f"{changed} events {what}", *lacking, _said(counts)],
        FOUND if missing else OK,
    )


def _numbers(given: list[Chosen]) -> set[int] | None:
    if given == ["all"]:
        return None
    numbers = {each for each in given if each != "all"}
    if "all" in given:
        msg = "give numbers, or all, and not both"
        raise UsageError(msg)
    return numbers


async def _listed(desk: OutboxDesk, after: int, limit: int) -> Answer:
    counts = await desk.counts()
    letters = await desk.dead_letters(after=after, limit=limit + 1)
    more = len(letters) > limit
    letters = letters[:limit]
    following = letters[-1].number if more else None
    table: list[Shown] = [Table(_HEADINGS, [_row(letter) for letter in letters])] if letters else []
    lines = [_said(counts)] if following is None else [f"more follow: --after {following}", _said(counts)]
    return Answer(
        {
            **_counts_json(counts),
            "dead_letters": [_letter_json(letter) for letter in letters],
            "next": following,
        },
        [*table, *lines],
        FOUND if counts.dead else OK,
    )


def _counts_json(counts: OutboxCounts) -> dict[str, object]:
    return {
        "waiting": counts.waiting,
        "dead": counts.dead,
        "oldest": written(counts.oldest),
        "listening_until": written(counts.listening_until),
    }


def _said(counts: OutboxCounts) -> str:
    waiting = f"{counts.waiting} events wait to be delivered"
    if counts.oldest is not None:
        waiting += f", since {shown(counts.oldest)}"
    until = counts.listening_until
    listening = "nobody has asked for events" if until is None else f"events are written until {shown(until)}"
    return f"{waiting}; {counts.dead} were set aside; {listening}"


def _letter_json(letter: DeadLetter) -> dict[str, object]:
    event = letter.event
    more = attrs.asdict(event, recurse=False, filter=lambda each, _: each.name in {"reason", "source"})
    return {
        "number": letter.number,
        "id": event.id,
        "type": event.type,
        **key_json(event.key),
        "version": event.version,
        "at": written(event.at),
        "reason": more.get("reason"),
        "source": more.get("source"),
        "ends_at": written(getattr(event, "ends_at", None)),
        "attempts": letter.attempts,
        "code": letter.code,
        "set_aside_at": written(letter.at),
    }


_HEADINGS = ("number", "event", "provider", "user", "happened", "attempts", "set aside", "because of")


def _row(letter: DeadLetter) -> tuple[str, ...]:
    event = letter.event
    return (
        str(letter.number),
        event.type,
        event.key.provider_id,
        event.key.user_id,
        shown(event.at),
        str(letter.attempts),
        shown(letter.at),
        letter.code,
    )


COMMAND = Command(
    name="outbox",
    help="events that wait to be delivered, or could not be",
    description="Counts the events about links that wait, and lists those that were set aside because nobody"
    " took them: then it exits with 1. --requeue has them delivered after all, --discard removes them. It"
    " delivers nothing itself, and needs no keys.",
    add_arguments=_add_arguments,
    members={
        "waiting": "how many events wait to be delivered",
        "dead": "how many were set aside",
        "oldest": "when the first of those waiting happened, or null",
        "listening_until": "until when events are written if nobody asks any more; null if nobody ever has",
        "dead_letters": '`[{"number", "id", "type", "provider", "user", "version", "at", "reason", "source",'
        ' "ends_at", "attempts", "code", "set_aside_at"}]`: reason is of `link.broken`, source and ends_at'
        " are of `link.expiring`, else null; not with `--requeue` or `--discard`",
        "next": "the number to give to `--after`, or null; not with `--requeue` or `--discard`",
        "requeued": "how many are delivered again; only with `--requeue`",
        "discarded": "how many were removed; only with `--discard`",
    },
    run=_run,
)
