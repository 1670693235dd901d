"""A redirect URI that the application lets the browser choose, and reads in another way than the browser."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from extauth.services.linking import redirect_uris
from tests.attacks.attack import Attack
from tests.attacks.fence import Fence
from tests.attacks.lax_server import CALLBACK, begun_world, wiretap


async def _script(_: Fence) -> object:
    async with begun_world() as world:
        end = await world.begun("javascript:send(location)//https://app.example/callback")
        # A page of the server's that shows it as a link runs it as its own.
        return end.startswith("javascript:") and "code=" in end


async def _in_clear(fence: Fence) -> object:
    async with begun_world() as world, wiretap() as (port, heard):
        fence.names["app.example"] = ["127.0.0.1"]
        await world.begun(f"http://app.example:{port}/callback")
        return b"code=" in b"".join(heard)


async def _user_info(_: Fence) -> object:
    async with begun_world() as world:
        redirect_uri = f"{world.app.url}@{world.evil.url.removeprefix('http://')}{CALLBACK}"
        assert redirect_uri.startswith(world.app.url)  # the application's own check
        await world.begun(redirect_uri)
        return world.evil.codes


async def _backslash(_: Fence) -> object:
    async with begun_world() as world:
        redirect_uri = f"{world.evil.url}\\@{world.app.url.removeprefix('http://')}{CALLBACK}"
        assert urlsplit(redirect_uri).port == urlsplit(world.app.url).port  # the application's own check
        await world.begun(redirect_uri)
        return world.evil.codes


async def _dot_segments(_: Fence) -> object:
    async with begun_world() as world:
        world.server.accepts = lambda uri: uri.startswith(f"{world.app.url}{CALLBACK}")  # GitHub does
        await world.begun(f"{world.app.url}{CALLBACK}/%2e%2e/go/{world.evil.url}/x")
        return world.evil.codes


async def _honest(_: Fence) -> None:
    async with begun_world() as world:
        world.server.accepts = lambda uri: uri == f"{world.app.url}{CALLBACK}/lax"
        await world.connected(f"{world.app.url}{CALLBACK}/lax")


def _any_form(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(redirect_uris, "checked_redirect_uri", str)


ATTACKS = [
    Attack(
        name=f"redirect URI {what}",
        source=source,
        attempt=attempt,
        honest=_honest,
        without_guard=_any_form,
        refused=ValueError,
    )
    for what, source, attempt in (
        (
            "that is a script, run where the server shows it as a link",
            "RFC 9700 4.1.1, RFC 8252 8.4",
            _script,
        ),
        (
            "on a network in clear, where the code is read on its way",
            "RFC 9700 2.6, RFC 6749 3.1.2.1",
            _in_clear,
        ),
        (
            "with the application's host as a user name before the attacker's",
            "RFC 3986 7.6, CWE-601",
            _user_info,
        ),
        ("with a backslash, of whose host only browsers are sure", "WHATWG URL 4.4, CWE-436", _backslash),
        (
            "with dot segments, from the callback to an open redirector",
            "RFC 9700 4.1.1, CWE-22",
            _dot_segments,
        ),
    )
]
