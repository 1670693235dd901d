"""Connecting by a code that is typed in elsewhere (RFC 8628)."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta
from typing import Any, Final

from extauth.domain.device_authorization import DeviceAuthorization
from extauth.domain.errors import LinkingFailed
from extauth.domain.hidden import Hidden
from extauth.domain.link import LinkKey
from extauth.services.providers import provider_of
from extauth.web.handling.call import Call
from extauth.web.handling.connecting import wanted_scopes
from extauth.web.handling.listing import readable_links
from extauth.web.overview import offer_for
from extauth.web.pages.steps import device_page
from extauth.web.problems import Refused
from extauth.web.response import WebResponse, as_json, see_other

LONGEST_WAIT: Final = timedelta(seconds=25)
"""That one request waits for the user: proxies give up after thirty seconds or more."""
_MARGIN: Final = timedelta(seconds=3)


async def begin_device(call: Call) -> WebResponse:
    """Get a code, and keep what belongs to it on this side."""
    links = await readable_links(call) or []
    call.check_offered(links)
    provider = provider_of(call.providers, call.provider_id)
    if not provider.linking.device:
        code = "unknown_provider"
        raise Refused(code, status=404)
    own = next((link for link in links if link.key.provider_id == call.provider_id), None)
    scopes = wanted_scopes(offer_for(call.provider_id, call.offers), None, provider.linking.scopes, own)
    device = await call.auth.begin_device(call.provider_id, call.user, scopes=scopes)
    await call.settings.devices.keep(device.key, device.to_json(), device.expires_at)
    if call.json:
        return as_json(_members(device), 201)
    return see_other(call.settings.site.path("device", call.provider_id))


async def show_device(call: Call) -> WebResponse:
    """Show the code; with ``wait`` see first for a while whether the user has allowed it."""
    device = await _kept(call)
    waited = "wait" in call.request.query_fields()
    if waited and await _connected(call, device):
        if call.json:
            return as_json({"connected": call.provider_id})
        return call.done("connected", call.provider_id)
    if call.json:
        return as_json({**_members(device), "pending": True}, 202 if waited else 200)
    left = device.expires_at - call.settings.now()
    return device_page(
        call.shell(),
        call.provider_id,
        call.title(call.provider_id),
        user_code=device.user_code,
        verification_uri=device.verification_uri,
        minutes=max(1, math.ceil(left.total_seconds() / 60)),
        waited=waited,
    )


async def _connected(call: Call, device: DeviceAuthorization) -> bool:
    wait = min(LONGEST_WAIT, device.interval + _MARGIN)
    try:
        await asyncio.wait_for(call.auth.complete_device(device), wait.total_seconds())
    except TimeoutError:
        return False
    except LinkingFailed:
        await call.settings.devices.forget(device.key)
        raise
    return True


async def _kept(call: Call) -> DeviceAuthorization:
    """Return the flow that this very user began.

    :raises Refused: if there is none, or it is over.
    """
    key = LinkKey(call.provider_id, call.user)
    text = Hidden(await call.settings.devices.find(key))
    device = None if text.value is None else DeviceAuthorization.from_json(text.value)
    if device is None or device.key != key or device.expires_at <= call.settings.now():
        code = "no_device_code"
        raise Refused(code)
    return device


def _members(device: DeviceAuthorization) -> dict[str, Any]:
    """Return what the user may see: above all no device code."""
    return {
        "user_code": device.user_code,
        "verification_uri": device.verification_uri,
        "verification_uri_complete": device.verification_uri_complete,
        "expires_at": device.expires_at.isoformat(),
        "interval": device.interval.total_seconds(),
    }
