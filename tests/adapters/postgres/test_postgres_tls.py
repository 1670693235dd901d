"""A server that is not on this machine is verified, unless the address says otherwise."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from extauth import ConfigurationError, LinkKey, StoreUnavailable, TokenSet, open_store
from extauth.adapters.postgres.facts import postgres_facts
from extauth.domain.hidden import Hidden
from tests.attacks.fence import fenced
from tests.servers.evil_postgres import evil_postgres
from tests.servers.postgres_server import own_postgres
from tests.support.tls import self_signed, serving

KEY = LinkKey("p", "alice")
HOST = "db.example"


@pytest.fixture(autouse=True)
def network(monkeypatch, tmp_path):
    """The names of servers elsewhere, of a user who has no files of libpq's."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PGSSLMODE", "PGSSLROOTCERT", "PGHOST", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    with fenced() as fence:
        fence.names = {HOST: ["127.0.0.1"], "other.example": ["127.0.0.1"]}
        yield fence


@pytest.fixture(scope="module")
def certificate():
    """The key and certificate of the server."""
    return self_signed(HOST)


@pytest.fixture(scope="module")
def server(certificate):
    """A real Postgres server with TLS."""
    with own_postgres(tls=certificate) as running:
        yield running


@pytest.fixture
def authorities(certificate, tmp_path):
    """A file that says whom to trust."""
    path = tmp_path / "authorities.pem"
    path.write_bytes(certificate[1])
    return path


@pytest.fixture
def port(server):
    """Where it listens."""
    return urlsplit(server.dsn).port


async def used(dsn: str) -> bool:
    """Tell whether a link can be kept at that address, and whether the connection was encrypted."""
    async with open_store(dsn) as store:
        await store.put(KEY, TokenSet("at"))
        inside: Any = store
        [row] = await inside._connections.read("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        return bool(row["ssl"])


async def test_a_server_whose_certificate_is_trusted(port, authorities):
    """Nothing more is to be said than whom to trust."""
    assert await used(f"postgresql://postgres@{HOST}:{port}/postgres?sslrootcert={authorities}")


async def test_how_it_is_encrypted_is_told(port, authorities):
    """Its version, and nothing without."""
    trusted = f"postgresql://postgres@{HOST}:{port}/postgres?sslrootcert={authorities}"
    assert (await postgres_facts(Hidden(trusted))).tls in {"TLSv1.2", "TLSv1.3"}
    plain = f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"
    assert (await postgres_facts(Hidden(plain))).tls is None


async def test_whom_this_machine_trusts(port, authorities, monkeypatch):
    """Where nobody is named, its own authorities hold, also for who writes verify-full or system."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
    for query in (
        "",
        "?sslmode=verify-full",
        "?sslrootcert=system",
        "?sslmode=verify-full&sslrootcert=system",
    ):
        assert await used(f"postgresql://postgres@{HOST}:{port}/postgres{query}")


async def test_the_files_of_libpq(port, authorities, monkeypatch, tmp_path):
    """Its ~/.postgresql/root.crt and its environment count."""
    dsn = f"postgresql://postgres@{HOST}:{port}/postgres"
    monkeypatch.setenv("PGSSLROOTCERT", str(authorities))
    assert await used(dsn)
    monkeypatch.delenv("PGSSLROOTCERT")
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").write_bytes(authorities.read_bytes())
    assert await used(dsn)


@pytest.mark.parametrize(
    "query", ["", "?sslmode=verify-full", "?sslrootcert={other}", "?sslmode=verify-full&sslrootcert={other}"]
)
async def test_a_certificate_that_is_not_trusted(query, port, tmp_path):
    """It says what is wrong and what to write."""
    (tmp_path / "other.pem").write_bytes(self_signed("other.example")[1])
    dsn = f"postgresql://postgres@{HOST}:{port}/postgres{query.format(other=tmp_path / 'other.pem')}"
    with pytest.raises(ConfigurationError, match="self-signed certificate") as caught:
        await used(dsn)
    assert "add sslrootcert=/path/to/its/authorities.pem to the address, or sslmode=require" in str(
        caught.value
    )
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


async def test_a_certificate_of_another_name(port, authorities):
    """Whoever is trusted, but is somebody else, is not the server."""
    dsn = f"postgresql://postgres@other.example:{port}/postgres?sslrootcert={authorities}"
    with pytest.raises(ConfigurationError, match="Hostname mismatch"):
        await used(dsn)


@asynccontextmanager
async def tls_from_the_first_byte(dsn: str, context: ssl.SSLContext) -> AsyncGenerator[int]:
    """What ends TLS in front of a server, as a server since 17 and load balancers do it; yields its port."""
    address = urlsplit(dsn)

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while sent := await reader.read(65536):
            writer.write(sent)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", address.port)
        await asyncio.gather(forward(reader, server_writer), forward(server_reader, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as listener:
        yield listener.sockets[0].getsockname()[1]


async def test_tls_without_asking_for_it_first(postgres_dsn, certificate, authorities, tmp_path):
    """As libpq and asyncpg have it with ``sslnegotiation=direct``; the server is verified by its name."""
    path = urlsplit(postgres_dsn).path
    async with tls_from_the_first_byte(postgres_dsn, serving(tmp_path, *certificate)) as port:
        query = f"?sslnegotiation=direct&sslrootcert={authorities}"
        async with open_store(f"postgresql://postgres@{HOST}:{port}{path}{query}") as store:
            assert (await store.put(KEY, TokenSet("at"))).version == 1
        with pytest.raises(ConfigurationError, match="Hostname mismatch"):
            await used(f"postgresql://postgres@other.example:{port}{path}{query}")


async def test_a_server_without_tls(postgres_dsn):
    """It says what to add where the network is trusted, and that is what then works."""
    address = urlsplit(postgres_dsn)
    dsn = f"postgresql://postgres@{HOST}:{address.port}{address.path}"
    with pytest.raises(ConfigurationError, match="offers no TLS") as caught:
        await used(dsn)
    assert "add sslmode=disable to the address" in str(caught.value)
    assert not await used(f"{dsn}?sslmode=disable")


async def test_a_file_of_authorities_that_is_not_there(port, tmp_path):
    """The error says how to name one."""
    dsn = f"postgresql://postgres@{HOST}:{port}/postgres?sslmode=verify-ca"
    with pytest.raises(ConfigurationError, match=r"sslrootcert=/path/to/authorities\.pem"):
        await used(dsn)


@pytest.mark.parametrize("mode", ["require", "prefer", "allow", "disable"])
async def test_what_the_address_says_holds(mode, port):
    """No certificate is asked for where it says so."""
    encrypted = await used(f"postgresql://postgres@{HOST}:{port}/postgres?sslmode={mode}")
    assert encrypted == (mode in {"require", "prefer"})


async def test_what_the_environment_says_holds(port, monkeypatch):
    """As for every client of Postgres."""
    monkeypatch.setenv("PGSSLMODE", "disable")
    assert not await used(f"postgresql://postgres@{HOST}:{port}/postgres")


async def test_this_machine(postgres_dsn, port):
    """Loopback needs no certificate, whether the server offers TLS or not."""
    address = urlsplit(postgres_dsn)
    assert not await used(f"postgresql://postgres@127.0.0.1:{address.port}{address.path}")
    assert await used(f"postgresql://postgres@localhost:{port}/postgres")


async def test_a_server_that_is_taken_over_while_the_store_is_open(
    authorities, server, port, network, tmp_path
):
    """A new connection is verified as the first one: the store is unavailable, and says why."""
    async with open_store(
        f"postgresql://postgres:pw@{HOST}:{port}/postgres?sslrootcert={authorities}"
    ) as store:
        server.stop()
        try:
            evil_tls = serving(tmp_path, *self_signed(HOST))
            async with evil_postgres(evil_tls, port) as evil:
                with pytest.raises(
                    StoreUnavailable, match="the certificate of the Postgres server is not one"
                ):
                    await store.get(KEY)
                assert evil.passwords == []
        finally:
            server.start()
        assert await store.get(KEY) is None or await store.delete(KEY) is not None
