"""What is moved in or out of an audited store is in its trail, with the fingerprints of the tokens."""

from __future__ import annotations

from extauth import LinkKey, TokenSet
from extauth.adapters.audit import AuditedStore, AuditTrail
from extauth.adapters.encryption import EncryptionKey
from extauth.domain.audit import AuditKind, fingerprint
from extauth.domain.imports import ImportedLink
from extauth.transfer import export_links, import_links

KEY = EncryptionKey.generate("move")
ALICE = LinkKey("github", "alice")
LINK = ImportedLink(ALICE, TokenSet("at-1", refresh_token="rt-1"))
NEWER = ImportedLink(ALICE, TokenSet("at-2", refresh_token="rt-2"))


async def test_moves_are_in_the_trail(any_store, tmp_path):
    """Each link that was added, renewed or given away; not one that was there, nor a dry run."""
    store = AuditedStore(any_store, AuditTrail.in_store())
    await import_links(store, [LINK], dry_run=True)
    await import_links(store, [LINK])
    await import_links(store, [LINK])
    await import_links(store, [NEWER], frozen=True)
    await export_links(store, tmp_path / "links", key=KEY, freeze=True)
    entries = [entry for _, entry in await any_store.audit.find(user_id="alice")]
    found = [(entry.kind, entry.hashed_refresh_token) for entry in entries]
    assert found == [
        (AuditKind.IMPORTED, fingerprint("rt-1")),
        (AuditKind.REFRESHED, fingerprint("rt-2")),
        (AuditKind.IMPORTED, fingerprint("rt-2")),
        (AuditKind.EXPORTED, fingerprint("rt-2")),
    ]
    await store.aclose()
