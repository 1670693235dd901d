"""What ``make servers`` looks at and how it judges, against the kit's server; and what its page says."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import attrs
import pytest

from extauth.testing import AuthorizationServer, ServerQuirks
from servers.driving import drive
from servers.form import Form
from servers.looking import look
from servers.mcp import find
from servers.programs import PROGRAMS
from servers.running import HERE, REDIRECT_URI, Program, Site
from servers.table import BEGIN, END, PAGE, Seen, closing, name_of, tables
from servers.visiting import Visitor


def site_of(server):
    """Return the kit's server as if it were another's."""
    return Site(
        authorize_url=server.authorize_url,
        token_url=server.token_url,
        api_url=server.resource_url,
        revoke_url=server.revoke_url,
        client_id=server.client_id,
        client_secret=server.client_secret,
        scopes=("read", "write"),
    )


def serve(reuse, **quirks):
    """Return a server with a habit."""
    return AuthorizationServer(reuse=reuse, quirks=ServerQuirks(**quirks), redirect_uris=[REDIRECT_URI])


@pytest.mark.parametrize(
    ("reuse", "quirks", "expected"),
    [
        (
            "refused",
            {},
            ("new RT; previous AT lives", "400 invalid_grant; newest lives", "401 invalid_client"),
        ),
        ("strict", {}, ("new RT; previous AT lives", "400 invalid_grant; newest dies", "401 invalid_client")),
        ("non_rotating", {}, ("same RT; previous AT lives", "200", "401 invalid_client")),
        (
            "refused",
            {"wrong_secret_spends": True},
            (
                "new RT; previous AT lives",
                "400 invalid_grant; newest lives",
                "401 invalid_client; spends the RT",
            ),
        ),
    ],
)
async def test_habits_are_told_apart(reuse, quirks, expected):
    """What the table says of a server is what that server does."""
    async with serve(reuse, **quirks) as server, Visitor(site_of(server)) as visitor:
        seen = await look(visitor)
        assert (seen.refresh, seen.sequential, seen.wrong_secret) == expected
        assert seen.revocation == "200; AT dies; RT then 400 invalid_grant"
        assert seen.simultaneous.endswith("of 12)")


async def test_a_server_that_is_driven(tmp_path):
    """Two processes make one exchange for each rotation, and everything else ends as promised."""
    async with serve("strict") as server, Visitor(site_of(server)) as visitor:
        driven = await drive(visitor, tmp_path)
        assert driven.broken == ()
        assert driven.rotations == "20 rotations, 50 callers in 2 processes: 20 exchanges"
        assert driven.wrong_secret == "ProviderMisconfigured; mended: works"
        assert driven.narrowed == "read"
        assert driven.revoked == "ReauthorizationRequired (invalid_grant)"
        assert driven.unlinked == "revoked=True; AT dies"
        assert server.grants.families_revoked == 0
        written = tables([Seen(PROGRAMS[0], await look(visitor), driven)])
        assert written.count(f"| {name_of(PROGRAMS[0])} | ") == 2


async def test_a_server_that_gives_no_other_token(tmp_path):
    """It is told how far the link came, and that is no promise of ours."""
    options = {"reuse": "spent", "replay_window": timedelta(0)}
    async with (
        AuthorizationServer(redirect_uris=[REDIRECT_URI], **options) as server,
        Visitor(site_of(server)) as visitor,
    ):
        driven = await drive(visitor, tmp_path)
        assert driven.rotations == "1 of 20 rotations, then ReauthorizationRequired"
        assert driven.broken == ()


async def test_an_mcp_server_that_is_found(tmp_path):
    """Each kind of client lives through its rotations and its unlink. What the kit's server does not do, take
    documents and refuse a call for want of a scope, is told."""
    quirks = {"api_methods": {"GET", "POST"}, "known_scopes": {"read", "write"}}
    async with serve("strict", **quirks) as server:
        site = attrs.evolve(site_of(server), mcp_url=server.resource_url)
        async with Visitor(site) as visitor:
            found = await find(visitor, tmp_path)
        another, unrefused = "its id is another", "a call that needs more scopes was answered 200"
        assert [(row.client, row.broken) for row in found] == [
            ("registers itself", (unrefused,)),
            ("by hand, HTTP Basic", (unrefused,)),
            ("by hand, secret in the body", (unrefused,)),
            ("a document", (another, unrefused)),
            ("a document and a key", (another, unrefused)),
        ]
        assert {row.rotations for row in found} == {"20 rotations, 50 callers in 2 processes: 20 exchanges"}
        assert {row.unlinked for row in found} == {"revoked=True; AT dies; RT then invalid_grant"}
        assert server.grants.families_revoked == 0


async def test_a_site_without_an_mcp_server(tmp_path):
    """There is nothing to find."""
    async with serve("strict") as server, Visitor(site_of(server)) as visitor:
        assert await find(visitor, tmp_path) == []


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, ("a revoked grant works", "unlink says revoked=True of a grant that is not over")),
        ({"revokes": False}, ()),
    ],
)
async def test_a_server_that_says_that_it_revokes_and_does_not(tmp_path, known, expected):
    """That it takes extauth in is told, unless the server is known for it."""
    async with serve("strict") as server:
        deaf = attrs.evolve(site_of(server), revoke_url=server.introspection_url, **known)
        async with Visitor(deaf) as visitor:
            driven = await drive(visitor, tmp_path)
    assert driven.broken == expected
    assert driven.unlinked == "revoked=True; AT lives"


async def test_a_wrong_secret_ends_as_the_site_says(tmp_path):
    """A server that is said to take any secret, and does not, is told."""
    async with (
        serve("strict") as server,
        Visitor(attrs.evolve(site_of(server), checks_secret=False)) as visitor,
    ):
        driven = await drive(visitor, tmp_path)
    assert driven.broken == ("a wrong secret came to ProviderMisconfigured",)


async def test_a_refused_authorization_is_no_puzzle():
    """The visitor says in what it ended."""
    async with serve("strict", known_scopes={"read"}) as server, Visitor(site_of(server)) as visitor:
        with pytest.raises(RuntimeError, match="invalid_scope"):
            await visitor.connect()


def test_the_page_has_the_servers_that_are_pinned():
    """Each row is of a server that there is to run, in the version that is run; and each has its rows."""
    _, _, rest = PAGE.read_text().partition(BEGIN)
    written = re.findall(r"^\| ([^|]+) \|", rest.partition(END)[0], re.MULTILINE)
    names = [name_of(program) for program in PROGRAMS]
    rows = [name for name in written if name not in {"server", "---"}]
    assert rows[: 2 * len(names)] == names * 2
    found = [
        name for name in rows[2 * len(names) :] if name.startswith("@cloudflare/workers-oauth-provider ")
    ]
    assert rows == names * 2 + found
    assert len(found) == 5


def test_a_server_that_did_not_run_is_said_and_not_counted():
    """It stands below the tables with what it takes, and is no success."""
    missing = Program(
        "a-server", "in memory", "x.py", needs="a rarity", shown_by=("no-such-command",), released="1"
    )
    another = attrs.evolve(missing, shown_by=("echo", "a-server 2"))
    assert [missing.runs_here, another.runs_here, attrs.evolve(another, released="2").runs_here] == [
        False,
        False,
        True,
    ]
    assert closing([], [missing]) == [
        "NOT RUN: a-server 1, in memory: needs a rarity",
        "0 servers, 0 promises broken, 1 not run",
    ]


def test_a_form_is_filled_in_as_a_person_would():
    """The form with a field that is known, its hidden fields, the button that is pressed; no other box."""
    page = """<form action="/no"><input name="q"></form><form action="/yes" method="post">
      <input type="hidden" name="token" value="t"><input name="user"><input type="checkbox" name="keep">
      <button name="answer" value="deny">No</button>
      <button name="answer" value="accept">Yes</button></form>"""
    form = Form(page, {"user": "alice", "answer": "accept"})
    assert (form.filled, form.action) == (True, "/yes")
    assert form.fields == {"token": "t", "user": "alice", "answer": "accept"}
    assert not Form(page, {"another": "x"}).filled


def test_what_is_pinned_is_locked():
    """The version of each server is that of the lock."""
    locked = json.loads((HERE / "node" / "package-lock.json").read_text())["packages"]
    hashed = (HERE / "requirements.txt").read_text().lower()
    for program in PROGRAMS:
        if program.released:
            assert program.needs
        elif program.file.startswith("node/"):
            assert locked[f"node_modules/{program.package}"]["version"] == program.version
        else:
            assert f"{program.package.lower()}=={program.version} " in hashed
