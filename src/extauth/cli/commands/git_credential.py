"""``extauth git-credential``: give git the token of a link, as a credential helper."""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, final

import attrs

from extauth.auth import Auth
from extauth.cli.command import Answer, Command
from extauth.cli.personal.git_protocol import (
    GitRequest,
    answer,
    hosts_of,
    is_at,
    read_request,
    username_of,
)
from extauth.cli.session import Session, UsageError
from extauth.domain.hidden import Hidden

_MOST: Final = 1 << 20
"""Bytes that git may say."""


@final
@attrs.frozen
class _Remote:
    """Whose link is for a remote."""

    provider_id: str
    username: str


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operation", metavar="OPERATION", help="get, store or erase, as git says it")
    parser.add_argument(
        "--provider",
        metavar="ID",
        help="the link to use, such as github/work; default: the provider whose repositories are at the host",
    )
    parser.add_argument("--user", metavar="ID", help="whose link; default: the user of the operating system")
    parser.add_argument(
        "--host",
        metavar="HOST",
        action="append",
        help="where tokens may be sent; needed with --app; default: git_hosts of the configuration, or the"
        " provider's own",
    )


async def _run(session: Session) -> Answer:
    operation: str = session.options.operation
    request = read_request(Hidden(sys.stdin.buffer.read(_MOST).decode("utf-8", "replace")))
    if operation not in {"get", "erase"} or (operation == "erase" and request.secret.value is None):
        return Answer({}, [])  # there is nothing to store, and git may say more one day
    if (remote := _remote(session, request)) is None:
        return Answer({}, [])
    async with _opened(session, remote) as (auth, user):
        if operation == "erase":
            await auth.refresh(remote.provider_id, user, rejected=request.secret.value)
            return Answer({}, [])
        tokens = (await auth.link(remote.provider_id, user)).tokens
    token = Hidden(tokens.access_token)
    return Answer({}, answer(request, token, username=remote.username, expires_at=tokens.expires_at))


def _remote(session: Session, request: GitRequest) -> _Remote | None:
    from extauth.cli.personal.opening import config_of  # noqa: PLC0415 - it needs aiohttp

    options = session.options
    given: str | None = options.provider
    if session.app is not None and not options.mine:
        if given is None or not options.host:
            msg = "with --app say --provider, and by --host where its tokens may be sent"
            raise UsageError(msg)
        return _Remote(given, "oauth2") if is_at(request, options.host) else None
    config = config_of(session)
    entries = config.providers.values() if given is None else [config.of(given)]
    for entry in entries:
        if is_at(request, options.host or hosts_of(entry)):
            return _Remote(given or entry.provider_id, username_of(entry))
    return None


@asynccontextmanager
async def _opened(session: Session, remote: _Remote) -> AsyncGenerator[tuple[Auth, str], None]:
    from extauth.cli.personal.asking import hint  # noqa: PLC0415 - it needs aiohttp
    from extauth.cli.personal.opening import open_for, user_of  # noqa: PLC0415

    user = user_of(session)
    with hint(remote.provider_id, session.options.user):
        async with open_for(session, remote.provider_id) as auth:
            yield auth, user


COMMAND = Command(
    name="git-credential",
    help="give git the token of a link",
    description="A credential helper of git's: git config --global credential.helper '!extauth"
    " git-credential'. It answers for the hosts of your providers, over https, and is silent for any other. A"
    " token that a server refuses is refreshed when git says so, and the next try has another. Where git and"
    " the server can, it is sent as Bearer, and else as a password.",
    add_arguments=_add_arguments,
    members={},
    own_output=True,
    run=_run,
)
