"""requests-oauthlib's ``OAuth2Session``, with ``auto_refresh_url`` and ``token_updater`` as documented."""

from __future__ import annotations

import os
import time

from requests_oauthlib import OAuth2Session

from compare.orders import Reconnect
from compare.ways.threads import WRITE, Blocking, threaded

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the server is on loopback


class BySession(Blocking):
    def token(self, user: str) -> str:
        access, refresh, expires_at = self.row(user)
        if refresh is None:
            raise Reconnect

        def saver(token):
            new = (token["access_token"], token["refresh_token"], token["expires_at"])
            self.execute(WRITE, (*new, user))

        client = {"client_id": self.orders["client_id"], "client_secret": self.orders["client_secret"]}
        token = {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "expires_in": expires_at - time.time(),
            "expires_at": expires_at,
        }
        with OAuth2Session(
            self.orders["client_id"],
            token=token,
            auto_refresh_url=self.orders["token_url"],
            auto_refresh_kwargs=client,
            token_updater=saver,
        ) as session:
            # It refreshes before a call of the API, and there is no other way to ask it for a token.
            session.get(self.orders["resource_url"])
            return session.token["access_token"]


opened = threaded(BySession)
