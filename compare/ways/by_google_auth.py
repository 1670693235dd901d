"""google-auth's ``Credentials``, loaded, refreshed and saved as Google's quickstarts have it."""

from __future__ import annotations

from datetime import UTC, datetime

from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials

from compare.orders import Reconnect
from compare.ways.threads import WRITE, Blocking, threaded


class ByGoogle(Blocking):
    def token(self, user: str) -> str:
        access, refresh, expires_at = self.row(user)
        if refresh is None:
            raise Reconnect
        credentials = Credentials(
            access,
            refresh_token=refresh,
            token_uri=self.orders["token_url"],
            client_id=self.orders["client_id"],
            client_secret=self.orders["client_secret"],
            expiry=datetime.fromtimestamp(expires_at, UTC).replace(tzinfo=None),
        )
        if not credentials.valid and credentials.expired and credentials.refresh_token:
            credentials.refresh(Request())
            ends = credentials.expiry.replace(tzinfo=UTC).timestamp()
            self.execute(WRITE, (credentials.token, credentials.refresh_token, ends, user))
        return credentials.token


opened = threaded(ByGoogle)
