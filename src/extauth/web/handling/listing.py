"""The list: a page, or JSON."""

from __future__ import annotations

import asyncio

from extauth.domain.errors import CannotDecrypt, LinkNotFound, LinkUnreadable, UnknownProvider
from extauth.domain.health import Health
from extauth.domain.link import Link, LinkKey
from extauth.web.form_token import FIELD, form_token
from extauth.web.handling.call import LOGGER, NOTICE, Call
from extauth.web.offers import title_of
from extauth.web.overview import Connection, Unknown, connection, in_order, served, still_offered, unreadable
from extauth.web.pages.listing import list_page
from extauth.web.response import WebResponse, as_json


async def show_list(call: Call) -> WebResponse:
    """Answer with what the user has connected, and what they could."""
    connections = await user_connections(call)
    offers, unserved = served(still_offered(call.offers, connections), call.providers)
    for offer in unserved:
        if offer.provider_id not in call.settings.unserved:
            call.settings.unserved.add(offer.provider_id)
            LOGGER.error(
                "%s is offered and not shown: extauth.open was given no such provider, but %s",
                offer.provider_id,
                ", ".join(sorted(call.providers)) or "none",
            )
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
    links = await readable_links(call)
    if links is None:
        found = await asyncio.gather(*(_one(call, offer.provider_id) for offer in call.offers))
    else:
        found = await asyncio.gather(*(_seen(call, link) for link in links))
    return in_order((each for each in found if each is not None), call.offers)


async def readable_links(call: Call) -> list[Link] | None:
    """Return the user's links; None if one of them cannot be read, so that there is no list."""
    try:
        return await call.auth.links(call.user)
    except (CannotDecrypt, LinkUnreadable):
        return None


async def _one(call: Call, provider_id: str) -> Connection | None:
    try:
        link = await call.auth.store.get(LinkKey(provider_id, call.user))
    except (CannotDecrypt, LinkUnreadable):
        return unreadable(provider_id, call.offers)
    return None if link is None else await _seen(call, link)


async def _seen(call: Call, link: Link) -> Connection | None:
    health = await _health(call, link)
    return None if health is None else connection(link, health, call.providers, call.offers)


async def _health(call: Call, link: Link) -> Health | Unknown | None:
    try:
        return await call.auth.health(link.key.provider_id, link.key.user_id)
    except LinkNotFound:
        return None  # disconnected since the list was read
    except UnknownProvider:
        return "retired"
    except (CannotDecrypt, LinkUnreadable):
        return "unreadable"
