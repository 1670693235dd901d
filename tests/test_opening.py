"""What ``open_store`` takes for a store, and what it says to the rest."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import get_type_hints

import pytest
from yarl import URL

from extauth import LinkKey, TokenSet, open_store
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.postgres import PostgresLinkStore
from extauth.adapters.sqlite import SqliteLinkStore
from extauth.opening import StoreOptions

KEY = LinkKey("p", "alice")
PASSWORD = "correct-horse"


async def keeps(url, **options):
    """Tell whether a link that is put into the store is found when it is opened again."""
    async with open_store(url, **options) as store:
        await store.put(KEY, TokenSet("at", "rt"))
    async with open_store(url, **options) as store:
        return await store.get(KEY) is not None


async def test_a_path_is_a_sqlite_file(tmp_path):
    """A ``Path`` needs no URL around it, and takes the options of SQLite."""
    assert await keeps(tmp_path / "links.db", busy_timeout=timedelta(seconds=1))
    assert (tmp_path / "links.db").exists()


async def test_a_yarl_url_is_a_url(tmp_path):
    """A URL object whose text is the whole URL is as good as the text."""
    assert await keeps(URL(f"sqlite:///{tmp_path}/links.db"))


@pytest.mark.parametrize("query", ["?mode=ro", "?timeout=30", "?mode=memory&cache=shared", "?"])
def test_a_sqlite_url_has_no_query(query, tmp_path, monkeypatch):
    """Options of other libraries are refused, and become no part of a file's name."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"no options after a \?; give them to open_store by keyword"):
        open_store(f"sqlite:///x.db{query}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("#", "written %23"),
        ("#mode=ro", "written %23"),
        ("#/x.db", "written %23"),
        ("\n", "strip it"),
        ("\r\n", "strip it"),
        (" ", "strip it"),
        ("\t", "strip it"),
        ("\nx.db", "strip it"),
    ],
)
def test_a_sqlite_url_ends_with_the_file(rest, message, tmp_path, monkeypatch):
    """What is no path becomes no part of a file's name: the file that is meant stays the one that is used."""
    monkeypatch.chdir(tmp_path)
    for url in (f"sqlite:///x.db{rest}", f"sqlite:///{tmp_path}/x.db{rest}"):
        with pytest.raises(ValueError, match=message):
            open_store(url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "path",
    ["sqlite:///x.db", "file:x.db", "file:x.db?mode=ro", "x.db?mode=ro", "x.db?mode=memory&cache=shared"],
)
async def test_an_address_is_no_path(path, tmp_path, monkeypatch):
    """Nor does it become one: the error says what to write, in whichever place it was given."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="takes the path of a file"):
        async with SqliteLinkStore.open(path):
            raise AssertionError
    assert list(tmp_path.iterdir()) == []


async def test_a_file_whose_name_is_like_an_address(tmp_path, monkeypatch):
    """It is opened by a Path, which is no address, or encoded in a URL."""
    monkeypatch.chdir(tmp_path)
    async with SqliteLinkStore.open(Path("x.db?mode=ro")):
        pass
    assert await keeps("sqlite:///x.db%3Fmode=ro")
    assert await keeps("sqlite:///c%23.db")
    assert await keeps(Path("c#.db"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c#.db", "x.db?mode=ro"]


async def test_a_question_mark_in_a_name(tmp_path):
    """Encoded it is part of the file's name."""
    assert await keeps(f"sqlite:///{tmp_path}/odd%3Fname.db")
    assert (tmp_path / "odd?name.db").exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("links.db", "this has no scheme; a file is sqlite:///links.db"),
        (f"app:{PASSWORD}@db.example/links", "this has no scheme"),
        ("mysql://db/links", "not with 'mysql'"),
        (f"postgresql+asyncpg://app:{PASSWORD}@db/links", "leave the driver out: postgresql://"),
        ("sqlite+aiosqlite:///links.db", "leave the driver out: sqlite://"),
        ("sqlite://", "write sqlite:///relative.db"),
        ("sqlite:///:memory:", "write memory://"),
        ("sqlite:///file:links.db", "write sqlite:///relative.db"),
        ("sqlite:///sqlite:///links.db", "write sqlite:///relative.db"),
        (Path(":memory:"), "write memory://"),
        (f"mysql://app:{PASSWORD}\u2100x@db.example/links", "not with 'mysql'"),
    ],
)
def test_another_url_is_told_what_to_write(url, message):
    """The message says what a store's URL is like, and repeats no password."""
    with pytest.raises(ValueError) as refused:
        open_store(url)
    assert message in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_characters_that_a_host_cannot_have():
    """A password that Python's own URL parser would quote in its error is not looked at before connecting."""
    assert open_store(f"postgresql://app:{PASSWORD}\u2100x@db.example/links") is not None


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (None, "a store's URL must be a str such as sqlite:///links.db, not None; is it configured?"),
        (b"sqlite:///x.db", "not bytes; decode it: value.decode()"),
        (5, "not int"),
        (URL, "not the class URL"),
    ],
)
def test_what_is_no_text_is_no_url(url, message):
    """Another type is refused before anything is opened."""
    with pytest.raises(TypeError) as refused:
        open_store(url)
    assert message in str(refused.value)


@pytest.mark.parametrize("url", ["memory://", "sqlite:///x.db", "postgresql://db/links"])
def test_an_option_that_the_store_has_not(url):
    """A slip in an option's name is an error when the store is named, not when it is used."""
    with pytest.raises(TypeError, match="max_sice"):
        open_store(url, max_sice=3)


def test_the_options_are_those_of_the_stores():
    """A type checker knows just the keywords that the stores take."""
    calls = (MemoryLinkStore, SqliteLinkStore.open, PostgresLinkStore.open)
    taken = {name for call in calls for name in inspect.signature(call).parameters}
    assert taken - {"path", "dsn"} == get_type_hints(StoreOptions).keys()


MISSING = """
import sys
sys.modules[{package!r}] = None
{statement}
"""


@pytest.mark.parametrize(
    ("package", "statement", "extra"),
    [
        ("aiohttp", "import extauth.adapters.oauth2", "aiohttp"),
        ("aiohttp", "from extauth.adapters.oauth2.provider import OAuth2Provider", "aiohttp"),
        ("aiohttp", "import extauth.adapters.providers", "aiohttp"),
        ("aiohttp", "import extauth.adapters.discovery", "aiohttp"),
        ("aiosqlite", "import extauth.adapters.sqlite", "sqlite"),
        ("asyncpg", "import extauth.adapters.postgres", "postgres"),
        ("aiosqlite", "import extauth; extauth.open_store('sqlite:///x.db')", "sqlite"),
        ("asyncpg", "import extauth; extauth.open_store('postgresql://db/links')", "postgres"),
    ],
)
def test_an_adapter_names_the_extra_that_is_missing(package, statement, extra):
    """Whoever installed extauth without it reads what to install."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    script = MISSING.format(package=package, statement=statement)
    told = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    wanted = f'ModuleNotFoundError: {package} is not installed; run: pip install "extauth[{extra}]"'
    assert told.stderr.splitlines()[-1] == wanted


def test_a_mistake_of_extauths_own_is_not_taken_for_a_missing_extra():
    """A module of extauth's own that is not there is told as it is."""
    script = "import sys; sys.modules['extauth.adapters.sqlite.rows'] = None; import extauth.adapters.sqlite"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    told = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert "pip install" not in told.stderr.splitlines()[-1]
    assert "extauth.adapters.sqlite.rows" in told.stderr.splitlines()[-1]
