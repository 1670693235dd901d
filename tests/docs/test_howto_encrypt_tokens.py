"""What the guide to encryption says is so; AWS KMS is its real client, at a service of ours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiobotocore.session
import pytest
from aiobotocore.config import AioConfig

import extauth
from extauth import CannotDecrypt, ConfigurationError, LinkKey, StoreUnavailable, TokenSet, open_store
from extauth.adapters.encryption import EncryptionKey, Keyring
from extauth.keys import KeyUse, keys_status, rotate
from extauth.testing import ScriptedLinkingProvider
from tests.servers.fake_kms import FakeKms, fake_kms

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "encrypt-tokens.md").read_text()
BLOCKS = re.findall(r"^( *)```python\n(.*?)^ *```", GUIDE, re.DOTALL | re.MULTILINE)
ARN = "arn:aws:kms:eu-west-1:111122223333:key/test"
FRESH = datetime.now(UTC) + timedelta(days=1)
ALICE = LinkKey("github", "alice")
TOKENS = TokenSet("at-canary", "rt-canary", expires_at=FRESH)


@pytest.fixture
def guide() -> dict[str, Any]:
    """All that the guide defines."""
    names: dict[str, Any] = {}
    for indent, block in BLOCKS:
        exec(re.sub(rf"^{indent}", "", block, flags=re.MULTILINE), names)  # noqa: S102 - our own page
    return names


def made_key() -> str:
    """Run the guide's command for a new key."""
    [code] = re.findall(r"python -c '(.*)'", GUIDE)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout


async def test_the_first_example(guide, tmp_path, monkeypatch, capsys):
    """A key made by the guide's command, given in the environment, encrypts and opens."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXTAUTH_KEYS", made_key())
    async with open_store("sqlite:///links.db", keys=guide["keys_from_environment"]()) as store:
        await store.put(ALICE, TOKENS)
    await guide["main"]([ScriptedLinkingProvider("github")])
    assert capsys.readouterr().out == "at-canary\n"
    assert b"canary" not in Path(tmp_path, "links.db").read_bytes()  # noqa: ASYNC240 - nothing else runs


async def test_from_plain_text_to_encrypted(tmp_path):
    """After a rotation nothing is plain, and plain rows can be refused."""
    url, key = f"sqlite:///{tmp_path}/links.db", EncryptionKey.generate("2026-11")
    others = [LinkKey("github", f"user-{number:03}") for number in range(150)]
    async with open_store(url, keys="plain") as store:
        for each in (ALICE, *others):
            await store.put(each, TokenSet("at", "rt"))
    async with open_store(url, keys=key) as store:
        assert (await keys_status(store)).plain == KeyUse(links=151)
        await rotate(store)
        assert (await keys_status(store)).plain == KeyUse()
    async with open_store(url, keys=key, plain_rows="refuse") as store:
        assert {(await store.get(each)).tokens for each in (ALICE, *others)} == {TokenSet("at", "rt")}


@asynccontextmanager
async def kms_and_client() -> AsyncGenerator[tuple[FakeKms, Any], None]:
    """A service on loopback, and the real client for it, which tries once."""
    session = aiobotocore.session.get_session()
    config = AioConfig(retries={"total_max_attempts": 1})
    async with (
        fake_kms(ARN) as kms,
        session.create_client(
            "kms",
            region_name="eu-west-1",
            endpoint_url=kms.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
        ) as client,
    ):
        yield kms, client


async def test_aws_kms(guide, tmp_path):
    """Data keys of the service encrypt; another replica opens them; what is stored shows neither."""
    url = f"sqlite:///{tmp_path}/links.db"
    async with kms_and_client() as (kms, client):
        for _ in range(2):
            async with extauth.open(
                url, [ScriptedLinkingProvider("github")], keys=guide["AwsKms"](client, ARN)
            ) as auth:
                if kms.asked == ["GenerateDataKey"]:
                    await auth.store.put(ALICE, TOKENS)
                assert await auth.access_token("github", "alice") == "at-canary"
        assert kms.asked == ["GenerateDataKey", "GenerateDataKey", "Decrypt"]
    stored = (tmp_path / "links.db").read_bytes()
    assert ARN.encode() in stored
    assert b"canary" not in stored


async def test_aws_kms_by_the_address_of_the_environment(guide, tmp_path, monkeypatch, capsys):
    """The guide's own opening, with all that the client takes from its environment."""
    url = f"sqlite:///{tmp_path}/links.db"
    async with kms_and_client() as (kms, client):
        async with open_store(url, keys=guide["AwsKms"](client, ARN)) as store:
            await store.put(ALICE, TOKENS)
        for name, value in {
            "AWS_ENDPOINT_URL_KMS": kms.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-west-1",
        }.items():
            monkeypatch.setitem(os.environ, name, value)
        await guide["with_kms"](url, [ScriptedLinkingProvider("github")], ARN)
    assert capsys.readouterr().out == "at-canary\n"


@pytest.mark.parametrize("refusal", ["AccessDeniedException", "DisabledException", "NotFoundException"])
async def test_aws_kms_that_refuses(guide, tmp_path, refusal):
    """A refusal is to be mended: told on opening, and for a row with the row's name."""
    url = f"sqlite:///{tmp_path}/links.db"
    async with kms_and_client() as (kms, client):
        keys = guide["AwsKms"](client, ARN)
        async with open_store(url, keys=keys) as store:
            await store.put(ALICE, TOKENS)
        kms.refusal = refusal
        with pytest.raises(ConfigurationError, match=f"AWS KMS refuses: {refusal}"):
            async with open_store(url, keys=keys):
                pass
        async with open_store(url, keys=Keyring(EncryptionKey.generate("k"), keys)) as store:
            with pytest.raises(CannotDecrypt, match="'alice' to github") as caught:
                await store.get(ALICE)
        assert caught.value.key_id == ARN


async def test_aws_kms_that_is_down(guide, tmp_path):
    """Throttling and outages pass: worth another try, and nothing is lost."""
    url = f"sqlite:///{tmp_path}/links.db"
    async with kms_and_client() as (kms, client):
        keys = guide["AwsKms"](client, ARN)
        async with open_store(url, keys=keys) as store:
            await store.put(ALICE, TOKENS)
        async with open_store(url, keys=Keyring(EncryptionKey.generate("k"), keys)) as store:
            kms.refusal = "ThrottlingException"
            with pytest.raises(StoreUnavailable, match="key service"):
                await store.get(ALICE)
            kms.refusal = None
            assert (await store.get(ALICE)).tokens == TOKENS
