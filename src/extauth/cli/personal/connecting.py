"""Connecting an account: by a browser on this machine, or by a code to type in on any other."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Mapping, Sequence
from typing import Final, final

import attrs

from extauth.auth import Auth
from extauth.cli.output import warn
from extauth.cli.personal.config import Flow
from extauth.cli.personal.loopback import LoopbackServer
from extauth.cli.personal.redirects import loopback_redirect
from extauth.domain.errors import AuthorizationExpired, ConfigurationError, ExtAuthError
from extauth.domain.hidden import Hidden
from extauth.domain.link import Link, LinkKey
from extauth.domain.linking import LinkingTraits

_OPEN: Final = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1], 2))"
_OPENS_WITHIN: Final = 1.0
"""Seconds."""


@final
@attrs.frozen(kw_only=True)
class Connection:
    """What is wanted."""

    key: LinkKey
    scopes: Sequence[str] | None
    redirect_uri: str | None
    opens_browser: bool
    timeout: float
    """Seconds that it may take."""


def chosen_flow(
    traits: LinkingTraits, *, wanted: Flow | None, configured: Flow | None, environ: Mapping[str, str]
) -> Flow:
    """Return by which flow to connect: the one that is said, or a browser where there is one.

    :raises ConfigurationError: if the provider has no such flow.
    """
    flows: dict[Flow, bool] = {
        "browser": traits.authorization_endpoint is not None and traits.callback_method == "GET",
        "device": traits.device,
    }
    if (flow := wanted or configured) is not None:
        if flows[flow]:
            return flow
        what = "no device flow" if flow == "device" else "no flow that comes back to this machine"
        msg = f"the provider has {what}"
        raise ConfigurationError(msg)
    # Who has come from another machine has their browser there.
    elsewhere = "SSH_CONNECTION" in environ and not {"DISPLAY", "WAYLAND_DISPLAY"} & environ.keys()
    order: Sequence[Flow] = ("device", "browser") if elsewhere else ("browser", "device")
    for each in order:
        if flows[each]:
            return each
    msg = "the provider has neither a device flow nor one that comes back to this machine"
    raise ConfigurationError(msg)


async def connect(auth: Auth, connection: Connection, flow: Flow) -> Link:
    """Connect the account, and say on stderr what the person has to do.

    :raises LinkingFailed: if they said no, or took too long, among others.
    :raises TemporarilyUnavailable: if the provider or the store cannot be asked now.
    :raises ConfigurationError: if something must be mended first.
    """
    try:
        async with asyncio.timeout(connection.timeout):
            if flow == "device":
                return await _by_device(auth, connection)
            return await _by_browser(auth, connection)
    except TimeoutError:
        msg = f"nobody answered within {connection.timeout:.0f} seconds"
        raise AuthorizationExpired(msg) from None


async def _by_device(auth: Auth, connection: Connection) -> Link:
    key = connection.key
    device = await auth.begin_device(key.provider_id, key.user_id, scopes=connection.scopes)
    warn(f"open {device.verification_uri} and type in {device.user_code}")
    return await auth.complete_device(device)


async def _by_browser(auth: Auth, connection: Connection) -> Link:
    key = connection.key
    redirect = loopback_redirect(key.provider_id, connection.redirect_uri)
    async with LoopbackServer(redirect) as server:
        url = Hidden(
            await auth.begin(key.provider_id, key.user_id, server.redirect_uri, scopes=connection.scopes)
        )
        address = server.begin(url.value)
        opened = connection.opens_browser and await _opened(address)
        warn(f"{'your browser opens' if opened else 'open'} {address}")
        callback = Hidden(await server.callback())
        try:
            link = await auth.complete(
                callback.value, user_id=key.user_id, provider_id=key.provider_id, method="GET"
            )
        except ExtAuthError as error:
            server.tell("Not connected", f"{error}. You may close this window and begin again.")
            raise
        except BaseException:
            server.tell("Not connected", "It was interrupted. You may close this window and begin again.")
            raise
        account = "" if link.account is None else f" as {link.account.login or link.account.id}"
        server.tell("Connected", f"{key.provider_id} is connected{account}. You may close this window.")
        return link


async def _opened(address: str) -> bool:
    """Open a browser, whose words go nowhere: stdout is the command's."""
    try:
        browser = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-c",
            _OPEN,
            address,
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
        )
        async with asyncio.timeout(_OPENS_WITHIN):
            return await browser.wait() == 0
    except TimeoutError:
        return True  # a browser that is waited for
    except OSError:
        return False
