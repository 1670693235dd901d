"""Opening the links of one person, and those that a command of theirs is about."""

from __future__ import annotations

import getpass
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from extauth.auth import Auth
from extauth.cli.databases import check_migrated
from extauth.domain.errors import ConfigurationError
from extauth.domain.hidden import Hidden
from extauth.extras import extra_needed
from extauth.front_door import open as open_auth

with extra_needed("aiohttp"):
    from extauth.cli.personal.config import PersonalConfig, default_store, read_config
    from extauth.cli.personal.providers import KNOWN, provider_of

if TYPE_CHECKING:
    from extauth.adapters.encryption.keyring import GivenKeys
    from extauth.cli.session import Session


def config_of(session: Session) -> PersonalConfig:
    """Read the configuration.

    :raises ConfigurationError: if it cannot be read, or says what cannot be.
    """
    return read_config(session.options.config, os.environ, KNOWN)


def user_of(session: Session) -> str:
    """Return whose link is meant: the user of the operating system, if nobody says.

    :raises ConfigurationError: if that user has no name.
    """
    given: str | None = session.options.user
    try:
        return given or getpass.getuser()
    except (KeyError, OSError):
        msg = "the user of this process has no name; say whose link is meant by --user"
        raise ConfigurationError(msg) from None


@asynccontextmanager
async def open_mine(
    session: Session, config: PersonalConfig | None = None, only: str | None = None
) -> AsyncGenerator[Auth, None]:
    """Open a person's links with the providers of their configuration, or the one that serves ``only``.

    The default store is made if it is not there, in a folder for its owner alone.

    :raises UnknownProvider: if nothing is known of ``only``.
    :raises ConfigurationError: for what must be mended first.
    :raises StoreUnavailable: if the store cannot be opened.
    """
    config = config or config_of(session)
    entries = config.providers.values() if only is None else [config.of(only)]
    providers = [await provider_of(each) for each in entries]
    url = session.url or (None if config.store.value is None else Hidden(config.store.value))
    if url is not None:
        await check_migrated(url)
    else:
        url = Hidden(_made_store(default_store(os.environ)))
    async with open_auth(url.value, providers, keys=_keys(session, config)) as auth:
        yield auth


@asynccontextmanager
async def open_for(session: Session, provider_id: str) -> AsyncGenerator[Auth, None]:
    """Open what a person's command works on: the application that they name, or else their own links.

    :raises UnknownProvider: if nothing is known of the provider.
    :raises ConfigurationError: for what must be mended first.
    :raises StoreUnavailable: if the store cannot be opened.
    """
    if session.app is None or session.options.mine:
        async with open_mine(session, only=provider_id) as auth:
            yield auth
        return
    async with session.opened("needed") as opened:
        assert opened.auth is not None, "providers were needed"  # noqa: S101
        yield opened.auth


def _made_store(path: Path) -> str:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        msg = (
            f"the folder {path.parent} cannot be made: {error.strerror}; give the store's address by --store"
        )
        raise ConfigurationError(msg) from None
    return f"sqlite:///{str(path).replace('%', '%25').replace('?', '%3F').replace('#', '%23')}"


def _keys(session: Session, config: PersonalConfig) -> GivenKeys:
    keys = session.keys()
    if keys != "plain" or config.keys_file is None:
        return keys
    from extauth.adapters.encryption import keys_from_file  # noqa: PLC0415 - only where it is wanted

    return cast("GivenKeys", keys_from_file(Path(config.keys_file).expanduser()))
