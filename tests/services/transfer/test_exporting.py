"""Exports: encrypted whole or not there at all, read back exactly, and with no refresh under way."""

from __future__ import annotations

import asyncio
import stat
from datetime import UTC, datetime, timedelta
from traceback import TracebackException

import attrs
import pytest

from extauth import (
    Account,
    CannotDecrypt,
    ConfigurationError,
    DataKey,
    GrantOrigin,
    LinkFenced,
    LinkKey,
    RefreshFailure,
    ResourceToken,
    StoreUnavailable,
    TokenSet,
)
from extauth.adapters.encryption import EncryptedStore, EncryptionKey, Keyring
from extauth.adapters.encryption.link_lines import end_line, header, new_file_id
from extauth.adapters.encryption.sealing import seal
from extauth.adapters.importing import Columns
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.doubt import doubt, is_held
from extauth.domain.fence import fence, is_fenced
from extauth.domain.imports import ImportedLink, RowRefused
from extauth.domain.outcomes import Deferred
from extauth.transfer import export_links, import_links, lift_fence, read_export
from tests.support.faulty_store import FaultyStore

KEY = EncryptionKey.generate("move")
OTHER = EncryptionKey.generate("move")
AT = datetime(2026, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
FULL = ImportedLink(
    LinkKey("github", "alice"),
    TokenSet(
        "at-canary",
        refresh_token="rt-canary",
        expires_at=AT,
        scopes={"repo", "écrire"},
        token_type="MAC",
        extra={"team": {"id": 7, "name": "\ud800\0é"}},
        issued_at=AT - timedelta(hours=1),
        refresh_token_expires_at=AT + timedelta(days=90),
        resource_tokens={"https://a.example/": ResourceToken("resource-canary", AT, AT)},
    ),
    origin=GrantOrigin("client-1", "https://as.example/token", "https://api.example"),
    account=Account("4711", login="alice", display_name="Älice", avatar_url="https://a.example/1.png"),
    failure=RefreshFailure("invalid_grant", AT, 1, attempts=3),
    unresolved_since=AT,
    created_at=AT - timedelta(days=400),
    updated_at=AT - timedelta(hours=1),
)
LEAST = ImportedLink(LinkKey("github/work", "alice"), TokenSet("at-2"), created_at=AT, updated_at=AT)
PAUSED = ImportedLink(
    LinkKey("gitlab", "bob"),
    TokenSet("at-3", refresh_token="rt-3"),
    failure=RefreshFailure("http_503", AT, 1, retry_at=AT + timedelta(seconds=8), attempts=2),
    created_at=AT,
    updated_at=AT,
)
EVERY = [FULL, LEAST, PAUSED]


@pytest.fixture
async def store(any_store):
    """A store with three links."""
    for link in EVERY:
        await any_store.imports.add(link)
    return any_store


async def read(file, key=KEY):
    """Read a file to its end."""
    return [link async for link in read_export(file, key=key)]


class TestTheFile:
    async def test_it_is_read_back_exactly(self, store, tmp_path):
        """Tokens of all kinds, marks, account, origin, times and what is unresolved."""
        file = tmp_path / "links.sealed"
        done = []
        report = await export_links(store, file, key=KEY, progress=done.append)
        assert (report.exported, report.frozen, report.left_out) == (3, 0, ())
        assert done == [1, 2, 3]
        assert await read(file) == EVERY
        assert "hidden" not in repr(await read(file))

    async def test_what_is_imported_is_what_was_exported(self, store, tmp_path):
        """Through the file into another store, encrypted under other keys."""
        file = tmp_path / "links.sealed"
        await export_links(EncryptedStore(store, EncryptionKey.generate("here")), file, key=KEY)
        there = EncryptedStore(MemoryLinkStore(), EncryptionKey.generate("there"))
        report = await import_links(there, read_export(file, key=KEY), frozen=True)
        assert (report.added, report.fenced) == (3, 0)
        for link in EVERY:
            here, copy = await store.get(link.key), await there.get(link.key)
            expected = attrs.evolve(here, failure=here.failure if link is FULL else None)
            assert expected == copy

    async def test_nothing_of_a_link_is_in_it(self, store, tmp_path):
        """The file is its owner's alone, and nothing else is left beside it."""
        file = tmp_path / "links.sealed"
        await export_links(store, file, key=KEY)
        text = file.read_text()
        assert [word for word in ("canary", "alice", "github", "client-1", "4711") if word in text] == []
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert [file] == [each for each in tmp_path.iterdir() if not each.name.startswith("links.db")]

    async def test_one_provider_alone(self, store, tmp_path):
        """With what is named below it."""
        await export_links(store, tmp_path / "one", key=KEY, provider_id="github")
        assert await read(tmp_path / "one") == [FULL, LEAST]

    async def test_no_links_at_all(self, tmp_path):
        """That is a file, too, and a whole one."""
        await export_links(MemoryLinkStore(), tmp_path / "none", key=KEY)
        assert await read(tmp_path / "none") == []

    async def test_a_file_that_is_there_stays(self, store, tmp_path):
        """It may be the only copy of something."""
        file = tmp_path / "links.sealed"
        file.write_text("precious")
        with pytest.raises(FileExistsError, match="is there already; move it away"):
            await export_links(store, file, key=KEY)
        assert file.read_text() == "precious"

    async def test_an_export_that_stops_leaves_no_file(self, store, tmp_path):
        """Half an export could be taken for a whole one."""

        def stop(done):
            if done == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await export_links(store, tmp_path / "links.sealed", key=KEY, progress=stop)
        assert [each for each in tmp_path.iterdir() if not each.name.startswith("links.db")] == []

    async def test_it_opens_with_any_key_of_a_keyring(self, store, tmp_path):
        """The other side may have several."""
        await export_links(store, tmp_path / "links.sealed", key=Keyring(KEY))
        assert await read(tmp_path / "links.sealed", [EncryptionKey.generate("other"), KEY]) == EVERY


def moved(lines):
    """Return a file whose second and third lines have changed places."""
    return [lines[0], lines[2], lines[1], *lines[3:]]


TAMPERED = {
    "swapped": (moved, CannotDecrypt, "line 2 of .* does not open"),
    "dropped": (lambda lines: [*lines[:2], *lines[3:]], CannotDecrypt, "line 3 of .* does not open"),
    "repeated": (lambda lines: [*lines[:2], *lines[1:]], CannotDecrypt, "line 3 of .* does not open"),
    "without its end": (lambda lines: lines[:-1], ConfigurationError, "it was cut off"),
    "without its last link": (lambda lines: [*lines[:-2], lines[-1]], CannotDecrypt, "does not open"),
    "cut off in a line": (
        lambda lines: [*lines[:-1], lines[-1][:-9]],
        ConfigurationError,
        "it was cut off",
    ),
    "empty": (lambda lines: [], ConfigurationError, "it was cut off, or is no file of exported links"),
    "with a line after its end": (
        lambda lines: [*lines, lines[1]],
        ConfigurationError,
        "something follows its end",
    ),
    "with another's first line": (
        lambda lines: ['{"format": "extauth-links-1", "file": "other"}\n', *lines[1:]],
        CannotDecrypt,
        "line 2 of .* does not open",
    ),
    "another file": (
        lambda lines: ["provider,user\n"],
        ConfigurationError,
        "it is no file of exported links",
    ),
    "with a link in plain text": (
        lambda lines: [lines[0], '{"provider_id": "github"}\n', *lines[2:]],
        CannotDecrypt,
        "line 2 of .* does not open",
    ),
    "with a changed letter": (
        lambda lines: [
            lines[0],
            lines[1][:-40] + ("A" if lines[1][-40] != "A" else "B") + lines[1][-39:],
            *lines[2:],
        ],
        CannotDecrypt,
        "line 2 of .* does not open",
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
async def test_a_file_that_is_not_whole_is_refused_before_anything_is_written(how, tmp_path):
    """Whatever was done to it, not one of its links is imported."""
    change, error, message = TAMPERED[how]
    store, file = MemoryLinkStore(), tmp_path / "links.sealed"
    for link in EVERY:
        await store.imports.add(link)
    await export_links(store, file, key=KEY)
    file.write_text("".join(change(file.read_text().splitlines(keepends=True))))
    there = MemoryLinkStore()
    with pytest.raises(error, match=message):
        await import_links(there, read_export(file, key=KEY))
    assert await there.imports.keys() == []


async def test_a_byte_that_is_no_text_is_refused(tmp_path):
    """As any other change."""
    store, file = MemoryLinkStore(), tmp_path / "links.sealed"
    await store.imports.add(FULL)
    await export_links(store, file, key=KEY)
    header, link, *rest = file.read_bytes().splitlines(keepends=True)
    for lines, error in (
        ([header, link[:-9] + b"\xff" + link[-8:], *rest], CannotDecrypt),
        ([b"\xff" + header, link, *rest], ConfigurationError),
    ):
        file.write_bytes(b"".join(lines))
        with pytest.raises(error):
            await read(file)


async def test_a_key_service_is_asked_once(tmp_path):
    """For all lines of a file, which are sealed under one data key."""
    asked: list[str] = []

    class Service:
        key_id = "kms/1"

        async def new_data_key(self) -> DataKey:
            asked.append("new")
            return DataKey(b"k" * 32, b"wrapped")

        async def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
            asked.append(f"{key_id} {wrapped.decode()}")
            return b"k" * 32

    store, file = MemoryLinkStore(), tmp_path / "links.sealed"
    for link in EVERY:
        await store.imports.add(link)
    await export_links(store, file, key=Service())
    assert await read(file, Service()) == EVERY
    assert asked == ["new", "kms/1 wrapped"]


@pytest.mark.parametrize(
    ("key", "reason"), [(OTHER, "not_authentic"), (EncryptionKey.generate("old"), "missing_key")]
)
async def test_a_wrong_key_is_told(key, reason, tmp_path):
    """Also one that has the right name."""
    store, file = MemoryLinkStore(), tmp_path / "links.sealed"
    await store.imports.add(FULL)
    await export_links(store, file, key=KEY)
    with pytest.raises(CannotDecrypt, match=r"line 2 of .* does not open \(the key 'move'\)") as caught:
        await read(file, key)
    assert (reason, "move") == (caught.value.reason, caught.value.key_id)


async def test_lines_of_two_exports_do_not_mix(tmp_path):
    """Of the same links, to the same key, at the same place."""
    store, files = MemoryLinkStore(), [tmp_path / "one", tmp_path / "two"]
    await store.imports.add(FULL)
    for file in files:
        await export_links(store, file, key=KEY)
    one, two = [file.read_text().splitlines(keepends=True) for file in files]
    files[0].write_text("".join([one[0], two[1], one[2]]))
    with pytest.raises(CannotDecrypt, match="line 2 of"):
        await read(files[0])


class TestFreezing:
    async def test_what_is_exported_is_refreshed_here_no_more(self, scene, tmp_path):
        """Its access token is handed out as long as it works; called off, all is as before."""
        link = await scene.link(expires_in=timedelta(seconds=9))
        report = await export_links(scene.inner, tmp_path / "links", key=KEY, freeze=True)
        assert (report.exported, report.frozen) == (1, 1)
        service = scene.replica()
        assert link.tokens.access_token == await service.access_token("scripted", "alice")
        scene.clock.advance(timedelta(seconds=9))
        with pytest.raises(LinkFenced):
            await service.access_token("scripted", "alice")
        assert scene.provider.exchanges == 0
        [exported] = await read(tmp_path / "links")
        assert (link.tokens, None) == (exported.tokens, exported.failure)
        assert await lift_fence(scene.inner, "scripted") == 1
        await service.access_token("scripted", "alice")
        assert scene.provider.exchanges == 1

    async def test_as_many_are_frozen_as_are_refreshed_no_more(self, scene, tmp_path):
        """What has no refresh token is exported, too, and there is nothing to freeze about it."""
        await scene.link()
        for user, tokens in (("bob", scene.provider.grant("bob")), ("carol", TokenSet("at"))):
            await scene.inner.put(LinkKey("scripted", user), tokens)
        report = await export_links(scene.inner, tmp_path / "links", key=KEY, freeze=True)
        assert (report.exported, report.frozen) == (3, 2)

    @pytest.mark.parametrize("freeze", [True, False])
    async def test_what_is_doubtful_is_held_at_both_sides(self, scene, tmp_path, freeze):
        """A move says nothing of a refresh token that may be spent since a restore: somebody must agree."""
        link = await scene.link(expires_in=timedelta(0))
        await scene.inner.record_failure(link.key, 1, doubt(scene.clock.now()))
        report = await export_links(scene.inner, tmp_path / "links", key=KEY, freeze=freeze)
        assert (report.exported, report.frozen) == (1, 0)
        other = MemoryLinkStore()
        for stopped in (False, True):  # the second run opens the fence, and no more
            await import_links(other, read_export(tmp_path / "links", key=KEY), frozen=stopped)
        for store in (scene.inner, other):
            await lift_fence(store, "scripted")
            assert is_held(await store.get(link.key))

    @pytest.mark.parametrize("freeze", [True, False])
    async def test_a_refresh_under_way_is_waited_for(self, scene, tmp_path, freeze):
        """What is exported is what it brought, not what it spent, and behind the fence it stays so."""
        await scene.link(expires_in=timedelta(0))
        scene.provider.gate = asyncio.Event()
        asking = asyncio.create_task(scene.replica().access_token("scripted", "alice"))
        await scene.provider.exchanging.wait()
        exporting = asyncio.create_task(export_links(scene.store, tmp_path / "links", key=KEY, freeze=freeze))
        await scene.store.entered["wait_for_change"].wait()
        scene.provider.gate.set()
        new = await asking
        report = await exporting
        assert (1, freeze) == (report.exported, report.frozen)
        [exported] = await read(tmp_path / "links")
        assert (new, None) == (exported.tokens.access_token, exported.unresolved_since)
        assert freeze == is_fenced(await scene.stored())

    async def test_a_link_that_changes_meanwhile_is_looked_at_again(self, scene, tmp_path):
        """What is exported is what somebody has saved before the fence stood."""
        link = await scene.link(expires_in=timedelta(0))
        new = attrs.evolve(link.tokens, access_token="at-new", refresh_token="rt-new")

        async def saved():
            await scene.inner.save(link.key, link.version, new)

        scene.store.before["record_failure"] = [saved]
        report = await export_links(scene.store, tmp_path / "links", key=KEY, freeze=True)
        assert (report.exported, report.frozen, report.left_out) == (1, 1, ())
        assert [new] == [exported.tokens for exported in await read(tmp_path / "links")]
        assert is_fenced(await scene.stored())

    async def test_a_refresh_that_fails_behind_the_fence_leaves_it(self, scene, tmp_path):
        """The tokens are exported as they are, and are presented here no more."""
        link = await scene.link(expires_in=timedelta(0))
        scene.provider.gate = asyncio.Event()
        scene.provider.script.append(Deferred("http_503"))
        asking = asyncio.create_task(scene.replica().access_token("scripted", "alice"))
        await scene.provider.exchanging.wait()
        exporting = asyncio.create_task(export_links(scene.store, tmp_path / "links", key=KEY, freeze=True))
        await scene.store.entered["wait_for_change"].wait()
        scene.provider.gate.set()
        await asyncio.wait([asking])
        assert (await exporting).frozen == 1
        assert [link.tokens] == [exported.tokens for exported in await read(tmp_path / "links")]
        assert is_fenced(await scene.stored())
        asking.exception()

    async def test_it_can_be_repeated(self, scene, tmp_path):
        """What an export that stopped has fenced is exported by the next one."""
        link = await scene.link()
        await scene.inner.record_failure(link.key, 1, fence(scene.clock.now()))
        report = await export_links(scene.inner, tmp_path / "links", key=KEY, freeze=True)
        assert (report.exported, report.frozen) == (1, 1)

    async def test_a_link_that_does_not_open_is_left_out(self, scene, tmp_path):
        """The others are exported, and the report says which and why."""
        await EncryptedStore(scene.inner, EncryptionKey.generate("lost")).put(
            LinkKey("scripted", "zoe"), TokenSet("at", refresh_token="rt")
        )
        await scene.link()
        here = EncryptedStore(scene.inner, EncryptionKey.generate("here"))
        report = await export_links(here, tmp_path / "links", key=KEY, freeze=True)
        assert (1, [LinkKey("scripted", "zoe")]) == (report.exported, [left.key for left in report.left_out])
        assert "'lost'" in report.left_out[0].reason


async def test_what_a_newer_version_wrote_is_refused_and_not_shown(tmp_path):
    """It opens, and is no link that this version knows: neither the error nor its frames show what it is."""
    sealing, file_id = await Keyring(KEY).primary(), new_file_id()
    line = seal(sealing, '{"secret": "at-canary"}', ("export", file_id, "1", "link"))
    file = tmp_path / "links.sealed"
    file.write_text(f"{header(file_id)}\n{line}\n{end_line(sealing, file_id, 1)}\n")
    with pytest.raises(RowRefused, match="it is no link as extauth exports them") as caught:
        await read(file)
    shown = "".join(TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "canary" not in shown


async def test_an_import_that_fails_shows_no_token(store):
    """Reports of errors show the variables of each frame."""

    class Failing:
        imports = FaultyStore(store.imports)

    Failing.imports.before["add"].append(StoreUnavailable("down"))
    row = {"provider_id": "github", "user_id": "zoe", "access_token": "canary", "refresh_token": "canary"}
    with pytest.raises(StoreUnavailable) as caught:
        await import_links(Failing(), [row], mapping=Columns())
    frames = TracebackException.from_exception(caught.value, capture_locals=True).stack
    ours = [frame for frame in frames if "/extauth/" in frame.filename]
    assert [frame.name for frame in ours] == ["import_links", "import_rows", "link", "_written"]
    assert [frame.name for frame in ours if "canary" in repr(frame.locals)] == []
