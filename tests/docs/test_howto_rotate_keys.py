"""What the guide to rotating keys says is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from extauth import KeyInUse, LinkKey, TokenSet, open_store
from extauth.adapters.encryption import EncryptionKey

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "rotate-keys.md").read_text()
BLOCKS = re.findall(r"^( *)```python\n(.*?)^ *```", GUIDE, re.DOTALL | re.MULTILINE)
OLD, NEW, LOST = (EncryptionKey.generate(key_id) for key_id in ("2025-11", "2026-11", "2024-11"))


@pytest.fixture
def guide() -> dict[str, Any]:
    """All that the guide defines."""
    names: dict[str, Any] = {}
    for indent, block in BLOCKS:
        exec(re.sub(rf"^{indent}", "", block, flags=re.MULTILINE), names)  # noqa: S102 - our own page
    return names


def given(monkeypatch: pytest.MonkeyPatch, *keys: EncryptionKey) -> None:
    """Put keys into the environment."""
    monkeypatch.setenv("EXTAUTH_KEYS", " ".join(key.reveal() for key in keys))


async def test_in_four_steps(guide, tmp_path, monkeypatch, capsys):
    """The old key is in use until the rotation, and can go afterwards; nothing is lost on the way."""
    url = f"sqlite:///{tmp_path}/links.db"
    users = [LinkKey("github", f"user-{number}") for number in range(60)]
    async with open_store(url, keys=OLD) as store:
        for key in users:
            await store.put(key, TokenSet("at", f"rt-{key.user_id}"))
    given(monkeypatch, NEW, OLD)
    with pytest.raises(KeyInUse, match="60 links"):
        await guide["may_go"](url, "2025-11")
    assert await guide["rotate_keys"](url)
    shown = capsys.readouterr().out.splitlines()
    assert (shown[0], shown[-1]) == ("0 of 60, 0 left as they are", "60 of 60, 0 left as they are")
    await guide["may_go"](url, "2025-11")
    async with open_store(url, keys=NEW) as store:
        assert [(await store.get(key)).tokens.refresh_token for key in users] == [
            f"rt-{key.user_id}" for key in users
        ]


async def test_what_is_left_is_shown(guide, tmp_path, monkeypatch, capsys):
    """With its key and the reason, by the rotation and by the list of keys."""
    url = f"sqlite:///{tmp_path}/links.db"
    async with open_store(url, keys=LOST) as store:
        await store.put(LinkKey("github", "alice"), TokenSet("at", "rt"))
    async with open_store(url, keys="plain") as store:
        await store.put(LinkKey("github", "bob"), TokenSet("at", "rt"))
    given(monkeypatch, NEW, OLD)
    await guide["show_keys"](url)
    assert capsys.readouterr().out.splitlines() == [
        "2026-11: no rows (primary)",
        "2025-11: no rows ",
        "2024-11: 1 link (not given)",
        "in plain text: 1 link",
    ]
    assert not await guide["rotate_keys"](url)
    assert "missing_key, key 2024-11" in capsys.readouterr().out
    given(monkeypatch, NEW, LOST)
    assert await guide["rotate_keys"](url)
