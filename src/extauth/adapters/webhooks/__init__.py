"""Link events as signed webhooks, in the format of Standard Webhooks."""

from __future__ import annotations

from extauth.extras import extra_needed

with extra_needed("aiohttp"):
    from extauth.adapters.oauth2.http.addresses import Reach
    from extauth.adapters.webhooks.signing import new_secret
    from extauth.adapters.webhooks.webhook import Webhook

__all__ = ["Reach", "Webhook", "new_secret"]
