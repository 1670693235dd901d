"""Everything extauth raises on purpose, split by what the caller can do about it.

Bad arguments are plain :class:`ValueError` and use after closing is :class:`RuntimeError`: both are
mistakes in the calling code and stay outside this tree.
"""

from __future__ import annotations

import copyreg
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from extauth.domain.one_line import one_line
from extauth.domain.reasons import explanation

if TYPE_CHECKING:
    from extauth.domain.key_use import KeyUse
    from extauth.domain.link import LinkKey


class ExtAuthError(Exception):
    """Base of all errors below. Never raised itself.

    Its message is one printable line, whatever ids it names.
    """

    code: ClassVar[str] = "extauth_error"
    """Stable and machine-readable; part of the public API."""

    def __init__(self, message: str = "") -> None:
        super().__init__(one_line(message))

    def __reduce__(self) -> tuple[object, ...]:
        # The default calls the class with the message alone, which fails where a keyword is required.
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]


class LinkNotFound(ExtAuthError):
    """The user has not connected this provider, or has disconnected it. Ask them to connect."""

    code = "link_not_found"


class LinkingFailed(ExtAuthError):
    """The user was not connected, and nothing was stored. Let them begin again.

    Base of the errors below, never raised itself.
    """

    code = "linking_failed"


class InvalidCallback(LinkingFailed):
    """This is no answer to an authorization request: a parameter is missing or repeated, or it came by
    another HTTP method or to another redirect URI than the one asked for."""

    code = "invalid_callback"


class UnknownState(LinkingFailed):
    """The state was never given out here, or expired long ago, or the user has disconnected since: a forged
    callback, or an old one."""

    code = "unknown_state"


class AuthorizationExpired(LinkingFailed):
    """The user took longer than the authorization or the device code was valid."""

    code = "authorization_expired"


class AlreadyCompleted(LinkingFailed):
    """A callback with this state, or a poll with this device code, has come before. It connected the user,
    or is about to; or its replica died, or the store failed, so that nobody knows. Look at the links."""

    code = "already_completed"


class AuthorizationFailed(LinkingFailed):
    """A callback with this state has come before and connected nobody. Its own error said why."""

    code = "authorization_failed"


class WrongUser(LinkingFailed):
    """Another user began this authorization. Theirs stays open."""

    code = "wrong_user"


class ConsentDenied(LinkingFailed):
    """The user, or the provider for them, said no."""

    code = "consent_denied"


class IssuerMismatch(LinkingFailed):
    """The callback is from another authorization server than the user was sent to (RFC 9207)."""

    code = "issuer_mismatch"


class AuthorizationRejected(LinkingFailed):
    """The provider ended the authorization with an error, or does not accept the code it gave."""

    code = "authorization_rejected"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        """Why, as a stable code, for example ``invalid_grant``."""


class AccountChanged(LinkingFailed):
    """The user came back with another account than the one that is linked, and that was to be refused."""

    code = "account_changed"


class ReauthorizationRequired(ExtAuthError):
    """The provider no longer accepts the user's grant, or with the reason ``probably_dead`` most likely does
    not. Ask them to connect again."""

    code = "reauthorization_required"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        """Why, as a stable code: the provider's OAuth error code; ``reply_lost`` if it may be our own earlier
        exchange, whose reply never arrived, that used the refresh token up; ``reply_unreadable`` if that
        reply arrived and could not be decoded; ``no_refresh_token``; or ``probably_dead`` where the provider
        has refused the link for long without saying why, and has served others: then it is tried on, and may
        work again by itself."""

    @property
    def explanation(self) -> str:
        """Why, as an English sentence that a user interface can show; it holds no text of the provider's."""
        return explanation(self.reason)


class InsufficientScope(ExtAuthError):
    """An API accepts the access token and wants more to be granted (RFC 6750 section 3.1). Let the user
    connect again, and ask for :attr:`scopes` as well: ``begin(..., scopes=error.scopes,
    include_granted=True)``. A refresh does not help."""

    code = "insufficient_scope"

    def __init__(self, message: str, *, key: LinkKey, scopes: frozenset[str]) -> None:
        super().__init__(message)
        self.key = key
        """Which link."""
        self.scopes = scopes
        """What to ask for beside what is granted. Empty where the API does not name it, or names only what is
        granted: then asking again is no help."""


class TemporarilyUnavailable(ExtAuthError):
    """Nothing is lost; try again later. Base of the five below, never raised itself."""

    code = "temporarily_unavailable"

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """How long to wait before trying again is worth it, where that is known."""


class ProviderUnavailable(TemporarilyUnavailable):
    """The provider could not be reached, or gave an answer that settles nothing."""

    code = "provider_unavailable"


class StoreUnavailable(TemporarilyUnavailable):
    """The store could not be reached or failed; the driver's error is ``__cause__``."""

    code = "store_unavailable"


class LinkUnreadable(StoreUnavailable):
    """The row of one link cannot be read: it is damaged, or another program wrote it. Other links are not
    concerned. Trying again does not help: restore the row, or delete it and let the user connect again."""

    code = "link_unreadable"

    def __init__(self, message: str, *, key: LinkKey) -> None:
        super().__init__(message)
        self.key = key
        """Which link."""


class RefreshInProgress(TemporarilyUnavailable):
    """Another replica is refreshing this link and did not finish within the time to wait."""

    code = "refresh_in_progress"


class LinkFenced(TemporarilyUnavailable):
    """The access token does not work any more, and the link is not refreshed here: it was moved here and may
    still be refreshed where it came from, or it was moved away. An operator lifts the fence, or the user
    connects anew; trying again does not help before."""

    code = "link_fenced"


class LinkDoubtful(TemporarilyUnavailable):
    """The access token does not work any more, and the link is not refreshed: it is from a database that was
    restored or copied, so that its refresh token may have been used up since. An operator lets it be tried
    (``extauth restored --agree``), or the user connects anew; trying again does not help before."""

    code = "link_doubtful"


class ConfigurationError(ExtAuthError):
    """The deployment must be mended; no user can help and no link is touched."""

    code = "configuration_error"


class UnknownProvider(ConfigurationError):
    """No provider with this id was given to the service."""

    code = "unknown_provider"


class ProviderMisconfigured(ConfigurationError):
    """The provider rejects the application itself, for example its client secret."""

    code = "provider_misconfigured"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        """Why, as a stable code, for example ``invalid_client``."""


class CannotDecrypt(ConfigurationError):
    """Something that is stored encrypted does not open with the keys that were given. It is left as it is,
    and opens again when the right key is there; nothing else is concerned."""

    code = "cannot_decrypt"

    def __init__(
        self, message: str, *, reason: str, key_id: str | None = None, key: LinkKey | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        """Why, as a stable code: ``missing_key`` if no key of that id was given; ``not_authentic`` if the key
        of that id is another one than the text was encrypted with, or the text was changed, or moved here
        from another place; ``unknown_format`` if a newer version of extauth has written it; ``plain_text`` if
        it is not encrypted at all, and such is to be refused."""
        self.key_id = key_id
        """Which key it says that it is encrypted with; None if it does not say."""
        self.key = key
        """Which link it is, or was to become; None for a registered client."""


class KeyInUse(ConfigurationError):
    """A key was to be taken away that stored rows are still encrypted with. Rotate first."""

    code = "key_in_use"

    def __init__(self, message: str, *, key_id: str, use: KeyUse) -> None:
        super().__init__(message)
        self.key_id = key_id
        self.use = use
        """How many rows."""


class NotAuthorized(ExtAuthError):
    """The caller may not use this link."""

    code = "not_authorized"
