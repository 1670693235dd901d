"""Making the providers that a person has clients at."""

from __future__ import annotations

from typing import Any, Final

from extauth.adapters.discovery import discover
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.adapters.providers import CATALOGUE, preset
from extauth.cli.personal.config import ProviderEntry
from extauth.domain.errors import ConfigurationError, ProviderMisconfigured, ProviderUnavailable
from extauth.domain.hidden import Hidden
from extauth.private_files import in_home, read_private

_DESCRIBING: Final = frozenset(
    {"authorize_url", "token_url", "revoke_url", "device_url", "userinfo_url", "client_auth"}
)
"""Settings that a provider without a preset may have."""

KNOWN: Final = frozenset(CATALOGUE)


async def provider_of(entry: ProviderEntry) -> OAuth2Provider:
    """Return the provider. One with an ``issuer`` is asked for its metadata.

    :raises ConfigurationError: for what cannot be; no value is quoted.
    :raises ProviderUnavailable: if the issuer cannot be asked now.
    """
    settings: dict[str, Any] = dict(entry.settings)
    secret = _secret(entry)
    if secret.value is None and entry.issuer is None:
        settings.setdefault("client_auth", "none")
    reason = ""
    try:
        return await _made(entry, secret, settings)
    except ProviderUnavailable as error:
        msg = f"[providers.{entry.provider_id}]: {error}"
        raise ProviderUnavailable(msg, retry_after=error.retry_after) from error
    except ProviderMisconfigured as error:
        msg = f"[providers.{entry.provider_id}]: {error}"
        raise ProviderMisconfigured(msg, reason=error.reason) from error
    except (TypeError, ValueError) as error:
        reason = str(error)  # ours, and quotes no secret
    msg = f"[providers.{entry.provider_id}]: {reason}"
    raise ConfigurationError(msg)


async def _made(entry: ProviderEntry, secret: Hidden[str | None], settings: dict[str, Any]) -> OAuth2Provider:
    common: dict[str, Any] = {"client_id": entry.client_id, "client_secret": secret.value}
    if entry.preset is not None:
        return preset(entry.preset)(provider_id=entry.provider_id, scopes=entry.scopes, **common, **settings)
    if unknown := settings.keys() - _DESCRIBING:
        names, known = (", ".join(sorted(each)) for each in (unknown, _DESCRIBING))
        msg = f"there is no {names}; without a preset there are {known}"
        raise ValueError(msg)
    scopes = entry.scopes or ()
    if entry.issuer is not None:
        metadata = await discover(entry.issuer)
        return metadata.provider(entry.provider_id, scopes=scopes, **common, **settings)
    return OAuth2Provider(entry.provider_id, scopes=scopes, **common, **settings)


def _secret(entry: ProviderEntry) -> Hidden[str | None]:
    if entry.client_secret_file is None:
        return entry.client_secret
    what = f"the client secret of {entry.provider_id},"
    text = read_private(in_home(entry.client_secret_file), what)
    if not text.value.strip():
        msg = f"{what} {entry.client_secret_file} is empty"
        raise ConfigurationError(msg)
    return Hidden(text.value.strip())
