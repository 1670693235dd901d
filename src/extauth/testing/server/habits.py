"""What real authorization servers were seen to do beside what their documentation says, as data."""

from __future__ import annotations

from datetime import timedelta

import attrs

from extauth.domain.policy import positive
from extauth.testing.server.refusals import Refusal


@attrs.frozen(kw_only=True)
class ServerHabits:
    """Habits of servers that people run themselves; the defaults are the standards'."""

    rotates_after: timedelta | None = attrs.field(default=None, validator=attrs.validators.optional(positive))
    """A refresh token is given out again until it is this old, and then rotated (oidc-provider); None: it is
    rotated at each refresh, where ``reuse`` says that it is at all."""
    forgives_pairs: bool = False
    """Whether a reuse that arrived before the first use was processed is refused and kills nothing, whatever
    ``reuse`` says (better-auth)."""
    pair_loser: Refusal | None = None
    """The answer to that one where it is refused, such as a 500; None: ``dead_refresh_token``."""
    wrong_secret_spends: bool = False
    """Whether a refresh token is used up by a request whose client fails to prove itself (glewlwyd)."""
    consent_revokes: bool = False
    """Whether a further consent of the account kills its earlier grants (workers-oauth-provider)."""
    jwt_ids: bool = True
    """Whether access tokens that are JWTs have a ``jti``; else those of one grant and second are equal."""
    client_id_in_body: bool = False
    """Whether the body of a token request must say ``client_id`` beside every proof (the Python MCP SDK)."""
    basic_stands_alone: bool = False
    """Whether a ``client_id`` in the body beside HTTP Basic counts as a second proof, and is refused
    (workers-oauth-provider)."""
    registered_scopes_only: bool = False
    """Whether a client that registered itself may ask for the scopes of its registration only."""
    api_scopes: frozenset[str] = attrs.field(default=frozenset[str](), converter=frozenset)
    """Scopes without which ``/resource`` answers 403 (RFC 6750 section 3.1)."""
    names_missing_scopes: bool = True
    """Whether that answer says which scopes it needs."""
    iss_in_errors: bool = True
    """Whether a callback with an error says the issuer, too, where a server ``sends_iss`` (canaille: not)."""
