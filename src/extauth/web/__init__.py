"""Routes and pages on which users connect and disconnect their accounts, and operators see how all is doing.

The cores, :class:`ConnectedAccounts` and :class:`OperatorPage`, know no framework; the routers are in
:mod:`extauth.web.aiohttp`, :mod:`extauth.web.starlette` (FastAPI's, too) and :mod:`extauth.web.django`.
"""

from __future__ import annotations

from extauth.web.accounts import ConnectedAccounts
from extauth.web.device_flows import DeviceFlowStorage, InThisProcess
from extauth.web.offers import Ask, Offer
from extauth.web.operator_page import OperatorPage
from extauth.web.recent import RecentExchanges
from extauth.web.words import ENGLISH, GERMAN, OPERATOR_ENGLISH, OPERATOR_GERMAN, Words

__all__ = [
    "ENGLISH",
    "GERMAN",
    "OPERATOR_ENGLISH",
    "OPERATOR_GERMAN",
    "Ask",
    "ConnectedAccounts",
    "DeviceFlowStorage",
    "InThisProcess",
    "Offer",
    "OperatorPage",
    "RecentExchanges",
    "Words",
]
