"""Routes and pages on which users connect and disconnect their accounts.

The core, :class:`ConnectedAccounts`, knows no framework; the routers are in :mod:`extauth.web.aiohttp`,
:mod:`extauth.web.starlette` (FastAPI's, too) and :mod:`extauth.web.django`.
"""

from __future__ import annotations

from extauth.web.accounts import ConnectedAccounts
from extauth.web.device_flows import DeviceFlowStorage, InThisProcess
from extauth.web.offers import Ask, Offer
from extauth.web.words import ENGLISH, GERMAN, Words

__all__ = [
    "ENGLISH",
    "GERMAN",
    "Ask",
    "ConnectedAccounts",
    "DeviceFlowStorage",
    "InThisProcess",
    "Offer",
    "Words",
]
