"""The pytest plugin, in real runs of pytest beside the real plugins that run asynchronous tests."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

import extauth
from extauth import LinkKey, TokenSet
from extauth.testing.plugin.backends import DSN_VARIABLE

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[3]
PLUGIN = "extauth.testing.plugin"
TESTS = """
from datetime import timedelta

import pytest

MARK

async def test_in_memory(extauth_auth, extauth_linked, extauth_clock, extauth_provider):
    link = await extauth_linked("alice")
    old = await extauth_auth.access_token("example", "alice")
    assert old == link.tokens.access_token
    extauth_clock.advance(timedelta(hours=2))
    assert await extauth_auth.access_token("example", "alice") != old
    assert extauth_provider.tokens.exchanges == 1


async def test_over_http(extauth_auth, extauth_linked, extauth_clock, extauth_server):
    await extauth_linked("alice", scopes=["read"])
    old = await extauth_auth.access_token("example", "alice")
    extauth_clock.advance(timedelta(hours=2))
    new = await extauth_auth.access_token("example", "alice")
    assert (server_takes(extauth_server, old), server_takes(extauth_server, new)) == (False, True)
    assert await extauth_auth.access_token("example", "alice") == new


def server_takes(server, token):
    return server.accepts(token)


@pytest.fixture
async def application(extauth_auth):
    return [link.key.user_id for link in await extauth_auth.links("bob")]


async def test_a_fixture_of_ones_own(application, extauth_linked):
    assert application == []
    assert (await extauth_linked("bob")).key.user_id == "bob"
"""
ASYNCIO = "pytestmark = pytest.mark.asyncio"
ANYIO = """
pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""
STRICT = TESTS.replace("@pytest.fixture\n", "@pytest_asyncio.fixture\n").replace(
    "import pytest\n", "import pytest\nimport pytest_asyncio\n", 1
)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Where the runs share what they have compiled."""
    return str(tmp_path_factory.mktemp("compiled"))


@pytest.fixture
def pytest_run(pytester, monkeypatch, compiled):
    """Run pytest as its own process on a file of tests, with the plugin, and those for asynchronous tests."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", compiled)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # what else is installed takes its time
    monkeypatch.delenv(DSN_VARIABLE, raising=False)

    def run(
        code: str, *arguments: str, runners: Sequence[str] = ("pytest_asyncio.plugin", "anyio.pytest_plugin")
    ) -> pytest.RunResult:
        pytester.makepyfile(code)
        settings = ["[pytest]", "filterwarnings = error"]
        if "pytest_asyncio.plugin" in runners:
            settings.append("asyncio_default_fixture_loop_scope = function")
        pytester.path.joinpath("pytest.ini").write_text("\n".join(settings))
        plugins = [option for name in (PLUGIN, *runners) for option in ("-p", name)]
        result: pytest.RunResult = pytester.runpytest_subprocess(
            *plugins, "-p", "no:cacheprovider", *arguments
        )
        return result

    return run


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        pytest.param(TESTS.replace("MARK", ""), ["--asyncio-mode=auto"], id="pytest-asyncio, auto"),
        pytest.param(STRICT.replace("MARK", ASYNCIO), [], id="pytest-asyncio, strict"),
        pytest.param(TESTS.replace("MARK", ANYIO), [], id="anyio"),
    ],
)
def test_every_store_by_every_runner(pytest_run, postgres_server, monkeypatch, code, arguments):
    """Each fixture works on each store, whoever runs the tests; users' own fixtures take ours."""
    monkeypatch.setenv(DSN_VARIABLE, postgres_server.dsn)
    result = pytest_run(code, "--extauth-stores=memory,sqlite,postgres", "-v", *arguments)
    result.assert_outcomes(passed=9)
    result.stdout.fnmatch_lines(["*::test_over_http[[]postgres] PASSED*"])


async def test_a_database_that_holds_links(pytest_run, postgres_dsn):
    """Of the application itself, say, which is run by hand: its links are not met, and nothing is refused."""
    async with extauth.open_store(postgres_dsn, keys="plain") as store:
        await store.put(LinkKey("example", "alice"), TokenSet("at"))
        code = """
import pytest, extauth

@pytest.mark.extauth_stores("postgres")
async def test_it(extauth_store_url, extauth_linked):
    await extauth_linked("bob")
    async with extauth.open_store(extauth_store_url, keys="plain") as store:
        assert await store.get(extauth.LinkKey("example", "alice")) is None
        assert await store.get(extauth.LinkKey("example", "bob")) is not None
"""
        result = await asyncio.to_thread(
            pytest_run, code, "--asyncio-mode=auto", f"--extauth-postgres={postgres_dsn}"
        )
        result.assert_outcomes(passed=1)
        assert await store.get(LinkKey("example", "alice")) is not None


def test_no_schema_is_left(pytest_run, postgres_server, pytester):
    """What a test had in Postgres is dropped with it."""
    code = """
import asyncpg, pytest

@pytest.mark.extauth_stores("postgres")
async def test_it(extauth_linked, extauth_store_url):
    await extauth_linked()
    connection = await asyncpg.connect(extauth_store_url)
    print("SCHEMA", await connection.fetchval("SELECT current_schema()"))
    assert await connection.fetchval("SELECT count(*) FROM external_auth_links") == 1
    await connection.close()
"""
    result = pytest_run(code, "--asyncio-mode=auto", "-s", f"--extauth-postgres={postgres_server.dsn}")
    result.assert_outcomes(passed=1)
    (schema,) = [line.split()[-1] for line in result.outlines if "SCHEMA" in line]
    assert schema.startswith("extauth_test_")
    script = (
        "import asyncio, asyncpg, sys\n"
        "async def main():\n"
        "    connection = await asyncpg.connect(sys.argv[1])\n"
        "    sql = 'SELECT count(*) FROM pg_namespace WHERE nspname = $1'\n"
        "    print(await connection.fetchval(sql, sys.argv[2]))\n"
        "    await connection.close()\n"
        "asyncio.run(main())"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, postgres_server.dsn, schema],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "0\n"


def test_the_loop_is_the_tests(pytest_run):
    """A test that shares its event loop with others finds everything open on that one; anyio's run beside."""
    code = """
import asyncio, pytest

LOOPS = []

@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("number", [1, 2])
async def test_shared(extauth_linked, extauth_auth, number):
    await extauth_linked("alice")
    LOOPS.append(asyncio.get_running_loop())
    assert len(await extauth_auth.links("alice")) == 1
    assert len(set(LOOPS)) == 1

@pytest.mark.asyncio
async def test_alone(extauth_linked):
    assert await extauth_linked("alice")
    assert asyncio.get_running_loop() not in LOOPS

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_of_anyio(extauth_linked, anyio_backend):
    assert await extauth_linked("alice")
"""
    pytest_run(code).assert_outcomes(passed=4)


def test_whoever_runs_them_is_missing(pytest_run):
    """Without a plugin for asynchronous tests, or on trio, the test fails and says what to do."""
    code = """
import pytest

def test_nobody(extauth_auth):
    pass

class TestTrio:
    @pytest.fixture
    def anyio_backend(self):
        return "trio", {}

    def test_trio(self, anyio_backend, extauth_auth):
        pass
"""
    result = pytest_run(code, runners=[])
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*extauth_store_url is an asynchronous fixture*install pytest-asyncio*"])
    result.stdout.fnmatch_lines(["*extauth_store_url needs asyncio*on trio*"])


def test_a_store_that_cannot_be_is_no_skip(pytest_run):
    """Without an address a test on Postgres fails, and the others run; nothing is skipped in silence."""
    code = """
async def test_it(extauth_store):
    assert await extauth_store.links_of("alice") == []
"""
    result = pytest_run(code, "--asyncio-mode=auto", "--extauth-stores=memory,postgres")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*give --extauth-postgres=postgresql://*EXTAUTH_TEST_POSTGRES*"])


def test_a_store_that_there_is_not(pytest_run):
    """A slip in a name is told, on the command line and in a mark."""
    result = pytest_run("def test_it(): pass", "--extauth-stores=mysql")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*extauth_stores are some of memory, sqlite, postgres, not 'mysql'*"])
    marked = "import pytest\n@pytest.mark.extauth_stores()\ndef test_it(extauth_store): pass"
    result = pytest_run(marked)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_it: extauth_stores are some of*not none*"])


def test_what_an_application_overrides(pytest_run):
    """Providers, the server's habits and the options of ``extauth.open`` are the application's to choose."""
    code = """
import pytest
from extauth import RefreshPolicy, ConsentDenied, named_provider_id
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.testing import Consent, ScriptedLinkingProvider, ServerQuirks
from datetime import timedelta

@pytest.fixture
def extauth_providers(extauth_server, extauth_clock):
    client = OAuth2Provider(
        "calendar", client_id=extauth_server.client_id, client_secret=extauth_server.client_secret,
        authorize_url=extauth_server.authorize_url, token_url=extauth_server.token_url, clock=extauth_clock,
    )
    elsewhere = OAuth2Provider("files", client_id="id", client_secret="-", token_url="https://f.example/t",
                               authorize_url="https://f.example/a")
    return [client, ScriptedLinkingProvider("mail", now=extauth_clock.now), elsewhere]

@pytest.fixture
def extauth_server_options():
    return {"access_token_lifetime": timedelta(minutes=7)}

@pytest.fixture
def extauth_options():
    return {"policy": RefreshPolicy(refresh_ahead=timedelta(0))}

async def test_it(extauth_auth, extauth_linked, extauth_server, extauth_clock):
    first = await extauth_linked("alice")
    assert first.key.provider_id == "calendar"
    assert timedelta(minutes=6) < first.tokens.expires_at - extauth_clock.now() < timedelta(minutes=8)
    assert (await extauth_linked("alice", "mail")).key.provider_id == "mail"
    extauth_server.consent = Consent.deny()
    with pytest.raises(ConsentDenied):
        await extauth_linked("bob")
    for other in ("fils", "", "files"):
        with pytest.raises(LookupError, match="extauth_providers has calendar, mail, files"):
            await extauth_linked("alice", other)

def test_both(extauth_provider, extauth_server):
    pass
"""
    pytest_run(code, "--asyncio-mode=auto").assert_outcomes(passed=2)


def test_one_provider_at_a_time(pytest_run):
    """Who asks for the scripted provider and the server is told that one of them serves."""
    code = "async def test_it(extauth_auth, extauth_provider, extauth_server): pass"
    result = pytest_run(code, "--asyncio-mode=auto", "-o", "extauth_provider_id=calendar")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ask for extauth_provider, in memory, or extauth_server, over HTTP*"])


def test_it_is_registered_once(pytest_run, pytester, monkeypatch):
    """An entry point, ``-p`` and ``pytest_plugins`` name one plugin, by the name of its module."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ((name, module),) = project["entry-points"]["pytest11"].items()
    assert name == module == PLUGIN
    metadata = pytester.mkdir("site") / "extauth-9.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: extauth\nVersion: 9\n")
    (metadata / "entry_points.txt").write_text(f"[pytest11]\n{name} = {module}\n")
    pytester.makeconftest(f"pytest_plugins = [{PLUGIN!r}]")
    code = f"""
def test_it(pytestconfig, extauth_backend):
    manager = pytestconfig.pluginmanager
    assert [name for name, plugin in manager.list_name_plugin() if "extauth" in name] == [{PLUGIN!r}]
"""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(metadata.parent), str(ROOT / "src")]))
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    pytest_run(code, "-p", "no:asyncio", runners=[]).assert_outcomes(passed=1)


NOTHING_MORE = f"""
import pytest, sys
before = set(sys.modules)
import {PLUGIN}
print(*sorted(set(sys.modules) - before))
"""


def test_loading_it_imports_nothing():
    """A run of pytest that uses no fixture of ours pays for a few small modules of ours only."""
    told = subprocess.run([sys.executable, "-c", NOTHING_MORE], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["extauth", "extauth.testing", PLUGIN, f"{PLUGIN}.backends"]


def test_a_test_in_memory_imports_no_driver(pytest_run):
    """What a test does not use is not imported for it."""
    code = """
import sys

async def test_it(extauth_linked):
    await extauth_linked("alice")
    assert {"aiohttp", "aiosqlite", "asyncpg", "hypothesis", "cryptography"} & set(sys.modules) == set()
"""
    pytest_run(code, "--asyncio-mode=auto").assert_outcomes(passed=1)
