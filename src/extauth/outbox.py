"""What happened to links while nobody looked: events that are kept until the application has been told.

``async with deliver(store, handler)``, or :func:`extauth.open` with ``on_link_event=handler``, calls
``handler`` with each :data:`LinkEvent`; :class:`~extauth.adapters.webhooks.Webhook` is one.
"""

from __future__ import annotations

from extauth.domain.outbox import (
    DeadLetter,
    DeliverLater,
    Handler,
    LinkBroken,
    LinkEvent,
    LinkExpiring,
    LinkRecovered,
    Outbox,
    OutboxCounts,
    Undeliverable,
    outbox_of,
)
from extauth.services.outbox.delivery import LinkEventDelivery
from extauth.services.outbox.options import DeliveryOptions

deliver = LinkEventDelivery

__all__ = [
    "DeadLetter",
    "DeliverLater",
    "DeliveryOptions",
    "Handler",
    "LinkBroken",
    "LinkEvent",
    "LinkEventDelivery",
    "LinkExpiring",
    "LinkRecovered",
    "Outbox",
    "OutboxCounts",
    "Undeliverable",
    "deliver",
    "outbox_of",
]
