"""The list: a page, or JSON."""

from __future__ import annotations

import asyncio

from extauth.domain.errors import CannotDecrypt, LinkNotFound, LinkUnreadable, UnknownProvider
from extauth.domain.health import Health
from extauth.domain.link import Link
from extauth.web.form_token import FIELD, form_token
from extauth.web.handling.call import NOTICE, Call
from extauth.web.offers import title_of
from extauth.web.overview import Connection, Unknown, connection, still_offered
from extauth.web.pages.listing import list_page
from extauth.web.response import WebResponse, as_json


async def show_list(call: Call) -> WebResponse:
    """Answer with what the user has connected, and what they could."""
    connections = await user_connections(call)
    offers = still_offered(call.offers, connections)
    if call.json:
        return as_json(
            {
                "connections": [each.members() for each in connections],
                "offers": [
                    {
                        "provider": offer.provider_id,
                        "title": title_of(offer.provider_id, offer),
                        "description": offer.description,
                        "by": offer.by,
                    }
                    for offer in offers
                ],
                FIELD: form_token(call.key, call.user),
            }
        )
    notice = call.notice()
    page = list_page(call.shell(), connections, offers, notice)
    return page if notice is None else page.adding(call.settings.cookies.clear(NOTICE))


async def user_connections(call: Call) -> list[Connection]:
    """Return the user's links as they see them. One that cannot be read keeps nobody from the others."""
    links = await call.auth.links(call.user)
    healths = await asyncio.gather(*(_health(call, link) for link in links))
    return [
        connection(link, health, call.providers, call.offers)
        for link, health in zip(links, healths, strict=True)
        if health is not None
    ]


async def _health(call: Call, link: Link) -> Health | Unknown | None:
    try:
        return await call.auth.health(link.key.provider_id, link.key.user_id)
    except LinkNotFound:
        return None  # disconnected since the list was read
    except UnknownProvider:
        return "retired"
    except (CannotDecrypt, LinkUnreadable):
        return "unreadable"
