"""``audit``: what the trail in the store says, by fingerprints, and its retention."""

from __future__ import annotations

from extauth import AuditTrail, LinkKey, fingerprint, open_store
from extauth.adapters.audit import AuditedStore
from tests.cli.commands.support import CANARY, extauth, tokens


async def test_the_trail_is_listed_and_narrowed(url):
    """By user, provider with those named below it, kind, time and fingerprint, page by page."""
    async with open_store(url, keys="plain") as store:
        audited = AuditedStore(store, AuditTrail.in_store())
        for number, (provider, user) in enumerate(
            [("github", "alice"), ("github/work", "alice"), ("github2", "alice"), ("gitlab", "bob")]
        ):
            await audited.put(LinkKey(provider, user), tokens(number))
        await audited.delete(LinkKey("gitlab", "bob"))
        await audited.aclose()
    options = ("audit", "--store", url, "--json")
    every = extauth(*options)
    said = every.json
    assert (every.code, said["next"]) == (0, None)
    first = said["entries"][0]
    assert first == {
        "number": first["number"],
        "at": first["at"],
        "kind": "connected",
        "provider": "github",
        "user": "alice",
        "version": 1,
        "actor": None,
        "on_behalf_of": None,
        "reason": None,
        "hashed_access_token": fingerprint(f"at-{CANARY}-0"),
        "hashed_refresh_token": fingerprint(f"rt-{CANARY}-0"),
    }

    def found(*narrowed: str) -> list[str]:
        return [each["provider"] for each in extauth(*options, *narrowed).json["entries"]]

    assert found("--user", "bob") == ["gitlab", "gitlab"]
    assert found("--provider", "github") == ["github", "github/work"]
    assert found("--kind", "unlinked") == ["gitlab"]
    assert found("--since", "2099-01-01") == []
    assert found("--hashed-token", str(fingerprint(f"rt-{CANARY}-1"))) == ["github/work"]
    page = extauth(*options, "--limit", "3").json
    assert [each["provider"] for each in page["entries"]] == ["github", "github/work", "github2"]
    assert found("--after", str(page["next"])) == ["gitlab", "gitlab"]
    plain = extauth("audit", "--store", url)
    assert (plain.code, str(fingerprint(f"at-{CANARY}-0")) in plain.out) == (0, True)
    assert CANARY not in every.out + every.err + plain.out + plain.err


async def test_old_entries_are_counted_and_then_removed(url):
    """Nothing goes without --yes, and nothing that is not old."""
    async with open_store(url, keys="plain") as store:
        audited = AuditedStore(store, AuditTrail.in_store())
        await audited.put(LinkKey("github", "alice"), tokens())
        await audited.aclose()
    options = ("audit", "--store", url, "--json")
    old = extauth(*options, "--purge-before", "1h", "--yes").json
    assert old == {"command": "audit", "ok": True, "removed": 0, "dry_run": False}
    every = (*options, "--purge-before", "2099-01-01T00:00Z")
    counted = {"command": "audit", "ok": True, "found": 1, "removed": 0, "dry_run": True}
    assert extauth(*every).json == counted
    assert extauth(*every).json == counted
    for wrong in [("--user", "alice"), ("--after", "1"), ("--all",)]:
        assert extauth(*every, "--yes", *wrong).error["code"] == "usage"
    assert extauth(*options, "--yes").code == 2
    assert extauth(*every, "--yes").json["removed"] == 1
    assert extauth(*options).json["entries"] == []
