"""Python Social Auth for Django: ``social.get_access_token(strategy)``, as its documentation has it."""

from __future__ import annotations

import time

from social_core.backends.oauth import BaseOAuth2

from compare.orders import Orders, Tokens
from compare.ways.django_project import OnDjango
from compare.ways.threads import threaded


class Example(BaseOAuth2):
    name = "example"
    EXTRA_DATA = [("refresh_token", "refresh_token", True), ("expires_in", "expires")]


class BySocialAuth(OnDjango):
    def __init__(self, orders: Orders) -> None:
        Example.ACCESS_TOKEN_URL = orders["token_url"]
        super().__init__(
            orders,
            ["social_django"],
            AUTHENTICATION_BACKENDS=["compare.ways.by_social_auth.Example"],
            SOCIAL_AUTH_EXAMPLE_KEY=orders["client_id"],
            SOCIAL_AUTH_EXAMPLE_SECRET=orders["client_secret"],
        )

    def connect(self, user: str, tokens: Tokens) -> None:
        from social_django.models import UserSocialAuth

        UserSocialAuth.objects.update_or_create(
            provider="example",
            uid=user,
            defaults={
                "user": self.owner(user),
                "extra_data": {
                    "access_token": tokens["access_token"],
                    "refresh_token": tokens["refresh_token"],
                    "expires": int(tokens["left"]),
                    "auth_time": int(time.time()),
                    "token_type": "Bearer",
                },
            },
        )

    def social(self, user: str):
        from social_django.models import UserSocialAuth

        return UserSocialAuth.objects.get(provider="example", uid=user)

    def token(self, user: str) -> str:
        from social_django.utils import load_strategy

        return self.social(user).get_access_token(load_strategy())

    def stored(self, user: str) -> str | None:
        return self.social(user).extra_data.get("refresh_token")


opened = threaded(BySocialAuth)
