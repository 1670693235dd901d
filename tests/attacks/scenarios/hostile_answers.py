"""Answers, headers and ids that are made to keep an application busy or to write into its log."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from extauth import ExtAuthError, TokenService
from extauth.adapters.discovery import discover_resource
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.adapters.oauth2.token import device
from extauth.domain import challenges, errors
from extauth.domain.errors import ProviderMisconfigured
from extauth.domain.linking import DeviceCodes
from extauth.testing import ScriptedProvider
from tests.adapters.oauth2.conftest import running_server
from tests.attacks.attack import Attack
from tests.attacks.fence import Fence

FORGED = "\nERROR the store is lost\x1b[2J"


async def _device_codes(interval: str, user_code: str = "ABCD-EFGH") -> object:
    async with running_server() as server:
        server.answer(
            200,
            b'{"device_code": "d", "user_code": "%b", "verification_uri": "https://evil.example/device",'
            b' "expires_in": 900, "interval": %b}' % (user_code.encode(), interval.encode()),
        )
        url = server.url
        provider = OAuth2Provider("p", client_id="c", client_auth="none", token_url=url, device_url=url)
        return await provider.begin_device(frozenset())


async def _polled_without_pause(_: Fence) -> object:
    codes = await _device_codes("0.000001")
    assert isinstance(codes, DeviceCodes)
    return codes.interval < timedelta(seconds=1)


async def _shown_code(_: Fence) -> object:
    codes = await _device_codes("5", r"ABCD\u001b[2J\r\nYour code is EVIL")
    return isinstance(codes, DeviceCodes) and not codes.user_code.isprintable()


async def _honest_device(_: Fence) -> None:
    codes = await _device_codes("2")
    assert isinstance(codes, DeviceCodes)
    assert codes.interval == timedelta(seconds=2)
    assert codes.user_code == "ABCD-EFGH"


def _any_interval(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(device, "SHORTEST_INTERVAL", timedelta(0))


def _any_code(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(device, "is_shown_safely", lambda _: True)


async def _challenged(*headers: str) -> list[str]:
    async with running_server() as server:
        site = server.url.removesuffix("/token")
        leads = f'Bearer resource_metadata="{site}/read"'
        fields = "".join(f"WWW-Authenticate: {each}\r\n" for each in (*headers, leads))
        server.answers = [
            f"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n{fields}\r\n".encode(),
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        ]
        with pytest.raises(ProviderMisconfigured):
            await discover_resource(f"{site}/mcp")
        return [each.line for each in server.requests if "/read" in each.line]


async def _megabytes_of_challenges(_: Fence) -> object:
    # 1 MB here; 200 such fields of 64 KB, which fit into one answer, held the loop for 18 seconds.
    return await _challenged(*["Digest " + "a " * 32_000] * 16)


async def _honest_challenge(_: Fence) -> None:
    assert await _challenged('Basic realm="files"') == ["GET /read HTTP/1.1"]


def _any_length(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(challenges, "LONGEST_CHALLENGES", 2**30)


async def _message_for(provider_id: str) -> str:
    async with TokenService(MemoryLinkStore(), [ScriptedProvider("scripted")]) as tokens:
        with pytest.raises(ExtAuthError) as caught:
            await tokens.access_token(provider_id, "alice")
    return str(caught.value)


async def _forged_log_line(_: Fence) -> object:
    # A route such as /connections/{provider_id}/token takes it from the URL.
    message = await _message_for(f"scripted/work{FORGED}")
    logging.getLogger("application").warning("no token: %s", message)
    return FORGED in message


async def _honest_named_link(_: Fence) -> None:
    assert await _message_for("scripted/büro") == "'alice' has not connected scripted/büro"


def _raw_messages(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(errors, "one_line", lambda text: text)


ATTACKS = [
    Attack(
        name="a device endpoint names an interval of a microsecond",
        source="RFC 8628 3.5, CWE-770",
        attempt=_polled_without_pause,
        honest=_honest_device,
        without_guard=_any_interval,
    ),
    Attack(
        name="a user code steers the terminal that shows it",
        source="RFC 8628 5.4, CWE-150",
        attempt=_shown_code,
        honest=_honest_device,
        without_guard=_any_code,
    ),
    Attack(
        name="megabytes of challenges hold the event loop",
        source="CWE-400",
        attempt=_megabytes_of_challenges,
        honest=_honest_challenge,
        without_guard=_any_length,
    ),
    Attack(
        name="a provider id out of a URL forges a line of the log",
        source="CWE-117",
        attempt=_forged_log_line,
        honest=_honest_named_link,
        without_guard=_raw_messages,
    ),
]
