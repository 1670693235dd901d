"""Whether the store opens, its keys open what it keeps, and providers can be reached."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from extauth.cli.checks import Check, ok
from extauth.domain.errors import CannotDecrypt, ExtAuthError
from extauth.domain.inventory import LinkFilter, LinkSummary, inventory_of
from extauth.domain.linking_ports import Store
from extauth.domain.outcomes import ADDRESS_NOT_ALLOWED, NotSent
from extauth.domain.sealed import still_sealed

_SAMPLE: Final = 1000
_ENCRYPT: Final = "give keys and encrypt what is there: docs/howto/encrypt-tokens.md"


async def link_checks(store: Store) -> AsyncGenerator[Check, None]:
    """Look at the first links: is the table damaged, is something plain, does one of each key open?"""
    found = await inventory_of(store).find(LinkFilter(), limit=_SAMPLE)
    links = [link for link in found.links if link.state != "unreadable"]
    if damaged := len(found.links) - len(links):
        said = f"{damaged} of {len(found.links)} links looked at cannot be read"
        yield Check("rows", "problem", said, "restore them, or unlink them and let the users connect again")
    else:
        yield ok("rows", f"{len(links)} links looked at")
    plain = sum(link.encrypted_with is None for link in links)
    if plain:
        said = f"{plain} of {len(links)} links looked at are in plain text"
        yield Check("encryption", "warning", said, _ENCRYPT)
    elif links:
        yield ok("encryption", f"{len(links)} links looked at are encrypted")
    by_key = {link.encrypted_with: link for link in links if link.encrypted_with is not None}
    for key_id, link in sorted(by_key.items()):
        yield await _opens(store, str(key_id), link)


async def _opens(store: Store, key_id: str, sample: LinkSummary) -> Check:
    name = f"key {key_id}"
    try:
        link = await store.get(sample.key)
    except CannotDecrypt as error:
        return Check(name, "problem", str(error), "give the key that it was encrypted with")
    except ExtAuthError as error:
        return Check(name, "problem", str(error), "try again, or restore the row")
    if link is not None and still_sealed(link.tokens) is not None:
        said = "links are encrypted with it, and no keys were given to see whether they open"
        return Check(name, "warning", said, "give it by --keys-file or EXTAUTH_KEYS")
    return ok(name, "opens what is encrypted with it")


async def endpoint_checks(providers: Iterable[Any]) -> AsyncGenerator[Check, None]:
    """Ask each provider's token endpoint for nothing: any answer at all will do.

    By the client that refreshes, which goes to no address that a provider may not have.
    """
    from extauth.adapters.oauth2.http.addresses import names_loopback  # noqa: PLC0415 - needs aiohttp
    from extauth.adapters.oauth2.http.phases import HttpTimeouts  # noqa: PLC0415
    from extauth.adapters.oauth2.http.request import HttpRequest  # noqa: PLC0415
    from extauth.adapters.oauth2.http.transport import send  # noqa: PLC0415

    for provider in providers:
        name = f"endpoint of {provider.provider_id}"
        origin = provider.origin
        if origin is None:
            yield Check(name, "warning", "it does not say where its token endpoint is")
            continue
        url: str = origin.token_endpoint
        host = urlsplit(url).hostname
        request = HttpRequest("GET", url, reach="loopback" if names_loopback(url) else "public")
        answer = await send(request, session=None, timeouts=HttpTimeouts())
        match answer:
            case NotSent(code) if code == ADDRESS_NOT_ALLOWED:
                said = f"{host} is an address of a private network; providers with reach='any' go there"
                yield Check(name, "warning", said)
            case NotSent(code):
                said = f"{host} cannot be reached: {code}"
                yield Check(name, "problem", said, "look at DNS, the firewall and the certificates there")
            case _ if hasattr(answer, "status"):
                yield ok(name, f"{host} answers")
            case _:
                said = f"{host} was reached and did not answer"
                yield Check(name, "warning", said, "try again; look at the provider's status page")
