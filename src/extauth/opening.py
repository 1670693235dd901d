"""Opening a store by URL: the one place that knows every store."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from types import TracebackType
from typing import Any, ClassVar, NoReturn, final
from urllib.parse import unquote, urlsplit

from extauth.domain.linking_ports import Store
from extauth.services.open_services import close_services_on

_SQLITE = "sqlite:///"


def open_store(url: str, **options: Any) -> AbstractAsyncContextManager[Store]:
    """Open a store for use in ``async with``; creates or migrates the schema, and closes at the end.

    Leaving it first closes the services on this store that the application has forgotten to close: an
    exchange under way still saves its tokens.

    ``memory://`` forgets everything at the end; ``sqlite:///relative.db`` and ``sqlite:////absolute.db`` are
    files for one machine; ``postgresql://user:password@host/database`` is for several. Options are those of
    :meth:`SqliteLinkStore.open <extauth.adapters.sqlite.SqliteLinkStore.open>` and
    :meth:`PostgresLinkStore.open <extauth.adapters.postgres.PostgresLinkStore.open>`.

    :raises ValueError: if the URL is none of these.
    :raises ModuleNotFoundError: if the store's driver is not installed; it names the extra to install.
    :raises StoreUnavailable: on entering, if the store cannot be reached.
    :raises ConfigurationError: on entering, if its schema is newer than this version of extauth knows.
    """
    return _OpenStore(_opening(url, options))


def _opening(url: str, options: dict[str, Any]) -> AbstractAsyncContextManager[Store]:
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        from extauth.adapters.memory import MemoryLinkStore  # noqa: PLC0415 - one driver, if it is wanted

        return MemoryLinkStore(**options)
    if scheme == "sqlite":
        with _extra_needed("sqlite"):
            from extauth.adapters.sqlite import SqliteLinkStore  # noqa: PLC0415

        return SqliteLinkStore.open(_sqlite_path(url), **options)
    if scheme in {"postgresql", "postgres"}:
        with _extra_needed("postgres"):
            from extauth.adapters.postgres import PostgresLinkStore  # noqa: PLC0415

        return PostgresLinkStore.open(url, **options)
    # The URL itself may hold a password.
    found = f"not with {scheme!r}" if scheme else "but this has no scheme; a file is sqlite:///links.db"
    msg = f"a store URL begins with memory://, sqlite:/// or postgresql://, {found}"
    raise ValueError(msg)


@final
class _OpenStore:
    """Keeps a store open until it is left, however little care the application takes of it."""

    _entered: ClassVar[set[_OpenStore]] = set()
    """Strong references: a store that the application lets go of without leaving it must not be closed by
    the garbage collector under a refresh that has yet to save."""

    def __init__(self, opening: AbstractAsyncContextManager[Store]) -> None:
        self._opening = opening
        self._store: Store | None = None

    def __getattr__(self, name: str) -> NoReturn:
        # Here comes who takes this for the store: a service, at its first call.
        msg = f"no {name} before the store is open; write: async with open_store(...) as store"
        raise AttributeError(msg, name=name, obj=self)

    async def __aenter__(self) -> Store:
        self._store = await self._opening.__aenter__()
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


def _sqlite_path(url: str) -> str:
    path = unquote(url.removeprefix(_SQLITE))
    if not url.startswith(_SQLITE) or not path:
        msg = "write sqlite:///relative.db or sqlite:////absolute/path.db"
        raise ValueError(msg)
    if path == ":memory:":
        msg = "write memory:// for a store in memory"
        raise ValueError(msg)
    return path


@contextmanager
def _extra_needed(extra: str) -> Generator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        msg = f'{error.name} is not installed; run: pip install "extauth[{extra}]"'
        raise ModuleNotFoundError(msg, name=error.name) from error
