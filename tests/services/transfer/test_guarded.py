"""Who may move links: an operator whose role says so, and no user, not even with their own."""

from __future__ import annotations

import pytest

from extauth import AccessPolicy, LinkKey, NotAuthorized, Operator, TokenSet, User
from extauth.adapters.authorization import GuardedStore
from extauth.adapters.encryption import EncryptionKey
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.imports import ImportedLink
from extauth.transfer import export_links, import_links, lift_fence, read_export

KEY = EncryptionKey.generate("move")
LINK = ImportedLink(LinkKey("github", "alice"), TokenSet("at", refresh_token="rt"))


async def test_an_operator_moves_links(tmp_path):
    """In, out with a freeze, and in again elsewhere."""
    here = GuardedStore(MemoryLinkStore(), AccessPolicy(), actor=Operator("olga", roles={"admin"}))
    assert (await import_links(here, [LINK])).fenced == 1
    report = await export_links(here, tmp_path / "links", key=KEY, freeze=True)
    assert (report.exported, report.frozen) == (1, 1)
    there = MemoryLinkStore()
    assert (await import_links(there, read_export(tmp_path / "links", key=KEY))).added == 1


@pytest.mark.parametrize("actor", [User("alice"), Operator("sam", roles={"support"})])
async def test_nobody_else_does(actor, tmp_path):
    """Nothing is written, neither to the store nor to a file."""
    inner = MemoryLinkStore()
    store = GuardedStore(inner, AccessPolicy(), actor=actor)
    with pytest.raises(NotAuthorized):
        await import_links(store, [LINK])
    assert await inner.imports.keys() == []
    await inner.imports.add(LINK)
    with pytest.raises(NotAuthorized):
        await export_links(store, tmp_path / "links", key=KEY)
    assert list(tmp_path.iterdir()) == []


async def test_support_lifts_marks_and_no_fences():
    """A fence is lifted by whoever may import, and by nobody who may lift failure marks only."""
    inner = MemoryLinkStore()
    await import_links(inner, [LINK])
    support = GuardedStore(inner, AccessPolicy(), actor=Operator("sam", roles={"support"}))
    with pytest.raises(NotAuthorized):
        await lift_fence(support, "github")
    assert await support.lift_failure("github") == 0
    admin = GuardedStore(inner, AccessPolicy(), actor=Operator("olga", roles={"admin"}))
    assert await lift_fence(admin, "github") == 1
