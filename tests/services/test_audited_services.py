"""Who did what, when, why and with what outcome: what an application's calls leave in the trail."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

import extauth
from extauth import (
    AccessPolicy,
    AlreadyCompleted,
    AuditKind,
    AuditTrail,
    ConfigurationError,
    LinkKey,
    Operator,
    ReauthorizationRequired,
    StoreUnavailable,
    User,
    WrongUser,
    acting_as,
    open_store,
)
from extauth.adapters.audit import AuditedStore
from extauth.adapters.encryption import EncryptionKey
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.outcomes import GrantRejected
from extauth.testing import ScriptedLinkingProvider

ALICE = LinkKey("scripted", "alice")
REDIRECT_URI = "https://app.example/callback"
PAST = datetime(2020, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def audited(store: Any = None, *, audit: AuditTrail | None = None, **options: Any):
    """An application whose links are audited, its provider, and what reads the trail beneath all of it."""
    provider: Any = ScriptedLinkingProvider()
    inner: Any = MemoryLinkStore() if store is None else store
    options = {"keys": "plain", **options, "audit": AuditTrail.in_store() if audit is None else audit}
    async with extauth.open(inner, [provider], **options) as auth:
        yield auth, provider, inner


async def connect(auth: Any, provider: Any) -> Any:
    """Connect alice, as she."""
    with acting_as(User("alice")):
        url = await auth.begin("scripted", "alice", REDIRECT_URI)
        callback = provider.consent(url, "alice-there")
        return await auth.complete(callback, user_id="alice"), callback


async def trail(inner: Any) -> list[Any]:
    """Return all entries."""
    return [entry for _, entry in await inner.audit.find()]


async def expire(inner: Any) -> None:
    """Let alice's token have expired."""
    link = await inner.get(ALICE)
    await inner.put(ALICE, attrs.evolve(link.tokens, expires_at=PAST))


def told(entries: list[Any]) -> list[tuple[Any, ...]]:
    """Return what happened, by whom, on whose behalf."""
    return [(entry.kind.value, entry.actor, entry.on_behalf_of) for entry in entries]


@pytest.mark.parametrize("options", [{}, {"access": AccessPolicy()}], ids=["open", "guarded"])
async def test_a_links_life(options):
    """Connected and used by alice, refreshed by the service, unlinked and revoked by an operator."""
    async with audited(**options) as (auth, provider, inner):
        link, _ = await connect(auth, provider)
        await expire(inner)
        with acting_as(User("alice")):
            token = await auth.access_token("scripted", "alice")
        with acting_as(Operator("eve", {"support"})):
            await auth.unlink("scripted", "alice")
        entries = await trail(inner)
    assert told(entries) == [
        ("connected", "service:linking", "user:alice"),
        ("refreshed", "service:refresh", None),
        ("handed_out", "user:alice", None),
        ("unlinked", "service:linking", "operator:eve"),
        ("revoked", "service:linking", "operator:eve"),
    ]
    assert {(entry.provider_id, entry.user_id) for entry in entries} == {("scripted", "alice")}
    assert [entry.version for entry in entries] == [1, 3, 3, 3, None]
    hashed = base64.b64encode(hashlib.sha256(token.encode()).digest()).decode()
    assert [entry.hashed_access_token == hashed for entry in entries] == [False, True, True, False, True]
    assert link.tokens.access_token not in repr(entries)


@pytest.mark.parametrize(("answer", "reason"), [(True, None), (False, "not_confirmed")])
async def test_a_revocation_that_is_not_certain_is_entered_as_such(answer, reason):
    """Whoever looks into a stolen token must know whether the provider has ended it."""
    async with audited() as (auth, provider, inner):
        await connect(auth, provider)

        async def revoke(_):
            return answer

        provider.revoke = revoke
        await auth.unlink("scripted", "alice")
        entries = await trail(inner)
    assert ("revoked", reason) == (entries[-1].kind, entries[-1].reason)


async def test_fingerprints_are_of_the_plain_tokens(tmp_path):
    """Also where what is stored is encrypted."""
    key = EncryptionKey.generate("k")
    async with (
        open_store(f"sqlite:///{tmp_path}/links.db", keys=key) as store,
        audited(store) as (
            auth,
            provider,
            inner,
        ),
    ):
        link, _ = await connect(auth, provider)
        found = await inner.audit.find(hashed_token=extauth.fingerprint(link.tokens.refresh_token))
    assert [entry.kind for _, entry in found] == [AuditKind.CONNECTED]


def test_a_fingerprint():
    """It is what GitHub's page makes of a token with openssl."""
    assert extauth.fingerprint("TOKEN") == "+YED6SF/CZIIVp0pXBsnbxghNIY2wmjIVLsqCG4AN80="


async def test_a_rejected_refresh():
    """It says why; a failure that passes leaves no entry."""
    async with audited() as (auth, provider, inner):
        await connect(auth, provider)
        await expire(inner)
        provider.tokens.script.append(GrantRejected("invalid_grant"))
        with acting_as(User("alice")), pytest.raises(ReauthorizationRequired):
            await auth.access_token("scripted", "alice")
        with acting_as(Operator("eve", {"support"})):
            await auth.store.lift_failure("scripted", reason="invalid_grant")
        entries = (await trail(inner))[1:]
    assert [(entry.kind.value, entry.reason, entry.actor) for entry in entries] == [
        ("rejected", "invalid_grant", "service:refresh"),
        ("lifted", "invalid_grant", "operator:eve"),
    ]


async def test_callbacks_that_are_refused():
    """One of another user, and one that came before: who brought it."""
    async with audited() as (auth, provider, inner):
        with acting_as(User("alice")):
            url = await auth.begin("scripted", "alice", REDIRECT_URI)
        callback = provider.consent(url, "alice-there")
        with acting_as(User("mallory")), pytest.raises(WrongUser):
            await auth.complete(callback, user_id="mallory")
        with acting_as(User("alice")):
            await auth.complete(callback, user_id="alice")
            with pytest.raises(AlreadyCompleted):
                await auth.complete(callback, user_id="alice")
        entries = await trail(inner)
    assert [(entry.kind.value, entry.user_id, entry.on_behalf_of) for entry in entries] == [
        ("wrong_user", "mallory", "user:mallory"),
        ("connected", "alice", "user:alice"),
        ("replayed_callback", "alice", "user:alice"),
    ]


@pytest.mark.parametrize(("handed_out", "times"), [("all", 5), ("sampled", 2), (None, 0)])
async def test_what_is_handed_out(handed_out, times):
    """Each time, or each token once to each actor, or never, as it is set."""
    async with audited(audit=AuditTrail.in_store(handed_out=handed_out)) as (auth, provider, inner):
        await connect(auth, provider)
        with acting_as(User("alice")):
            await auth.access_token("scripted", "alice")
            await auth.link("scripted", "alice")
            await auth.refresh("scripted", "alice", rejected="another")
        with acting_as(Operator("eve", set())):
            await auth.access_token("scripted", "alice")
            await auth.access_token("scripted", "alice")
        entries = [entry for entry in await trail(inner) if entry.kind is AuditKind.HANDED_OUT]
    assert len(entries) == times
    assert {entry.hashed_refresh_token for entry in entries} <= {None}


async def test_nothing_is_handed_out_that_cannot_be_entered(monkeypatch):
    """Who must know of every token gets none that the trail does not know of."""
    async with audited(audit=AuditTrail.in_store(handed_out="all")) as (auth, provider, inner):
        await connect(auth, provider)

        async def append(entries: Any) -> None:
            msg = "down"
            raise StoreUnavailable(msg)

        monkeypatch.setattr(inner.audit, "append", append)
        with pytest.raises(StoreUnavailable):
            await auth.access_token("scripted", "alice")


async def test_what_has_happened_already_is_told_by_the_log(monkeypatch, caplog):
    """A revocation that cannot be entered is not undone, and the log has the entry."""
    async with audited() as (auth, provider, inner):
        await connect(auth, provider)

        async def append(entries: Any) -> None:
            msg = "down"
            raise StoreUnavailable(msg)

        monkeypatch.setattr(inner.audit, "append", append)
        assert (await auth.unlink("scripted", "alice")).revoked
    assert "an entry of the audit trail is lost" in caplog.text
    assert "REVOKED" in caplog.text


async def test_two_callers_in_one_flight():
    """The refresh is entered once, in nobody's name but the service's; each caller has an entry."""
    async with audited() as (auth, provider, inner):
        await connect(auth, provider)
        await expire(inner)
        provider.tokens.gate = asyncio.Event()

        async def ask(actor: Any) -> str:
            with acting_as(actor):
                return str(await auth.access_token("scripted", "alice"))

        asking = [asyncio.create_task(ask(each)) for each in (User("alice"), Operator("eve", set()))]
        await provider.tokens.exchanging.wait()
        provider.tokens.gate.set()
        await asyncio.gather(*asking)
        entries = told(await trail(inner))[1:]
    assert entries[0] == ("refreshed", "service:refresh", None)
    assert sorted(entries[1:]) == [("handed_out", "operator:eve", None), ("handed_out", "user:alice", None)]


async def test_a_store_without_a_trail():
    """It is told when the store is opened, with what to do."""

    class Bare:
        claim = None

    with pytest.raises(ConfigurationError, match=r"Bare keeps no audit trail.*AuditTrail\.to\(sink\)"):
        AuditedStore(Bare(), AuditTrail.in_store())
    with pytest.raises(TypeError, match="must be an AuditTrail"):
        AuditedStore(MemoryLinkStore(), "all")
    with pytest.raises(ValueError, match="handed_out"):
        AuditTrail.in_store(handed_out="some")


async def test_without_audit_nothing_is_kept():
    """The table stays empty."""
    provider: Any = ScriptedLinkingProvider()
    inner = MemoryLinkStore()
    async with extauth.open(inner, [provider], keys="plain") as auth:
        await connect(auth, provider)
        await auth.access_token("scripted", "alice")
    assert await trail(inner) == []
