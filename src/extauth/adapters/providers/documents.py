"""Files and signatures: Dropbox, Box, DocuSign."""

from __future__ import annotations

from datetime import timedelta

from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.identity import AccountPaths, IdentityRules
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
from extauth.adapters.providers.preset import Preset, reply_rules
from extauth.domain.policy import ProviderTraits

# Members, and the scope that they need, as next-auth has them.
_DROPBOX_USER = Call(method="POST", url="https://api.dropboxapi.com/2/users/get_current_account")

dropbox = Preset(
    id="dropbox",
    display_name="Dropbox",
    docs_url="https://dropbox.tech",
    authorize_url="https://www.dropbox.com/oauth2/authorize",
    token_url="https://api.dropboxapi.com/oauth2/token",
    api=ApiRules(base_urls=("https://api.dropboxapi.com",)),
    scopes=("account_info.read",),
    traits=ProviderTraits(rotates=False),
    replies=reply_rules("dropbox"),
    authorization=AuthorizationRules(params={"token_access_type": "offline"}),
    revocation=Revocation(call=Call(method="POST", url="https://api.dropboxapi.com/2/auth/token/revoke")),
    identity=IdentityRules(
        call=_DROPBOX_USER,
        in_answer=AccountPaths(
            id=("account_id",),
            login=None,
            display_name=("name", "display_name"),
            avatar_url=("profile_photo_url",),
        ),
    ),
    validation=ValidationRules(call=_DROPBOX_USER),
    answers_omit=frozenset({"refresh_token"}),
)

# Members as next-auth reads them.
_BOX_USER = Call(url="https://api.box.com/2.0/users/me")

box = Preset(
    id="box",
    display_name="Box",
    docs_url="https://developer.box.com",
    authorize_url="https://account.box.com/api/oauth2/authorize",
    token_url="https://api.box.com/oauth2/token",
    api=ApiRules(base_urls=("https://api.box.com",)),
    client_auth="client_secret_post",
    traits=ProviderTraits(refresh_token_idle_lifetime=timedelta(days=60)),
    replies=reply_rules("box"),
    revocation=Revocation(
        call=Call(
            method="POST",
            url="https://api.box.com/oauth2/revoke",
            auth="client",
            encoding="form",
            fields={"token": "{token}"},
        ),
        # Box's reference, "Revoke": either token is enough, and both are destroyed.
        access_tokens="end",
    ),
    identity=IdentityRules(
        call=_BOX_USER,
        in_answer=AccountPaths(
            id=("id",), login=("login",), display_name=("name",), avatar_url=("avatar_url",)
        ),
    ),
    validation=ValidationRules(call=_BOX_USER),
)

_DOCUSIGN_USER = Call(url="https://account.docusign.com/oauth/userinfo")

docusign = Preset(
    id="docusign",
    display_name="DocuSign",
    authorize_url="https://account.docusign.com/oauth/auth",
    token_url="https://account.docusign.com/oauth/token",
    replies=reply_rules("docusign"),
    authorization=AuthorizationRules(extra_scopes=("extended",)),
    identity=IdentityRules(call=_DOCUSIGN_USER),
    validation=ValidationRules(call=_DOCUSIGN_USER),
    answers_omit=frozenset({"refresh_token"}),
    notes=(
        "With the scope extended, which is always asked for, a refresh renews the refresh token's lifetime.",
        "The demo environment is on another host: give authorize_url, token_url, identity and validation.",
    ),
)
