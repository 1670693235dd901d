"""``extauth unlink``: remove one link, and revoke its tokens."""

from __future__ import annotations

from extauth.cli.command import Answer, Command
from extauth.cli.one_link import add_key, key_of, not_found
from extauth.cli.session import Session
from extauth.cli.unlinking import outcome_json, removed, said
from extauth.domain.errors import UnknownProvider


async def _run(session: Session) -> Answer:
    key = key_of(session.options)
    async with session.opened("if given", writes=True) as opened:
        try:
            outcome = await removed(opened, key)
        except UnknownProvider:  # and there is no such link
            outcome = None
    if outcome is None or not outcome.existed:
        raise not_found(key)
    return Answer({"outcome": outcome_json(outcome)}, [said(outcome)])


COMMAND = Command(
    name="unlink",
    help="remove one link, and revoke its tokens",
    description="Removes one link and the authorizations begun for it. Its tokens are revoked at the provider"
    " if --app gives the providers; otherwise they go on working until they end.",
    add_arguments=add_key,
    members={
        "outcome": '`{"provider", "user", "removed", "revoked", "reason", "also_ended"}`;'
        " `reason` says why not revoked, `also_ended` which other links ended with it",
    },
    run=_run,
)
