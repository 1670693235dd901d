"""An address that names a service, which leads where libpq's leads, and to nowhere else."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from extauth import ConfigurationError, open_store
from tests.support.swallowed_writes import KEY, TOKENS


@pytest.fixture
def services(tmp_path, monkeypatch):
    """The file of services."""
    file = tmp_path / "services"
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    return file


def section(dsn: str) -> str:
    """Write a service that leads to this database."""
    server = urlsplit(dsn)
    return f"[shop]\nhost={server.hostname}\nport={server.port}\nuser=postgres\ndbname={server.path[1:]}\n"


@pytest.mark.parametrize("address", ["postgresql:///?service=shop", "postgresql://postgres@/?service=shop"])
async def test_it_leads_to_its_database(address, services, postgres_dsn):
    """Not to one that has the user's name."""
    services.write_text(section(postgres_dsn))
    async with open_store(postgres_dsn) as store:
        await store.put(KEY, TOKENS)
    async with open_store(f"{address}&sslmode=disable") as store:
        assert (await store.get(KEY)).version == 1


async def test_a_database_that_the_address_names_counts_first(services, postgres_dsn):
    """As with libpq."""
    path = urlsplit(postgres_dsn).path
    services.write_text(section(postgres_dsn).replace(f"dbname={path[1:]}", "dbname=template1"))
    async with open_store(f"postgresql://{path}?service=shop&sslmode=disable") as store:
        await store.put(KEY, TOKENS)
    async with open_store(postgres_dsn) as store:
        assert (await store.get(KEY)).version == 1


async def test_the_file_at_home(services, tmp_path, postgres_dsn, monkeypatch):
    """Where libpq looks for it, unless the environment says otherwise."""
    monkeypatch.delenv("PGSERVICEFILE")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".pg_service.conf").write_text(section(postgres_dsn))
    async with open_store("postgresql:///?service=shop&sslmode=disable") as store:
        assert (await store.put(KEY, TOKENS)).version == 1


@pytest.mark.parametrize("written", ["[other]\n", "[shop", None], ids=["another", "no service", "no file"])
@pytest.mark.parametrize("by", ["address", "environment"])
async def test_one_that_is_not_there_is_refused(written, by, services, postgres_dsn, monkeypatch):
    """Links would be looked for, and tables made, in a database of this machine's."""
    if written is not None:
        services.write_text(written)
    address = f"{postgres_dsn}&service=shop" if by == "address" else postgres_dsn
    if by == "environment":
        monkeypatch.setenv("PGSERVICE", "shop")
    with pytest.raises(ConfigurationError, match="not in the file of services"):
        async with open_store(address):
            raise AssertionError
