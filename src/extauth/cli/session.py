"""What a command runs with: its options, the store, the application's providers, and its progress."""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast, final

import attrs

from extauth.cli.application import WHAT_IT_IS, application
from extauth.cli.auditing import audited
from extauth.cli.databases import check_migrated
from extauth.cli.progress import Progress
from extauth.domain.errors import ConfigurationError
from extauth.domain.hidden import Hidden
from extauth.domain.linking_ports import Store
from extauth.opening import open_store

if TYPE_CHECKING:
    from extauth.adapters.encryption.keyring import GivenKeys
    from extauth.auth import Auth

STORE: Final = "EXTAUTH_STORE"
KEYS_FILE: Final = "EXTAUTH_KEYS_FILE"
KEYS: Final = "EXTAUTH_KEYS"
APP: Final = "EXTAUTH_APP"

_WHERE: Final = f"give the store's address by --store or {STORE}, or say --mine for your own links"

Providers: TypeAlias = Literal["unused", "if given", "needed"]


class UsageError(ValueError):
    """The command line asks for what cannot be; the text is ours and quotes no secret."""


@final
@attrs.frozen
class Opened:
    """A store that is open, and with providers the services on it."""

    store: Store
    auth: Auth | None


@final
class Session:
    """One run of a command."""

    def __init__(self, options: argparse.Namespace, *, reports: bool) -> None:
        self.options = options
        self.progress = Progress(shown=reports)
        self.done: dict[str, object] = {}
        """What has been done so far, for who interrupts it; the command keeps it true."""

    @property
    def app(self) -> str | None:
        """Where the application's providers are."""
        return self.options.app or os.environ.get(APP) or None

    @property
    def url(self) -> Hidden[str] | None:
        """The store's address, which may hold a password."""
        given: str | None = self.options.store or os.environ.get(STORE)
        return None if not given else Hidden(given)

    def needed_url(self, *, made: bool = False) -> Hidden[str]:
        """Return it, or where a person's own links are; the folder of these is ``made`` if need be.

        :raises UsageError: if it was not given.
        :raises ConfigurationError: if that person's configuration cannot be read, or the folder not be made.
        """
        if self.options.mine:
            from extauth.cli.personal.opening import address_of  # noqa: PLC0415 - it needs aiohttp

            return address_of(self, made=made)
        if (url := self.url) is None:
            if self.app:
                why = "this command goes to the database itself, and not by the application"
                msg = f"give the store's address by --store or {STORE}: {why}"
                raise UsageError(msg)
            raise UsageError(_WHERE)
        return url

    def keys(self) -> GivenKeys:
        """Return those of the store that is meant: the given ones, or a person's own.

        :raises ConfigurationError: if they cannot be read.
        """
        if self.options.mine:
            from extauth.cli.personal.opening import keys_of  # noqa: PLC0415 - it needs aiohttp

            return keys_of(self)
        return self.given_keys()

    def given_keys(self) -> GivenKeys:
        """Return the keys that were given by file or environment; without any, that plain text is meant.

        :raises ConfigurationError: if they cannot be read.
        """
        file: str | None = self.options.keys_file or os.environ.get(KEYS_FILE)
        if not file and not os.environ.get(KEYS):
            return cast("GivenKeys", "plain")
        from extauth.adapters.encryption import keys_from_environment, keys_from_file  # noqa: PLC0415

        return keys_from_file(file) if file else keys_from_environment()

    @asynccontextmanager
    async def opened(
        self, providers: Providers = "unused", *, writes: bool = False, only: str | None = None
    ) -> AsyncGenerator[Opened, None]:
        """Open the store, with the application's services if they are wanted; never migrates by ``--store``.

        Of a person's own providers the one that serves ``only`` is enough, if that is said. What a command
        that ``writes`` does is entered in the audit trail: the application's, or by ``--store`` the one that
        is in use beside the links.

        :raises UsageError: if an option is missing.
        :raises StoreUnavailable: if it cannot be reached.
        :raises ConfigurationError: if something is wrong that stays so until somebody mends it.
        """
        if self.options.mine and providers == "unused":
            from extauth.cli.personal.opening import store_of  # noqa: PLC0415 - it needs aiohttp

            async with self._by_address(await store_of(self), writes=writes) as store:
                yield Opened(store, None)
            return
        if self.options.mine:
            async with self.mine(only) as auth:
                yield Opened(cast("Store", auth.store), auth)
            return
        url = self.url
        app = self.app
        if url is not None:
            await check_migrated(url)
        if url is not None and (providers == "unused" or (providers == "if given" and not app)):
            async with self._by_address(url, writes=writes) as store:
                yield Opened(store, None)
            return
        if not app:
            what = f"the providers by --app or {APP}: {WHAT_IT_IS}"
            raise UsageError(f"give {what}" if url is not None else _WHERE)
        from extauth.auth import Auth  # noqa: PLC0415 - it takes longer than most commands
        from extauth.front_door import open as open_auth  # noqa: PLC0415

        async with application(app) as given:
            if isinstance(given, Auth):
                yield Opened(cast("Store", given.store), given)
                return
            if url is None:
                msg = f"the application {app} gives providers only; give the store's address, too"
                raise ConfigurationError(msg)
            providers_given = _checked(app, given)
            async with (
                self._by_address(url, writes=writes) as store,
                open_auth(store, providers_given) as auth,
            ):
                yield Opened(cast("Store", auth.store), auth)

    def mine(self, only: str | None = None) -> AbstractAsyncContextManager[Auth]:
        """Return what opens a person's own links, with the providers that their configuration says."""
        from extauth.cli.personal.opening import open_mine  # noqa: PLC0415 - it needs aiohttp

        return open_mine(self, only=only)

    @asynccontextmanager
    async def _by_address(self, url: Hidden[str], *, writes: bool) -> AsyncGenerator[Store, None]:
        async with open_store(url.value, keys=self.keys()) as store:
            if not writes:
                yield store
                return
            async with audited(store) as noted:
                yield noted


def _checked(app: str, given: list[Any]) -> list[Any]:
    for each in given:
        if not hasattr(each, "provider_id"):
            msg = f"the application {app} gives something that is no provider: {type(each).__name__}"
            raise ConfigurationError(msg)
    return given
