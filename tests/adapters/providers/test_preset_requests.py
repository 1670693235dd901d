"""Each preset sends, byte for byte, what `expected/<id>.txt` says.

Those files are written from what providers document, not from what the presets do. In them the client is
`id` with the secret `sec`, the code is `c`, its verifier `v`, the tokens are `at` and `rt`. Left out are
headers that any HTTP request has.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import (
    BaseConnector,
    ClientConnectionError,
    ClientRequest,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
)
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from extauth import TokenSet
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.adapters.providers import CATALOGUE, Preset
from extauth.domain.linking import AuthorizationRequest

EXPECTED = Path(__file__).parent / "expected"
REDIRECT_URI = "https://a.example/cb"
EVERYONES = frozenset({"Accept-Encoding", "Content-Length", "Host", "User-Agent"})
TOKENS = TokenSet(
    "at",
    "rt",
    scopes=frozenset({"one", "two"}),
    extra={
        "instance_url": "https://acme.salesforce.example",
        "redirect_uri": REDIRECT_URI,
        "stripe_user_id": "acct_1",
    },
)


def expected_of(preset_id: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the variables that the file gives the preset, and its requests by what they are for."""
    given: dict[str, str] = {}
    requests: dict[str, str] = {}
    for block in (EXPECTED / f"{preset_id}.txt").read_text("utf-8").strip().split("\n\n"):
        head, *rest = block.splitlines()
        if head.startswith("given "):
            given = dict(line.removeprefix("given ").split("=", 1) for line in [head, *rest])
        else:
            requests[head] = "\n".join(line.removeprefix("  ") for line in rest)
    return given, requests


class Recorder(BaseConnector):
    """Notes each request as it would go out, and lets none out."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[str] = []

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout) -> Connection:
        headers = sorted(f"{name}: {value}" for name, value in req.headers.items() if name not in EVERYONES)
        body = await req.body.as_bytes() if req.body else b""
        lines = [f"{req.method} {req.url}", *headers, *([body.decode()] if body else [])]
        self.requests.append("\n".join(lines))
        raise ClientConnectionError


def authorize_url(provider: OAuth2Provider) -> str:
    """Return where a user is sent who is asked for the scopes one and two."""
    return provider.authorization_url(
        AuthorizationRequest(
            redirect_uri=REDIRECT_URI,
            state="st",
            scopes=frozenset({"one", "two"}),
            code_challenge="ch" if provider.linking.pkce else None,
        )
    )


async def sent_by(preset: Preset, given: dict[str, Any]) -> dict[str, str]:
    """Return everything that a client of the preset sends, by what it is for."""
    sent: dict[str, str] = {}
    recorder = Recorder()
    async with ClientSession(connector=recorder, cookie_jar=DummyCookieJar()) as session:
        provider = preset(client_id="id", client_secret="sec", session=session, reach="any", **given)
        if provider.authorize_url is not None:
            sent["authorize"] = authorize_url(provider)
        verifier = "v" if provider.linking.pkce else None
        asked: dict[str, Callable[[], Awaitable[object]]] = {
            "code": lambda: provider.exchange_code("c", redirect_uri=REDIRECT_URI, code_verifier=verifier),
        }
        if preset.gives_refresh_tokens:
            asked["refresh"] = lambda: provider.refresh(TOKENS)
        if preset.device_url is not None:
            asked["device"] = lambda: provider.begin_device(frozenset({"one", "two"}))
        asked["revoke"] = lambda: provider.revoke(TOKENS)
        asked["identify"] = lambda: provider.identify(TOKENS)
        asked["validate"] = lambda: provider.validate(TOKENS)
        if preset.installations is not None:
            asked["installations"] = lambda: ignoring_outage(provider)
        for purpose, ask in asked.items():
            recorder.requests.clear()
            await ask()
            if recorder.requests:
                assert len(recorder.requests) == 1
                sent[purpose] = recorder.requests[0]
    return sent


async def ignoring_outage(provider: OAuth2Provider) -> None:
    """Ask for the installations; that there is no answer is what the recorder is for."""
    with pytest.raises(Exception, match="could not be found out"):
        await provider.installations(TOKENS)


@pytest.mark.parametrize("preset", CATALOGUE.values(), ids=lambda preset: preset.id)
async def test_a_preset_sends_what_its_provider_documents(preset):
    """Authorization URL, code exchange, refresh, device flow, revocation, identity and validation."""
    given, expected = expected_of(preset.id)
    assert await sent_by(preset, given) == expected


def test_every_preset_has_expectations_and_no_other():
    """A preset without a file would be tested against nothing."""
    assert {path.stem for path in EXPECTED.iterdir()} == set(CATALOGUE)
