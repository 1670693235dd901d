"""How a provider departs from the standards, as data. The defaults are the standards' strictest case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Literal, TypeAlias, cast, final, get_args, get_origin, get_type_hints

import attrs

from extauth.domain.policy import positive
from extauth.testing.provider_model.revoking import RevocationReach, RevokedConsumed
from extauth.testing.server.habits import ServerHabits
from extauth.testing.server.refusals import ErrorShape, Refusal

ClientProof: TypeAlias = Literal[
    "client_secret_basic",
    "client_secret_post",
    "none",
    "private_key_jwt",
    "bearer_secret",
    "basic_user",
    "es256_secret",
    "secret_assertion",
]
"""How a client proves who it is. The first four are of the registry of RFC 7591 section 2; then: the
secret as a bearer token (JFrog), the secret as the Basic user with an empty password (Stripe), an ES256
JWT where the secret would stand (Apple), the secret where the assertion would stand (Azure DevOps)."""

ExpiryForm: TypeAlias = Literal[
    "seconds", "string", "zero", "milliseconds", "epoch", "epoch_string", "iso8601"
]
"""How one member of an answer says when the access token expires. ``iso8601``: a date and time in UTC, as
Square has it."""

Revocations: TypeAlias = Literal[
    "rfc7009",
    "delete_body",
    "delete_path",
    "bearer",
    "deauthorize",
    "permissions",
    "access_token",
    "token",
    "none",
]
"""How a client revokes. ``rfc7009``: as the standard says. ``delete_body``: DELETE with Basic and a JSON
body, answered 204; the whole grant of the user (GitHub). ``delete_path``: DELETE with the refresh token
in the path, answered 204 (HubSpot). ``bearer``: POST with the token to kill as the bearer token; the
whole grant (Slack, Dropbox). ``deauthorize``: POST with ``account_id``, the client authenticated
(Stripe). ``permissions``: DELETE with the account in the path, or ``me``, and an ``access_token``
in the query, answered ``true`` (Facebook). ``access_token``: POST of a field ``access_token``; the whole
grant (Strava). ``token``: POST of either token in a field ``token``, without the client's proof (Google)."""

_STANDARD_PROOFS = frozenset[ClientProof]({"client_secret_basic", "client_secret_post"})
_DEAD = Refusal("invalid_grant")
_WRONG_CLIENT = Refusal("invalid_client")
_THROTTLED = Refusal("temporarily_unavailable", 429)

_NAMES = attrs.field(factory=dict[str, str])
_MUST_BE = attrs.field(factory=dict[str, str | None])


def _proofs(given: Iterable[ClientProof]) -> frozenset[ClientProof]:
    """Return a set: one name alone is a set of itself, and not of its letters."""
    return frozenset({cast("ClientProof", given)} if isinstance(given, str) else given)


@final
@attrs.frozen(kw_only=True)
class ServerQuirks(ServerHabits):
    """One provider's habits. ``ServerQuirks()`` follows the standards, to the letter.

    Texts in ``extra_members``, ``extra_callback`` and ``userinfo`` may hold ``{url}``, ``{account_id}``,
    ``{login}``, ``{name}`` and ``{picture}``; a text that is ``{account_number}`` alone becomes a number: the
    account's id, or one made of it.

    :raises ValueError: for a habit that there is not, or a lifetime, count or interval that is not positive.
    """

    # Who the client is, and what a token request looks like
    client_auth: frozenset[ClientProof] = attrs.field(default=_STANDARD_PROOFS, converter=_proofs)
    """The proofs that are accepted of the server's own client; all others are refused."""
    assertion_audience: str | None = None
    """``aud`` of a client's JWT; None: the token endpoint or the issuer."""
    assertion_issuer: str | None = None
    """``iss`` of a client's JWT, such as a team; None: the client id."""
    assertion_key_id: str | None = None
    """``kid`` in the header of a client's JWT; None: any, or none."""
    client_id_field: str = "client_id"
    encoding: Literal["form", "json", "either"] = "form"
    """Of the bodies of token and revocation requests; the other is refused."""
    takes_query: bool = False
    """Whether the token endpoint also takes its parameters in the query, and GET."""
    token_headers: frozenset[str] = attrs.field(default=frozenset[str](), converter=frozenset)
    """Headers without which the token endpoint refuses."""
    code_grant: str = "authorization_code"
    code_field: str = "code"
    code_params: Mapping[str, str | None] = _MUST_BE
    """Parameters that the exchange of a code must have; None: with any value."""
    refresh_params: Mapping[str, str | None] = _MUST_BE
    """Parameters that a refresh must have; None: with any value. ``redirect_uri`` must be the grant's."""
    refresh_field: str = "refresh_token"
    """In which a refresh has its refresh token."""
    refresh_path: str | None = None
    """An endpoint of its own for refreshes, such as ``/refresh``; ``/token`` then refuses them."""
    lifetime_param: str | None = None
    """A parameter in which the client chooses the access token's lifetime in seconds."""

    # What the token endpoint answers
    answers: Literal["json", "form", "form_unless_asked"] = "json"
    """``form_unless_asked``: form-encoded unless the request accepts ``application/json``."""
    form_content_type: str = "application/x-www-form-urlencoded"
    error_shape: ErrorShape = "oauth"
    error_status: int | None = None
    """Of every error that has none of its own; None: the standard's."""
    dead_refresh_token: Refusal = _DEAD
    dead_code: Refusal = _DEAD
    wrong_client: Refusal = _WRONG_CLIENT
    throttled: Refusal = _THROTTLED
    """The answer to a refresh beyond ``refresh_limit``."""
    refresh_limit: tuple[int, timedelta] | None = None
    """How many refreshes of one grant succeed in how long."""
    client_limit: tuple[int, timedelta] | None = None
    """How many requests the token endpoint takes in how long, and at once. The rest are not processed, but
    answered 429 with ``Retry-After``."""
    token_type: str = "Bearer"  # noqa: S105 - a type
    expiry: Mapping[str, ExpiryForm] = attrs.field(
        factory=lambda: dict[str, ExpiryForm](expires_in="seconds")
    )
    """The members that say when the access token expires; empty: nothing does."""
    never_expires: bool = False
    """Whether access tokens work until they are revoked; ``expiry`` then says only ``zero``."""
    jwt_access_tokens: bool = False
    """Whether access tokens are JWTs with ``exp``."""
    extra_members: Mapping[str, object] = attrs.field(factory=dict[str, object])
    extra_members_once: bool = False
    """Whether only the first answer of a grant has them."""
    wrapper: str | None = None
    """A member in which the whole answer stands."""
    duplicate_token: str | None = None
    """A member that repeats the access token."""
    second_grant: str | None = None
    """A member with the tokens of a further grant, which rotates on its own (``authed_user``)."""
    second_scope_param: str = "user_scope"
    second_token_type: str = "user"  # noqa: S105 - a type

    # Refresh tokens
    refresh_tokens: bool = True
    """False: there are none."""
    offline_scope: str | None = None
    """A scope without which there is no refresh token."""
    offline_params: Mapping[str, str] = _NAMES
    """Parameters of the authorization request without which there is no refresh token."""
    offline_code_params: Mapping[str, str] = _NAMES
    """Parameters of the code's exchange without which there is no refresh token and no expiry."""
    first_consent_only: bool = False
    """Whether an account that consented before gets no refresh token, but with ``prompt=consent``."""
    omits_kept_refresh_token: bool = False
    """Whether a refresh that keeps the refresh token does not repeat it."""
    refresh_token_lifetime: timedelta | None = attrs.field(
        default=None, validator=attrs.validators.optional(positive)
    )
    refresh_clock: Literal["sliding", "fixed"] = "sliding"
    """Whether a refresh starts the refresh token's lifetime again."""
    refresh_expiry_member: str | None = None
    """The member with the seconds that the refresh token has left."""
    most_grants: int | None = None
    """Of one account to one client; a further one kills the oldest."""
    exchange_grant: str | None = None
    """A grant type that gives a new access token for one that works (``fb_exchange_token``)."""
    exchange_field: str = "fb_exchange_token"

    # Authorization
    authorize_params: Mapping[str, str | None] = _MUST_BE
    """Parameters that the authorization request must have; None: with any value."""
    response_type: str = "code"
    scope_param: str | None = "scope"
    """None: scopes are set on the client, and none are read."""
    scope_separator: str = " "
    known_scopes: frozenset[str] | None = None
    """None: every scope is. All others are refused."""
    fixed_scopes: frozenset[str] = frozenset()
    """Granted in any case."""
    granted: Literal["changed", "always", "never"] = "changed"
    """When an answer says what was granted; the standard asks for it if it is not what was asked for."""
    granted_member: str = "scope"
    granted_as: Literal["text", "list"] = "text"
    hidden_scopes: frozenset[str] = frozenset()
    """Scopes that are granted and never told."""
    pkce: Literal["allowed", "required", "refused", "public_only", "ignored", "dropped"] = "allowed"
    """``dropped``: a challenge is taken and forgotten, and its verifier then refused."""
    form_post_only: bool = False
    """Whether a request with scopes must ask for ``response_mode=form_post``."""
    sends_iss: bool = True
    """Whether the callback says the issuer (RFC 9207)."""
    extra_callback: Mapping[str, str] = _NAMES
    denial: Mapping[str, str] = attrs.field(factory=lambda: {"error": "access_denied"})
    """The callback of a person who said no."""
    code_lifetime: timedelta = attrs.field(default=timedelta(minutes=1), validator=positive)
    known_resources: frozenset[str] | None = None
    """The resources that tokens are given for (RFC 8707); None: every absolute URI without fragment."""

    # The device flow
    device_interval: timedelta | None = attrs.field(
        default=cast("timedelta | None", timedelta(seconds=5)), validator=attrs.validators.optional(positive)
    )
    """None: not told, which means 5 seconds."""
    device_lifetime: timedelta = attrs.field(default=timedelta(minutes=10), validator=positive)
    device_uri_member: str = "verification_uri"
    device_proof: bool = True
    """Whether a client with a secret must prove itself in the device flow."""

    # OpenID Connect, discovery and registration
    id_tokens: Literal["openid", "always", "never"] = "openid"
    signing_alg: Literal["RS256", "ES256"] = "RS256"
    userinfo: Mapping[str, object] | None = None
    """The answer of ``/userinfo``; None: OpenID Connect's claims, for the scope ``openid``."""
    registration: bool = True
    """Whether clients may register themselves (RFC 7591)."""
    issuer_path: str = ""
    """Where the issuer and its endpoints are, such as ``/realms/main``."""

    # Revocation
    revocation: Revocations = "rfc7009"
    revocation_account: str = "account_id"
    """What the account is called in ``deauthorize``."""
    already_revoked: Refusal | None = None
    """The answer if there is nothing to revoke; None: as if there was."""
    revocation_reach: RevocationReach = "grant"
    """What ends with a token, in the ways in which the standard leaves it to the server."""
    revoked_consumed: RevokedConsumed = "grant"
    """What ends with a refresh token that was used before."""
    revocation_auth: frozenset[ClientProof] | None = None
    """The proofs that are accepted for revoking, and published; None: those of the token endpoint."""
    revocation_fields: frozenset[str] = attrs.field(default=frozenset[str](), converter=frozenset)
    """Fields that a revocation must have, be they empty, such as ``client_secret``."""

    # The API
    api_scheme: str = "Bearer"
    """What stands before the token in ``Authorization``; empty: nothing."""
    api_place: Literal["header", "path", "query"] = "header"
    api_methods: frozenset[str] = frozenset({"GET"})
    api_headers: frozenset[str] = frozenset()
    """Headers without which the API answers 400."""
    expired_status: int = 401
    """What an expired access token is answered."""
    replica_lag: int = 0
    """How many calls with a new access token are answered 401 before it works."""
    rate_limit_status: int = 429

    def __attrs_post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                msg = f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}"
                raise ValueError(msg)
        if unknown := self.client_auth - set(get_args(ClientProof)):
            msg = f"client_auth is of {', '.join(get_args(ClientProof))}, not {', '.join(sorted(unknown))}"
            raise ValueError(msg)
        counts = [self.most_grants, *(limit[0] for limit in (self.refresh_limit, self.client_limit) if limit)]
        if any(count is not None and count < 1 for count in counts):
            msg = "most_grants, refresh_limit and client_limit must allow at least one"
            raise ValueError(msg)


_CHOICES: Mapping[str, tuple[str, ...]] = {
    name: get_args(hint) for name, hint in get_type_hints(ServerQuirks).items() if get_origin(hint) is Literal
}
"""What each field that is one of several may be."""

STANDARD = ServerQuirks()
"""No quirk at all."""
