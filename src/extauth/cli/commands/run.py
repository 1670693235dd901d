"""``extauth run``: run a program with a token in its environment."""

from __future__ import annotations

import argparse
from functools import partial

from extauth.cli.command import Answer, Command
from extauth.cli.personal.arguments import add_link, add_wish
from extauth.cli.personal.programs import become, checked_variable, variable_for
from extauth.cli.session import Session, UsageError
from extauth.domain.hidden import Hidden


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "extauth run PROVIDER [options] -- PROGRAM [ARGUMENT ...]"
    add_link(parser)
    parser.add_argument(
        "--env",
        metavar="NAME",
        help="the variable that gets the token; default: env of the configuration, or such as GITHUB_TOKEN",
    )
    add_wish(parser)


async def _run(session: Session) -> Answer:
    from extauth.cli.personal.asking import working_link  # noqa: PLC0415 - it needs aiohttp
    from extauth.cli.personal.opening import config_of  # noqa: PLC0415

    options = session.options
    if not options.program:
        msg = "say what to run after --, as in: extauth run github -- make release"
        raise UsageError(msg)
    configured = None
    if session.app is None or options.mine:
        configured = config_of(session).of(options.provider).env
    variable = checked_variable(options.env or configured or variable_for(options.provider))
    link = await working_link(session)
    return Answer({}, [], then=partial(become, options.program, variable, Hidden(link.tokens.access_token)))


COMMAND = Command(
    name="run",
    help="run a program with a token in its environment",
    description="Becomes the program that stands after --, with the access token of your link in an"
    " environment variable, never on a command line. The process stays the same: signals reach the program,"
    " and its exit code is that of extauth; 127 if there is none of that name, 126 if it cannot be run. The"
    " token is refreshed before and not while the program runs: say --valid-for for one that runs long, or"
    " have it ask extauth token again.",
    add_arguments=_add_arguments,
    members={},
    own_output=True,
    run=_run,
)
