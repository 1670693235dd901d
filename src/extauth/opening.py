"""Opening a store by URL: the one place that knows every store."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypedDict, Unpack, cast, final
from urllib.parse import unquote

from extauth.domain.hidden import Hidden
from extauth.domain.linking_ports import Store
from extauth.domain.wrong_types import UrlObject, must_be, url_text
from extauth.encrypting import Encrypting, encrypting, warn_of_plain_text
from extauth.services.open_services import close_services_on

if TYPE_CHECKING:
    from extauth.adapters.encryption.keyring import GivenKeys
    from extauth.adapters.encryption.store import PlainRows

_SQLITE = "sqlite:///"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_POSTGRES = frozenset({"postgresql", "postgres"})


class StoreOptions(TypedDict, total=False):
    """Options of all the stores; each takes its own and refuses the others."""

    now: Callable[[], datetime]
    """Of ``memory://``: its clock."""
    busy_timeout: timedelta
    """Of SQLite."""
    max_size: int
    """Of Postgres, as those below."""
    transaction_pooling: bool | None
    command_timeout: timedelta
    schema: str | None


def open_store(
    url: str | os.PathLike[str] | UrlObject,
    *,
    keys: GivenKeys = None,
    plain_rows: PlainRows | None = None,
    **options: Unpack[StoreOptions],
) -> AbstractAsyncContextManager[Store]:
    """Open a store for use in ``async with``; creates or migrates the schema, and closes at the end.

    Leaving it first closes the services on this store that the application has forgotten to close: an
    exchange under way still saves its tokens.

    ``memory://`` forgets everything at the end; ``sqlite:///relative.db`` and ``sqlite:////absolute.db`` are
    files for one machine, for their owner alone; ``postgresql://user:password@host/database`` is for several,
    and off this machine its server is verified unless ``?sslmode=...`` says otherwise. A ``Path`` is a SQLite
    file. Options are those of :meth:`SqliteLinkStore.open <extauth.adapters.sqlite.SqliteLinkStore.open>` and
    :meth:`PostgresLinkStore.open <extauth.adapters.postgres.PostgresLinkStore.open>`, by keyword: SQLite's
    cannot be in the URL.

    With ``keys`` everything secret is encrypted before it reaches the database: see
    :class:`~extauth.adapters.encryption.EncryptedStore`, which is what there is on entering. It is an
    ``EncryptionKey``, a ``KeyProvider``, several of them of which the first is primary, or a ``Keyring``.
    ``plain_rows="refuse"`` refuses what is not encrypted. Without keys a warning is logged once a process,
    which ``keys="plain"`` switches off.

    :raises ValueError: if the URL is none of these, or a SQLite one has a query or a fragment, or two keys
        have one id. No message repeats the URL.
    :raises TypeError: if it is no ``str``, ``Path`` or ``yarl.URL``, or for an option that the store has not.
    :raises ModuleNotFoundError: if the store's driver, or what encrypts, is not installed; it names the extra
        to install.
    :raises StoreUnavailable: on entering, if the store cannot be reached.
    :raises ConfigurationError: on entering, if its schema is newer than this version of extauth knows, or a
        Postgres address, its server, its role or its rights are not as they must be; it says what to do.
    """
    address = Hidden(url)
    given_keys: Hidden[GivenKeys] = Hidden(keys)
    del url, keys  # they may hold a password, and tools that report errors show local variables
    try:
        encrypt = encrypting(given_keys, plain_rows)
        opening = _opening(address.value, cast("dict[str, Any]", options))
        may_tell = encrypt is None and given_keys.value is None and _is_kept(address)
        return _OpenStore(opening, encrypt, may_tell=may_tell)
    except (ImportError, TypeError, ValueError) as error:
        mistake = error.with_traceback(None)  # for the same reason
    raise mistake


def _opening(
    url: str | os.PathLike[str] | UrlObject, options: dict[str, Any]
) -> AbstractAsyncContextManager[Store]:
    if isinstance(url, os.PathLike):
        return _sqlite(os.fspath(url), options)
    url = url_text(url, "a store's URL", "a str such as sqlite:///links.db")
    # Not by urlsplit: its errors quote the password.
    found = _SCHEME.match(url)
    scheme = "" if found is None else found[1].lower()
    if scheme == "memory":
        from extauth.adapters.memory import MemoryLinkStore  # noqa: PLC0415 - one driver, if it is wanted

        return MemoryLinkStore(**options)
    if scheme == "sqlite":
        return _sqlite(sqlite_path(url), options)
    if scheme in _POSTGRES:
        from extauth.adapters.postgres import PostgresLinkStore  # noqa: PLC0415

        return PostgresLinkStore.open(url, **options)
    raise ValueError(_unknown(scheme))


def _is_kept(address: Hidden[str | os.PathLike[str] | UrlObject]) -> bool:
    """Whether what the store keeps outlives the process."""
    return not (isinstance(address.value, str) and address.value.lower().startswith("memory:"))


def _unknown(scheme: str) -> str:
    """Say what a store URL is like; never the URL itself, which may hold a password."""
    if not scheme:
        found = "but this has no scheme; a file is sqlite:///links.db"
    elif (plain := scheme.partition("+")[0]) in {"sqlite", *_POSTGRES}:
        found = f"not with {scheme}://; leave the driver out: {plain}://"
    else:
        found = f"not with {scheme!r}"
    return f"a store URL begins with memory://, sqlite:/// or postgresql://, {found}"


def _sqlite(path: str | bytes, options: dict[str, Any]) -> AbstractAsyncContextManager[Store]:
    if isinstance(path, bytes):
        msg = must_be("a str", path, "the path of a SQLite file")
        raise TypeError(msg)
    if path == ":memory:":
        msg = "write memory:// for a store in memory"
        raise ValueError(msg)
    from extauth.adapters.sqlite import SqliteLinkStore  # noqa: PLC0415

    return SqliteLinkStore.open(Path(path), **options)


@final
class _OpenStore:
    """Keeps a store open until it is left, however little care the application takes of it."""

    _entered: ClassVar[set[_OpenStore]] = set()
    """Strong references: a store that the application lets go of without leaving it must not be closed by
    the garbage collector under a refresh that has yet to save."""

    def __init__(
        self,
        opening: AbstractAsyncContextManager[Store],
        encrypt: Encrypting | None,
        *,
        may_tell: bool,
    ) -> None:
        self._opening = opening
        self._encrypt = encrypt
        self._may_tell = may_tell
        """Whether it is worth a word that what is stored is plain text."""
        self._store: Store | None = None

    def __getattr__(self, name: str) -> NoReturn:
        # Here comes who takes this for the store: a service, at its first call.
        msg = f"no {name} before the store is open; write: async with open_store(...) as store"
        raise AttributeError(msg, name=name, obj=self)

    async def __aenter__(self) -> Store:
        async with AsyncExitStack() as opened:
            store = await opened.enter_async_context(self._opening)
            self._store = store if self._encrypt is None else await self._encrypt(store)
            opened.pop_all()
        if self._may_tell:
            warn_of_plain_text()
        self._entered.add(self)
        return self._store

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        try:
            if self._store is not None:
                await close_services_on(self._store)
        finally:
            self._entered.discard(self)
            suppressed = await self._opening.__aexit__(kind, error, trace)
        return suppressed


_NO_PATH = re.compile(r"[\x00-\x1f\x7f]|^\s|\s$")
"""What comes along from a file or a form, and would be part of another file's name."""


def sqlite_path(url: str) -> str:
    """Return the path in a ``sqlite:///`` URL.

    :raises ValueError: if there is none, or something beside it.
    """
    if "?" in url:
        msg = (
            "a sqlite:/// URL takes no options after a ?; give them to open_store by keyword, such as"
            " busy_timeout=timedelta(seconds=30). A ? in the name of a file is written %3F"
        )
        raise ValueError(msg)
    if "#" in url:
        msg = "a sqlite:/// URL has no part after a #; a # in the name of a file or folder is written %23"
        raise ValueError(msg)
    if _NO_PATH.search(url):
        msg = "a sqlite:/// URL ends with the file's name, not with a space or a line break; strip it"
        raise ValueError(msg)
    path = unquote(url.removeprefix(_SQLITE))
    if not url.startswith(_SQLITE) or not path or path.startswith(("file:", "sqlite:")):
        msg = "write sqlite:///relative.db or sqlite:////absolute/path.db"
        raise ValueError(msg)
    return path
