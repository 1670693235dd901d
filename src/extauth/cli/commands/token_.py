"""``extauth token``: print an access token that works."""

from __future__ import annotations

import argparse
import sys

from extauth.cli.command import Answer, Command
from extauth.cli.output import warn
from extauth.cli.personal.arguments import add_link, add_wish
from extauth.cli.session import Session
from extauth.cli.summaries import key_json
from extauth.cli.times import written


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_link(parser)
    add_wish(parser)


async def _run(session: Session) -> Answer:
    from extauth.cli.personal.asking import working_link  # noqa: PLC0415 - it needs aiohttp

    link = await working_link(session)
    if sys.stdout.isatty():
        warn("token: whoever sees this screen, or its scrollback, can use the token")
    data = {
        **key_json(link.key),
        "token": link.tokens.access_token,
        "token_type": link.tokens.token_type,
        "expires_at": written(link.tokens.expires_at),
        "scopes": sorted(link.tokens.scopes),
    }
    return Answer(data, [link.tokens.access_token])


COMMAND = Command(
    name="token",
    help="print an access token that works",
    description="Prints the access token of your link, refreshed first if need be, and nothing else:"
    " TOKEN=$(extauth token github). In a terminal it warns on stderr that others may read along. Where a"
    " program takes its token from the environment, extauth run shows it to nobody.",
    add_arguments=_add_arguments,
    members={
        "provider": "its id",
        "user": "whose link it is",
        "token": "the access token",
        "token_type": "how it is shown to the API, mostly `Bearer`",
        "expires_at": "when it ends, or null if that is unknown",
        "scopes": "what it is for, sorted",
    },
    run=_run,
)
