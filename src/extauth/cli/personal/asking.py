"""How the commands for one person get a token."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from extauth.cli.personal.opening import open_for, user_of
from extauth.domain.errors import LinkNotFound, ReauthorizationRequired
from extauth.domain.link import Link

if TYPE_CHECKING:
    from extauth.cli.session import Session


async def working_link(session: Session) -> Link:
    """Return the link that the command line names, refreshed if need be.

    :raises ExtAuthError: as :meth:`extauth.Auth.link`; it says how to connect.
    """
    options = session.options
    user = user_of(session)
    with hint(options.provider, options.user):
        async with open_for(session, options.provider) as auth:
            return await auth.link(
                options.provider, user, resource=options.resource, valid_for=options.valid_for
            )


@contextmanager
def hint(provider_id: str, user: str | None) -> Generator[None]:
    """Say how to connect where that would help."""
    command = f"extauth connect {provider_id}{'' if user is None else f' --user {user}'}"
    try:
        yield
    except LinkNotFound as error:
        msg = f"{error}; run: {command}"
        raise LinkNotFound(msg) from None
    except ReauthorizationRequired as error:
        msg = f"{error}; run: {command}"
        raise ReauthorizationRequired(msg, reason=error.reason) from None
