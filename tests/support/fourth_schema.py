"""What a row of the fourth schema's authorizations says, of which nothing that was sent is known."""

from __future__ import annotations

from typing import Final

from extauth import LinkKey
from extauth.domain.linking import PendingAuthorization

OLD_PENDING: Final = PendingAuthorization(
    state_hash="hash",
    key=LinkKey("github", "alice"),
    redirect_uri="https://app.example/",
    salt="salt",
    scopes={"a"},
    resources=["r"],
    sent_challenge=None,
    sent_nonce=None,
)
