"""An address of a database that cannot be used shows nothing of the password in it, wherever one looks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

import extauth
from extauth import open_store
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.adapters.postgres import PostgresLinkStore
from extauth.adapters.sqlite import SqliteLinkStore
from tests.secrecy.watch import Watch

open_any: Any = open_store  # a type checker would not have most of what is here
open_door: Any = extauth.open

SECRET = "hunter"
"""Each half of the password, on either side of an unusual character."""

ODD = [
    *"!\"$&'()*+,-.:;<=>@[\\]^_`{|}~%/?# \t\n\r\0\x7f\x85\xa0",
    "℀",
    "\uff20",
    "\u2028",
    "ü",
    "😀",
    "\ud800",
    "%00",
    "%zz",
    "%40",
    "%ff",
    "@@",
    "1/",
    "//",
    ":1@",
    ",:",
]
ADDRESSES = [
    "postgresql://u:{}@127.0.0.1:1/db",
    "postgresql://u:12{}@127.0.0.1:1/db",
    "postgresql://{}@127.0.0.1:1/db",
    "postgresql://u@127.0.0.1:1/db?password={}",
    "postgresql://u@127.0.0.1:1/db?sslmode={}",
    "postgresql://u@127.0.0.1:1/db?sslmode=disable&target_session_attrs={}",
    "postgresql://u:hunter-hunter@127.0.0.1:{}/db",
    "postgresql://u:hunter-hunter@127.0.0.1,,localhost:1/db?x={}",
    "postgresql://u:hunter-hunter@127.0.0.1:99999/db?x={}",
    "postgresql://u:hunter-hunter@[::1{}/db",
    "postgresql://u:hunter-hunter@127.0.0.1:1/db?sslmode=verify-full&sslrootcert={}",
]


def shown(call: Callable[[], Awaitable[object]]) -> dict[str, set[str]]:
    """Do what must fail, and return where the password was seen."""
    watch = Watch()

    async def main() -> None:
        with pytest.raises((extauth.ExtAuthError, ValueError, TypeError)) as caught:
            await call()
        watch.take(f"error {type(caught.value).__name__}", caught.value)

    watch.run(main)
    return watch.leaks(lambda text: {SECRET} if SECRET in text else set())


async def _try(url: object) -> None:
    await entered(open_any(url))


async def entered(opening: Any) -> None:
    """Open what cannot be opened."""
    async with opening:
        raise AssertionError


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_a_postgres_address(address: str, odd: str):
    """Whatever character is in it, and wherever the parser takes it to be."""
    dsn = address.format(f"{SECRET}{odd}{SECRET}")
    assert shown(lambda: entered(open_any(dsn))) == {}


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_a_sqlite_address(odd: str, tmp_path, monkeypatch):
    """A URL of a server in place of a file, as text or as a path."""
    monkeypatch.chdir(tmp_path)
    dsn = f"postgresql://u:{SECRET}{odd}{SECRET}@host/no/db"
    for url in (f"sqlite:///{dsn}", f"sqlite://u:{SECRET}{odd}{SECRET}@host/db", Path(dsn), f"sqlite:{dsn}"):
        assert shown(partial(_try, url)) == {}
    assert shown(lambda: entered(SqliteLinkStore.open(Path(dsn)))) == {}


DSN = f"postgresql://u:{SECRET}@127.0.0.1:1/db"


@pytest.mark.parametrize(
    "call",
    [
        lambda: entered(open_any(f"mysql{DSN}")),
        lambda: entered(open_any(DSN.encode())),
        lambda: entered(open_any(URL(f"mysql://u:{SECRET}@host/db"))),
        lambda: entered(open_any(DSN, max_sice=1)),
        lambda: entered(open_any(DSN, max_size="many")),
        lambda: entered(PostgresLinkStore.open(DSN, max_size=-1)),
        lambda: entered(PostgresLinkStore.open(f"host=h password={SECRET}")),
        lambda: entered(open_door(f"mysql{DSN}", [])),
        lambda: entered(open_door(DSN.encode(), [])),
        lambda: entered(open_door(DSN, [], max_sice=1)),
        lambda: entered(open_door(DSN, ["none"])),
        lambda: entered(open_door(DSN, [])),
    ],
)
def test_a_mistake_beside_the_address(call):
    """What is wrong is said, and the frames that it passes show no address."""
    assert shown(call) == {}


@pytest.mark.parametrize("service", ["[s]\npassword={}\nnonsense", "[s]\nport={}", "password={}"])
def test_a_service_file(service, tmp_path, monkeypatch):
    """The file that libpq has passwords in, if it cannot be read."""
    (tmp_path / "services").write_text(service.format(SECRET))
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    assert shown(lambda: entered(open_any("postgresql:///db?service=s&sslmode=disable&port=1"))) == {}


@pytest.mark.parametrize("answer", [b"", b"N", b"S"], ids=["silent", "no TLS", "TLS"])
def test_a_call_that_is_cut_off_while_it_connects(answer):
    """Cancelled or timed out: the driver's frames are not in what the caller catches."""

    async def cut_off() -> None:
        asked = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(8)
            writer.write(answer)
            if answer:
                await reader.read(1)
            asked.set()
            await reader.read()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            dsn = f"postgresql://u:{SECRET}@127.0.0.1:{port}/db?sslmode=prefer"
            async with asyncio.timeout(None) as limit:
                opening = asyncio.create_task(entered(open_any(dsn)))
                await asked.wait()
                limit.reschedule(0)
                await opening

    watch = Watch()

    async def main() -> None:
        with pytest.raises(TimeoutError) as caught:
            await cut_off()
        watch.take("time-out", caught.value)

    watch.run(main)
    assert watch.leaks(lambda text: {SECRET} if SECRET in text else set()) == {}


@pytest.mark.parametrize("odd", ODD, ids=ascii)
@pytest.mark.parametrize("what", ["token_url", "authorize_url", "userinfo_url", "revoke_url", "device_url"])
def test_an_address_of_a_provider(what: str, odd: str):
    """User and password in an endpoint are refused, and not repeated."""
    urls: dict[str, Any] = {
        "token_url": "https://p.example/token",
        what: f"https://u:{SECRET}{odd}{SECRET}@p.example/x",
    }
    with pytest.raises(ValueError) as caught:
        OAuth2Provider("p", client_id="client", **urls)
    each: BaseException | None = caught.value
    while each is not None:
        assert SECRET not in f"{each} {each!r} {vars(each)}"
        each = each.__cause__ or each.__context__


def test_it_is_looked_for_everywhere():
    """The watch also sees what is not shown with an error, but hangs on it."""

    async def failing() -> None:
        try:
            raise OSError(SECRET)
        except OSError:
            raise ValueError from None

    assert list(shown(failing)) == ["error ValueError: OSError"]
