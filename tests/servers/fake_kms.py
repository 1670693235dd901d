"""AWS KMS as far as data keys go: its JSON 1.1 protocol, on loopback."""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class FakeKms:
    """The service; what it was asked, and what it is to answer instead."""

    def __init__(self, *key_ids: str) -> None:
        self.keys = {key_id: AESGCM(os.urandom(32)) for key_id in key_ids}
        self.asked: list[str] = []
        self.refusal: str | None = None
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        """Do what the header names."""
        operation = request.headers["X-Amz-Target"].removeprefix("TrentService.")
        self.asked.append(operation)
        body = await request.json()
        if self.refusal is not None:
            return _json({"__type": self.refusal, "message": "as the test says"}, 400)
        key_id = body["KeyId"]
        if key_id not in self.keys:
            return _json({"__type": "NotFoundException", "message": "no such key"}, 400)
        if operation == "GenerateDataKey":
            assert body["KeySpec"] == "AES_256"
            plain, nonce = os.urandom(32), os.urandom(12)
            blob = nonce + self.keys[key_id].encrypt(nonce, plain, b"")
        else:
            blob = b64decode(body["CiphertextBlob"])
            try:
                plain = self.keys[key_id].decrypt(blob[:12], blob[12:], b"")
            except InvalidTag:
                return _json({"__type": "InvalidCiphertextException", "message": ""}, 400)
        return _json(
            {
                "KeyId": key_id,
                "Plaintext": b64encode(plain).decode(),
                "CiphertextBlob": b64encode(blob).decode(),
            }
        )


def _json(members: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(text=json.dumps(members), status=status, content_type="application/x-amz-json-1.1")


@asynccontextmanager
async def fake_kms(*key_ids: str) -> AsyncGenerator[FakeKms, None]:
    """Serve such keys on loopback."""
    kms = FakeKms(*key_ids)
    app = web.Application()
    app.router.add_post("/", kms.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        kms.url = f"http://{host}:{port}"
        yield kms
    finally:
        await runner.cleanup()
