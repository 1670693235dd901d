"""Parameters that a browser brings and the application passes on, or that a document puts before ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlsplit

import pytest

from extauth.adapters.oauth2.token import authorization_request
from extauth.services.linking import code_flow, params
from tests.attacks.attack import Attack
from tests.attacks.fence import Fence
from tests.attacks.lax_server import CALLBACK, Begun, begun_world, request_object


async def _smuggled(world: Begun, name: str, *, by_reference: bool) -> object:
    """Let the victim follow a link of the attacker's to the application's "connect"."""
    # Registered for loopback, so that the port may vary (RFC 8252 section 7.3): the attacker's is another.
    world.server.accepts = lambda uri: uri.startswith("http://127.0.0.1:") and uri.endswith(CALLBACK)
    world.evil.object = request_object(redirect_uri=world.evil.url + CALLBACK)
    value = f"{world.evil.url}/object" if by_reference else world.evil.object
    await world.begun(world.app.url + CALLBACK, {"login_hint": "victim", name: value})
    return world.evil.codes


async def _request_uri(_: Fence) -> object:
    async with begun_world() as world:
        return await _smuggled(world, "request_uri", by_reference=True)


async def _request(_: Fence) -> object:
    async with begun_world() as world:
        return await _smuggled(world, "request", by_reference=False)


async def _upper_case(_: Fence) -> object:
    async with begun_world() as world:
        world.server.reads_any_case = True
        return await _smuggled(world, "REQUEST_URI", by_reference=True)


async def _response_mode(_: Fence) -> object:
    async with begun_world() as world:
        end = await world.begun(world.app.url + CALLBACK, {"response_mode": "fragment"})
        # The application sees no code, and any script of the page does; it is good still.
        return "code=" in urlsplit(end).fragment and not world.app.codes


async def _in_the_endpoint(_: Fence) -> object:
    async with begun_world() as world:
        world.evil.object = request_object(redirect_uri=world.evil.url + CALLBACK)
        endpoint = f"{world.server.url}/authorize?request_uri={quote(world.evil.url + '/object', safe='')}"
        await world.begun(world.app.url + CALLBACK, authorize_url=endpoint)
        return world.evil.codes


async def _honest(_: Fence) -> None:
    async with begun_world() as world:
        world.server.accepts = lambda uri: uri == world.app.url + CALLBACK
        await world.connected(world.app.url + CALLBACK, {"login_hint": "alice", "prompt": "consent"})


def _any_parameter(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(code_flow, "check_params", lambda _: None)
    patch.setattr(authorization_request, "_refuse", lambda *_: None)


def _names_in_one_case(patch: pytest.MonkeyPatch) -> None:
    for module in (params, authorization_request):
        patch.setattr(module, "folded", str)


def _attack(
    what: str,
    source: str,
    attempt: Callable[[Fence], Awaitable[object]],
    without_guard: Callable[[pytest.MonkeyPatch], None] = _any_parameter,
) -> Attack:
    return Attack(
        name=what,
        source=source,
        attempt=attempt,
        honest=_honest,
        without_guard=without_guard,
        refused=ValueError,
    )


ATTACKS = [
    _attack(
        "request_uri smuggled in: the attacker's request takes the place of ours", "RFC 9101 10", _request_uri
    ),
    _attack(
        "request smuggled in: the same without a document", "RFC 9101 10, OpenID Connect Core 6", _request
    ),
    _attack(
        "REQUEST_URI smuggled in, for servers that read names in any case",
        "RFC 9101 10, CWE-178",
        _upper_case,
        _names_in_one_case,
    ),
    _attack(
        "response_mode smuggled in: the code stays in the browser, unspent, for any script",
        "OAuth 2.0 Multiple Response Types 2.1, RFC 9700 4.3",
        _response_mode,
    ),
    _attack(
        "authorize_url with a request_uri in its query, from metadata that was tampered with",
        "RFC 9101 10, RFC 8414 6",
        _in_the_endpoint,
    ),
]
