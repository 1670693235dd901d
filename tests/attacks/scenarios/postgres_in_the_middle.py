"""Who stands between an application and its Postgres server takes its password (CWE-295, CWE-319)."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from extauth import ConfigurationError, ExtAuthError, LinkKey, TokenSet, open_store
from extauth.adapters.postgres import own_pool
from tests.attacks.attack import Attack
from tests.attacks.fence import Fence
from tests.servers.evil_postgres import evil_postgres
from tests.servers.postgres_server import own_postgres
from tests.support.tls import self_signed, serving

HOST = "db.example"
KEY = LinkKey("p", "alice")
Tls = Callable[[Path], tuple[ssl.SSLContext | None, str]]


def _in_between(name: str, source: str, tls: Tls) -> Attack:
    async def attempt(fence: Fence) -> object:
        fence.names[HOST] = ["127.0.0.1"]
        with tempfile.TemporaryDirectory() as folder:
            context, options = tls(Path(folder))
            async with evil_postgres(context) as evil:
                dsn = f"postgresql://app:word-of-app@{HOST}:{evil.port}/links{options}"
                try:
                    async with open_store(dsn):
                        raise AssertionError
                except ConfigurationError:
                    raise  # refused
                except ExtAuthError:
                    return evil.passwords

    return Attack(
        name=f"in the middle before Postgres: {name}",
        source=source,
        attempt=attempt,
        honest=_the_server_itself,
        without_guard=_as_asyncpg_does,
        refused=ConfigurationError,
    )


def _without_tls(_: Path) -> tuple[None, str]:
    return None, ""


def _own_certificate(folder: Path) -> tuple[ssl.SSLContext, str]:
    return serving(folder, *self_signed(HOST)), ""


def _of_another_host(folder: Path) -> tuple[ssl.SSLContext, str]:
    key, certificate = self_signed("another.example")
    (folder / "authorities.pem").write_bytes(certificate)
    return serving(folder, key, certificate), f"?sslrootcert={folder}/authorities.pem"


async def _the_server_itself(fence: Fence) -> None:
    fence.names[HOST] = ["127.0.0.1"]
    key, certificate = self_signed(HOST)
    with tempfile.TemporaryDirectory() as folder, own_postgres(tls=(key, certificate)) as server:
        authorities = Path(folder) / "authorities.pem"
        authorities.write_bytes(certificate)
        port = urlsplit(server.dsn).port
        dsn = f"postgresql://postgres:any@{HOST}:{port}/postgres?sslrootcert={authorities}"
        async with open_store(dsn) as store:
            assert (await store.put(KEY, TokenSet("at"))).version == 1


def _as_asyncpg_does(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(own_pool, "verification", lambda *_, **__: None)


ATTACKS = [
    _in_between("it says that there is no TLS", "CWE-319, CWE-757", _without_tls),
    _in_between("it has a certificate of its own making", "CWE-295", _own_certificate),
    _in_between("it has a certificate of another host", "CWE-297", _of_another_host),
]
