"""Imports: each row for itself, nothing overwritten, the same again when repeated."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from extauth import GrantOrigin, LinkKey, RefreshFailure, StoreUnavailable, TokenSet
from extauth.adapters.encryption import EncryptedStore, EncryptionKey
from extauth.adapters.importing import Columns, json_lines
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.fence import is_fenced
from extauth.domain.imports import ImportedLink, RowRefused, imports_of
from extauth.transfer import ImportReport, RefusedRow, import_links
from tests.support.faulty_store import FaultyStore

SECRET = "rt-not-to-be-seen"
COLUMNS = Columns(naive=UTC)
KEY = EncryptionKey.generate("k1")


def row(user, **changes):
    """Return a row of a table."""
    return {
        "provider_id": "github",
        "user_id": user,
        "access_token": f"at-{user}",
        "refresh_token": f"rt-{user}",
        **changes,
    }


ROWS = [
    row("alice"),
    row("bob", access_token=None, refresh_token=SECRET),
    row("carol", refresh_token=None),
    row("alice", refresh_token=SECRET),
    row("dave", refresh_token="rt-alice"),
    RowRefused("the line is no JSON object"),
    row("erin"),
]
REFUSED = (
    RefusedRow(2, "there is no access token"),
    RefusedRow(4, "row 1 is the same user's link to the same provider", LinkKey("github", "alice")),
    RefusedRow(
        5, "row 1 has the same refresh token, and one grant cannot be two links", LinkKey("github", "dave")
    ),
    RefusedRow(6, "the line is no JSON object"),
)
ERIN = LinkKey("github", "erin")
EVERY = (LinkKey("github", "alice"), LinkKey("github", "carol"), ERIN)


@pytest.fixture(params=["plain", "encrypted"])
async def store(request, any_store):
    """Every store, and the same encrypted."""
    return any_store if request.param == "plain" else EncryptedStore(any_store, KEY)


async def test_rows_that_are_right_are_added_and_the_others_listed(store):
    """One bad row stops nothing, and what is there stays; the report shows no token."""
    before = await store.put(ERIN, TokenSet("newer", refresh_token="rt-newer"))
    done = []
    report = await import_links(store, ROWS, mapping=COLUMNS, progress=done.append)
    assert ImportReport(False, 7, 2, 1, 0, (ERIN,), REFUSED) == report
    assert SECRET not in repr(report)
    assert [*range(1, 8)] == done
    alice, carol, erin = [await store.get(key) for key in EVERY]
    assert (alice.tokens.refresh_token, is_fenced(alice)) == ("rt-alice", True)
    assert (carol.tokens.access_token, carol.failure) == ("at-carol", None)
    assert before == erin


async def test_it_can_be_repeated(store):
    """The second run finds all there and changes nothing."""
    await import_links(store, ROWS, mapping=COLUMNS)
    links = [await store.get(key) for key in EVERY]
    report = await import_links(store, ROWS, mapping=COLUMNS)
    assert ImportReport(False, 7, 0, 0, 0, EVERY, REFUSED) == report
    assert links == [await store.get(key) for key in EVERY]


async def test_a_dry_run_says_the_same_and_writes_nothing(store):
    """Counts and reasons are those of the run after it."""
    await store.put(ERIN, TokenSet("newer"))
    said = await import_links(store, ROWS, mapping=COLUMNS, dry_run=True)
    assert await store.imports.keys() == [ERIN]
    report = await import_links(store, ROWS, mapping=COLUMNS)
    assert (said.dry_run, report.dry_run) == (True, False)
    assert report == ImportReport(False, *list(vars_of(said))[1:])


def vars_of(report):
    """Return the values of a report."""
    return (getattr(report, name) for name in ImportReport.__match_args__)


async def test_an_import_that_stopped_goes_on(store):
    """The store fails in the middle; the next run adds what is missing."""
    faulty = FaultyStore(store.imports)
    faulty.before["add"] += [_pass, StoreUnavailable("down")]

    class Failing:
        imports = faulty

        @staticmethod
        async def get(key):
            return await store.get(key)

    with pytest.raises(StoreUnavailable):
        await import_links(Failing(), ROWS, mapping=COLUMNS)
    report = await import_links(store, ROWS, mapping=COLUMNS)
    assert (2, (EVERY[0],)) == (report.added, report.already_there)


async def _pass() -> None:
    pass


async def test_a_side_that_has_stopped_needs_no_fence(store):
    """Then links are refreshed at once; a grant that was rejected there is marked so here, fence or not."""
    dead = RefreshFailure("invalid_grant", datetime(2026, 1, 1, tzinfo=UTC), 4)
    links = [
        ImportedLink(EVERY[0], TokenSet("at", refresh_token="rt-1")),
        ImportedLink(EVERY[1], TokenSet("at", refresh_token="rt-2"), failure=dead),
    ]
    report = await import_links(store, links, frozen=True)
    assert (report.added, report.fenced) == (2, 0)
    assert None is (await store.get(EVERY[0])).failure
    assert (
        (mark := (await store.get(EVERY[1])).failure).reason,
        mark.version,
    ) == ("invalid_grant", 1)


async def test_a_second_run_after_the_freeze_brings_the_newest_tokens(store):
    """What the other side has refreshed since the first run replaces what is fenced, and opens the fence."""
    await import_links(store, ROWS, mapping=COLUMNS)
    await store.put(ERIN, TokenSet("newer", refresh_token="rt-newer"))
    rows = [row("alice", access_token="at-2", refresh_token="rt-2"), row("erin", refresh_token=SECRET)]
    said = await import_links(store, rows, mapping=COLUMNS, frozen=True, dry_run=True)
    report = await import_links(store, rows, mapping=COLUMNS, frozen=True)
    assert (1, (ERIN,)) == (report.renewed, report.already_there) == (said.renewed, said.already_there)
    alice, erin = await store.get(EVERY[0]), await store.get(ERIN)
    assert (
        alice.tokens.access_token,
        alice.tokens.refresh_token,
        alice.failure,
        alice.version,
    ) == ("at-2", "rt-2", None, 2)
    assert erin.tokens.refresh_token == "rt-newer"
    report = await import_links(store, rows, mapping=COLUMNS, frozen=True)
    assert (0, (EVERY[0], ERIN)) == (report.renewed, report.already_there)


async def test_a_run_before_the_freeze_renews_nothing(store):
    """Tokens that the other side may still spend are not worth more than those that are fenced."""
    await import_links(store, ROWS, mapping=COLUMNS)
    report = await import_links(store, [row("alice", refresh_token="rt-2")], mapping=COLUMNS)
    assert (0, (EVERY[0],)) == (report.renewed, report.already_there)


async def test_older_rows_renew_nothing(store):
    """A file from before the one that was imported first would bring spent tokens."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    await import_links(store, [row("alice", updated_at=at)], mapping=COLUMNS)
    older = row("alice", refresh_token="rt-0", updated_at=at - timedelta(seconds=1))
    assert (await import_links(store, [older], mapping=COLUMNS, frozen=True)).renewed == 0
    newer = row("alice", refresh_token="rt-2", updated_at=at)
    assert (await import_links(store, [newer], mapping=COLUMNS, frozen=True)).renewed == 1


async def test_what_is_renewed_keeps_what_is_said_of_it(store):
    """A rejected grant is marked so, and an exchange whose end nobody knows is remembered."""
    link = ImportedLink(EVERY[0], TokenSet("at", refresh_token="rt-1"))
    await import_links(store, [link])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    dead = RefreshFailure("invalid_grant", at, 4)
    newer = attrs.evolve(link, failure=dead, unresolved_since=at)
    assert (await import_links(store, [newer], frozen=True)).renewed == 1
    link = await store.get(EVERY[0])
    assert (attrs.evolve(dead, version=2), False) == (link.failure, link.pending.live)


async def test_what_is_renewed_is_of_the_client_that_made_it(store):
    """The tokens would else go to another one's endpoint."""
    link = ImportedLink(EVERY[0], TokenSet("at", refresh_token="rt-1"))
    await import_links(store, [link])
    origin = GrantOrigin("client", "https://provider.example/token")
    newer = attrs.evolve(link, tokens=TokenSet("at-2", refresh_token="rt-2"), origin=origin)
    assert (await import_links(store, [newer], frozen=True)).renewed == 1
    assert (await store.get(EVERY[0])).origin == origin


async def test_who_connects_meanwhile_keeps_what_was_connected():
    """Also where a restored database counts versions anew, and that link has the one of what was fenced."""
    fenced: Any = MemoryLinkStore()
    restored = MemoryLinkStore()
    link = ImportedLink(EVERY[0], TokenSet("at", refresh_token="rt-1"))
    await import_links(fenced, [link])
    users = TokenSet("users", refresh_token="rt-users")
    store = FaultyStore(fenced)

    async def connects_again():
        assert (await restored.put(link.key, users)).version == 1
        fenced.save = restored.save

    store.after["get"] = [connects_again]
    report = await import_links(store, [attrs.evolve(link, tokens=TokenSet("at-2"))], frozen=True)
    assert (0, (link.key,)) == (report.renewed, report.already_there)
    assert (await restored.get(link.key)).tokens == users


async def test_rows_may_come_from_anywhere(store, tmp_path):
    """A file of JSON lines, whose rows have the numbers of its lines."""
    file = tmp_path / "links.jsonl"
    file.write_text(
        '{"provider_id": "github", "user_id": "alice", "access_token": "at"}\n'
        "\n"
        f'{{"refresh_token": "{SECRET}",\n'
        "[]\n"
        '{"provider_id": "github", "user_id": 7, "access_token": "at"}\n' + "[" * 100_000
    )
    report = await import_links(store, json_lines(file), mapping=Columns())
    assert [refused.number for refused in report.refused] == [2, 3, 4, 6]
    assert {"the line is no JSON object"} == {refused.reason for refused in report.refused}
    assert report.added == 2


async def test_who_was_left_out_can_be_read(tmp_path):
    """Ids, scopes and accounts are no secrets: an operator reads them in the report and the link."""
    file = tmp_path / "links.jsonl"
    of_alice = {"scopes": ["repo"], "account_id": "7", "account_login": "al", "tenant": "acme"}
    file.write_text("\n".join(json.dumps(row("alice", token_type="MAC", **of_alice)) for _ in range(2)))
    memory = MemoryLinkStore()
    report = await import_links(memory, json_lines(file), mapping=Columns(extra=["tenant"]))
    assert "LinkKey(provider_id='github', user_id='alice')" in repr(report)
    link = await memory.get(LinkKey("github", "alice"))
    assert "hidden" not in repr(link)
    assert repr(link.tokens.extra["tenant"]) == "'acme'"


async def test_a_mapping_that_fails_shows_nothing(store):
    """Whatever an application's own mapping raises stops no other row, and its text is not repeated."""

    def mapping(row):
        if row["user_id"] == "bob":
            raise ValueError(row["refresh_token"])
        return COLUMNS(row)

    report = await import_links(store, [row("bob", refresh_token=SECRET), row("alice")], mapping=mapping)
    assert (RefusedRow(1, "the mapping raised ValueError"),) == report.refused
    assert report.added == 1


async def test_a_mapping_that_makes_no_link(store):
    """It is told of each row, and no other is stopped."""

    async def waiting(row):
        return COLUMNS(row)

    made = {"bob": waiting, "carol": dict, "alice": COLUMNS}
    report = await import_links(store, map(row, made), mapping=lambda row: made[row["user_id"]](row))
    assert [str(refused.reason) for refused in report.refused] == [
        "the mapping returned no ImportedLink but coroutine",
        "the mapping returned no ImportedLink but dict",
    ]
    assert report.added == 1


async def test_rows_without_a_mapping_are_refused(store):
    """A dictionary is no link."""
    report = await import_links(store, [row("alice")])
    assert (RefusedRow(1, "it is no link, and no mapping was given to make one of it"),) == report.refused


async def test_a_store_that_takes_none_is_told_before_any_row_is_read():
    """So is a store that is not open."""

    def rows():
        raise AssertionError
        yield

    class Plain:
        get = None

    for not_one in (Plain(), "sqlite:///links.db", MemoryLinkStore):
        with pytest.raises(TypeError, match="has no imports"):
            await import_links(not_one, rows())


@pytest.mark.parametrize("half", ["add", "keys"])
def test_half_of_what_imports_need(half):
    """Is none."""
    imports = type("Imports", (), {half: None})
    with pytest.raises(TypeError, match=r"it has no imports \(extauth.domain.imports.ImportStore\)"):
        imports_of(type("Own", (), {"imports": imports})())
