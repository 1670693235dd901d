"""Opening the links of one person, and those that a command of theirs is about."""

from __future__ import annotations

import getpass
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from extauth.auth import Auth
from extauth.cli.databases import check_migrated
from extauth.domain.errors import ConfigurationError
from extauth.domain.hidden import Hidden
from extauth.extras import extra_needed
from extauth.front_door import open as open_auth
from extauth.private_files import in_home

with extra_needed("aiohttp"):
    from extauth.cli.personal.config import PersonalConfig, default_store, read_config
    from extauth.cli.personal.providers import KNOWN, provider_of

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.adapters.encryption.keyring import GivenKeys
    from extauth.adapters.oauth2 import OAuth2Provider
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
    :raises ProviderUnavailable: if an issuer cannot be asked now.
    :raises StoreUnavailable: if the store cannot be opened.
    """
    config = config or config_of(session)
    providers = await providers_of(config, only)
    url = await store_of(session, config)
    async with open_auth(url.value, providers, keys=keys_of(session, config)) as auth:
        yield auth


async def providers_of(config: PersonalConfig, only: str | None = None) -> list[OAuth2Provider]:
    """Return the providers of a configuration, or the one that serves ``only``.

    :raises UnknownProvider: if nothing is known of ``only``.
    :raises ConfigurationError: for what must be mended first.
    :raises ProviderUnavailable: if an issuer cannot be asked now.
    """
    entries = config.providers.values() if only is None else [config.of(only)]
    return [await provider_of(each) for each in entries]


def address_of(session: Session, config: PersonalConfig | None = None, *, made: bool = False) -> Hidden[str]:
    """Return where a person's links are, or would be; the folder of the default store is ``made`` if need be.

    :raises ConfigurationError: if the configuration cannot be read, or the folder cannot be made.
    """
    config = config or config_of(session)
    if (url := session.url or config.store).value is not None:
        return Hidden(url.value)
    path = default_store(os.environ)
    if made:
        _make_folder(path.parent)
    return Hidden(_url_of(path))


async def store_of(session: Session, config: PersonalConfig | None = None) -> Hidden[str]:
    """Return where a person's links are, to open it. One that they named must have its tables.

    :raises ConfigurationError: for what must be mended first.
    :raises StoreUnavailable: if the store cannot be reached.
    """
    config = config or config_of(session)
    url = address_of(session, config, made=True)
    if session.url is not None or config.store.value is not None:
        await check_migrated(url)
    return url


def keys_of(session: Session, config: PersonalConfig | None = None) -> GivenKeys:
    """Return the keys that were given, or else those that the configuration names.

    :raises ConfigurationError: if they cannot be read.
    """
    keys = session.given_keys()
    config = config or config_of(session)
    if keys != "plain" or config.keys_file is None:
        return keys
    from extauth.adapters.encryption import keys_from_file  # noqa: PLC0415 - only where it is wanted

    return cast("GivenKeys", keys_from_file(in_home(config.keys_file)))


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


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        msg = f"the folder {path} cannot be made: {error.strerror}; give the store's address by --store"
        raise ConfigurationError(msg) from None


def _url_of(path: Path) -> str:
    return f"sqlite:///{str(path).replace('%', '%25').replace('?', '%3F').replace('#', '%23')}"
