"""django-allauth keeps a ``SocialToken`` and never refreshes it: here by hand, on its own model."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import requests

from compare.orders import MARGIN, Orders, Reconnect, Tokens
from compare.ways.django_project import OnDjango
from compare.ways.threads import threaded


class BySocialToken(OnDjango):
    def __init__(self, orders: Orders) -> None:
        apps = ["allauth", "allauth.account", "allauth.socialaccount"]
        super().__init__(orders, apps, MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"])

    def connect(self, user: str, tokens: Tokens) -> None:
        from allauth.socialaccount.models import SocialAccount, SocialToken

        account, _ = SocialAccount.objects.get_or_create(
            provider="example", uid=user, defaults={"user": self.owner(user)}
        )
        SocialToken.objects.update_or_create(
            account=account,
            defaults={
                "token": tokens["access_token"],
                "token_secret": tokens["refresh_token"],
                "expires_at": datetime.now(UTC) + timedelta(seconds=tokens["left"]),
            },
        )

    def social(self, user: str):
        from allauth.socialaccount.models import SocialToken

        return SocialToken.objects.get(account__provider="example", account__uid=user)

    def token(self, user: str) -> str:
        social = self.social(user)
        if social.expires_at.timestamp() - MARGIN > time.time():
            return social.token
        form = {
            "grant_type": "refresh_token",
            "refresh_token": social.token_secret,
            "client_id": self.orders["client_id"],
            "client_secret": self.orders["client_secret"],
        }
        answer = requests.post(self.orders["token_url"], data=form, timeout=30)
        if answer.status_code == 400:
            raise Reconnect
        answer.raise_for_status()
        new = answer.json()
        social.token, social.token_secret = new["access_token"], new["refresh_token"]
        social.expires_at = datetime.now(UTC) + timedelta(seconds=new["expires_in"])
        social.save()
        return social.token

    def stored(self, user: str) -> str | None:
        return self.social(user).token_secret


opened = threaded(BySocialToken)
