"""``extauth keys``: how many rows each key is in use for, and whether one may be taken away."""

from __future__ import annotations

import argparse

from extauth.cli.command import Answer, Command, Table
from extauth.cli.exit_codes import FOUND
from extauth.cli.key_uses import use_json
from extauth.cli.session import Session
from extauth.cli.times import shown
from extauth.domain.key_use import KeysStatus, KeyUse
from extauth.services.keys.status import keys_status


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--removable", metavar="ID", help="also say whether this key may be taken away; exit with 1 if not"
    )


async def _run(session: Session) -> Answer:
    async with session.opened() as opened:
        with session.progress.of("reading all rows"):
            status = await keys_status(opened.store)
    data: dict[str, object] = {
        "keys": [
            {"id": key.key_id, "primary": key.primary, "given": key.given, **use_json(key.use)}
            for key in status.keys
        ],
        "plain": use_json(status.plain),
        "unknown": use_json(status.unknown),
        "remaining": use_json(status.remaining),
    }
    wanted: str | None = session.options.removable
    if wanted is None:
        return Answer(data, [_table(status)])
    removable, said = _removable(status, wanted)
    return Answer({**data, "removable": removable}, [_table(status), said], 0 if removable else FOUND)


def _table(status: KeysStatus) -> Table:
    rows: list[tuple[str, ...]] = []
    for key in status.keys:
        role = "primary" if key.primary else "" if key.given else "not given"
        rows.append((key.key_id, role, *_numbers(key.use)))
    rows.append(("in plain text", "", *_numbers(status.plain)))
    if status.unknown.rows:
        rows.append(("unknown key", "", *_numbers(status.unknown)))
    return Table(("key", "", "links", "registered clients", "authorizations"), rows)


def _numbers(use: KeyUse) -> tuple[str, ...]:
    return str(use.links), str(use.registrations), str(use.authorizations)


def _removable(status: KeysStatus, key_id: str) -> tuple[bool, str]:
    """Decide as :func:`~extauth.keys.ensure_key_unused` does, without reading all rows again."""
    use = status.use_of(key_id)
    if use.rows:
        then = "run extauth rotate"
        if not use.links and not use.registrations:
            then = f"look again when they have expired, at {shown(use.latest_expiry)} at the latest"
        return False, f"keep {key_id}: it encrypts {use}; {then}"
    found = [key for key in status.keys if key.key_id == key_id]
    if any(key.primary for key in found):
        return False, f"keep {key_id}: it is the primary key; give another one before it, and rotate"
    if status.unknown.rows:
        return False, f"keep {key_id}: which key {status.unknown} are encrypted with is unknown"
    spelt = "" if found else ", nor is it among the keys given here: look whether it is spelt so"
    return True, f"no row names {key_id}{spelt}; keep it as long as the backups made under it"


COMMAND = Command(
    name="keys",
    help="how many rows each encryption key is in use for",
    description="Counts what is encrypted with which key, and what is in plain text. It reads all rows, in"
    " slices, changes nothing, and needs no keys; those that are given tell which one is primary.",
    add_arguments=_add_arguments,
    members={
        "keys": '`[{"id", "primary", "given", "links", "registrations", "authorizations",'
        ' "authorizations_until"}]`: how many rows have a text under it (registrations are registered'
        " clients), and when the last of the authorizations under way has expired, or null; the primary key"
        " first",
        "plain": '`{"links", "registrations", "authorizations", "authorizations_until"}`: rows with a text'
        " that is not encrypted",
        "unknown": "likewise, rows that do not say their key",
        "remaining": "likewise, what `extauth rotate` has to do; authorizations expire by themselves",
        "removable": "whether no row needs the key; only with `--removable`",
    },
    run=_run,
)
