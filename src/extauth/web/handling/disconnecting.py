"""Disconnecting: the page that asks once more, and the POST that does it."""

from __future__ import annotations

from extauth.web.handling.call import Call
from extauth.web.handling.listing import user_connections
from extauth.web.pages.steps import disconnect_page
from extauth.web.problems import Refused
from extauth.web.response import WebResponse, as_json


async def ask_to_disconnect(call: Call) -> WebResponse:
    """Show the page with the button; change nothing."""
    for each in await user_connections(call):
        if each.provider_id == call.provider_id:
            return disconnect_page(call.shell(), each.provider_id, each.title, each.account_name)
    code = "link_not_found"
    raise Refused(code, status=404)


async def disconnect(call: Call) -> WebResponse:
    """Disconnect. What is not connected any more counts as done: a second click says the same."""
    unlinked = await call.auth.unlink(call.provider_id, call.user)
    if call.json:
        return as_json({"existed": unlinked.existed, "revoked": unlinked.revoked, "reason": unlinked.reason})
    sure = unlinked.revoked or not unlinked.existed
    return call.done("disconnected" if sure else "disconnected_here", call.provider_id)
