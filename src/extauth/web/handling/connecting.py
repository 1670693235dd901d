"""Beginning: the page that asks, and the POST that sends the browser to the provider."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from urllib.parse import parse_qs, urlsplit

from extauth.domain.link import Link
from extauth.services.providers import provider_of
from extauth.web.cookies import Begun, begun_base, outdated
from extauth.web.handling.call import Call
from extauth.web.handling.listing import readable_links
from extauth.web.offers import Ask, Offer
from extauth.web.overview import offer_for
from extauth.web.pages.steps import connect_page
from extauth.web.problems import Refused
from extauth.web.response import WebResponse, as_json, see_other


async def ask_to_connect(call: Call) -> WebResponse:
    """Show the page with the button; begin nothing."""
    call.check_offered(await readable_links(call) or [])
    given = call.request.query_fields()
    offer = offer_for(call.provider_id, call.offers)
    ask = _ask(offer, call.field("ask", given))
    return connect_page(
        call.shell(),
        call.provider_id,
        call.title(call.provider_id),
        then=call.next(given),
        ask=None if ask is None else ask.name,
        by_device=offer is not None and offer.by == "device",
    )


async def connect(call: Call) -> WebResponse:
    """Begin, bind what is begun to this browser, and send it to the provider."""
    given = call.request.form()
    then = call.next(given)
    links = await readable_links(call) or []
    call.check_offered(links)
    offer = offer_for(call.provider_id, call.offers)
    ask = _ask(offer, call.field("ask", given))
    provider = provider_of(call.providers, call.provider_id)
    site, cookies = call.settings.site, call.settings.cookies
    url = await call.auth.begin(
        call.provider_id,
        call.user,
        site.redirect_uri(provider.provider_id),
        scopes=wanted_scopes(offer, ask, provider.linking.scopes, _own(links, call.provider_id)),
        include_granted=ask is not None,
    )
    [state] = parse_qs(urlsplit(url).query)["state"]
    begun = Begun(int(call.settings.now().timestamp()), then)
    bound = cookies.set(
        begun_base(state),
        begun.written(),
        max_age=call.settings.begun_for,
        cross_site=provider.linking.callback_method == "POST",
    )
    gone = [cookies.clear(base) for base in outdated(call.request.cookies, cookies)]
    if call.json:
        return as_json({"authorization_url": url}).adding(bound, *gone)
    return see_other(url, bound, *gone)


def wanted_scopes(
    offer: Offer | None, ask: Ask | None, default: Collection[str], link: Link | None
) -> frozenset[str] | None:
    """Return what to ask for: the offer's, what is asked for now, and what was allowed before of that which
    can be asked for. None: what the provider asks for by itself."""
    if offer is None:
        return None
    granted = frozenset[str]() if link is None else link.tokens.scopes
    more = [each.scopes for each in offer.asks if each == ask or each.scopes <= granted]
    if not more:
        return offer.scopes
    return frozenset(default if offer.scopes is None else offer.scopes).union(*more)


def _own(links: Iterable[Link], provider_id: str) -> Link | None:
    return next((link for link in links if link.key.provider_id == provider_id), None)


def _ask(offer: Offer | None, name: str | None) -> Ask | None:
    if name is None:
        return None
    ask = None if offer is None else offer.ask(name)
    if ask is None:
        code = "bad_request"
        raise Refused(code)
    return ask
