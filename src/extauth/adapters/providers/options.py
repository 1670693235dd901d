"""The keywords of a preset when it is called, as a type checker knows them."""

from __future__ import annotations

from extauth.adapters.oauth2.options import ProviderOptions
from extauth.domain.wrong_types import UrlObject


class PresetOptions(ProviderOptions, total=False):
    """Those of :class:`~extauth.adapters.oauth2.OAuth2Provider`, and the variables of all shipped presets.

    A type checker does not know which preset has which variables; the call itself refuses the others'.
    """

    base: str | UrlObject
    dc: str
    domain: str
    realm: str
    server: str
    shop: str
    subdomain: str
    tenant: str
    ver: str
    version: str
