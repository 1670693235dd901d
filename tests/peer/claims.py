"""What the toolkit says of a user in ID tokens and at its userinfo endpoint."""

from __future__ import annotations

from oauth2_provider.oauth2_validators import OAuth2Validator


class NamedValidator(OAuth2Validator):  # type: ignore[misc]  # Django has no types here
    """Adds the standard claims of the scope ``profile``, as the toolkit's documentation shows."""

    oidc_claim_scope = OAuth2Validator.oidc_claim_scope | {"preferred_username": "profile", "name": "profile"}

    def get_additional_claims(self, request):
        return {"preferred_username": request.user.username, "name": request.user.first_name}
