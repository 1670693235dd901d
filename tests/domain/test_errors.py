"""The error tree: what a caller can rely on."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta

import pytest

import extauth
from extauth.domain import errors
from extauth.domain.errors import (
    AccountChanged,
    AlreadyCompleted,
    AuthorizationExpired,
    AuthorizationFailed,
    AuthorizationRejected,
    CannotDecrypt,
    ConfigurationError,
    ConsentDenied,
    ExtAuthError,
    InsufficientScope,
    InvalidCallback,
    IssuerMismatch,
    KeyInUse,
    LinkDoubtful,
    LinkFenced,
    LinkingFailed,
    LinkNotFound,
    LinkUnreadable,
    NotAuthorized,
    ProviderMisconfigured,
    ProviderUnavailable,
    ReauthorizationRequired,
    RefreshInProgress,
    StoreUnavailable,
    TemporarilyUnavailable,
    UnknownProvider,
    UnknownState,
    WrongUser,
)
from extauth.domain.key_use import KeyUse
from extauth.domain.link import LinkKey

CODES = {
    ExtAuthError: "extauth_error",
    LinkNotFound: "link_not_found",
    ReauthorizationRequired: "reauthorization_required",
    InsufficientScope: "insufficient_scope",
    TemporarilyUnavailable: "temporarily_unavailable",
    ProviderUnavailable: "provider_unavailable",
    StoreUnavailable: "store_unavailable",
    CannotDecrypt: "cannot_decrypt",
    LinkUnreadable: "link_unreadable",
    RefreshInProgress: "refresh_in_progress",
    LinkDoubtful: "link_doubtful",
    LinkFenced: "link_fenced",
    ConfigurationError: "configuration_error",
    KeyInUse: "key_in_use",
    UnknownProvider: "unknown_provider",
    ProviderMisconfigured: "provider_misconfigured",
    LinkingFailed: "linking_failed",
    InvalidCallback: "invalid_callback",
    UnknownState: "unknown_state",
    AuthorizationExpired: "authorization_expired",
    AlreadyCompleted: "already_completed",
    AuthorizationFailed: "authorization_failed",
    WrongUser: "wrong_user",
    ConsentDenied: "consent_denied",
    IssuerMismatch: "issuer_mismatch",
    AuthorizationRejected: "authorization_rejected",
    AccountChanged: "account_changed",
    NotAuthorized: "not_authorized",
}
"""Public: applications switch on these."""

INSTANCES: list[ExtAuthError] = [
    LinkNotFound("not connected"),
    ReauthorizationRequired("connect again", reason="invalid_grant"),
    ProviderUnavailable("later", retry_after=timedelta(seconds=3)),
    StoreUnavailable("later"),
    RefreshInProgress("later", retry_after=timedelta(seconds=1)),
    LinkFenced("lift the fence"),
    LinkDoubtful("agree"),
    UnknownProvider("no such provider"),
    ProviderMisconfigured("wrong secret", reason="invalid_client"),
    InvalidCallback("begin again"),
    UnknownState("begin again"),
    AuthorizationExpired("begin again"),
    AlreadyCompleted("look at the links"),
    AuthorizationFailed("begin again"),
    WrongUser("begin again"),
    ConsentDenied("begin again"),
    IssuerMismatch("begin again"),
    AccountChanged("begin again"),
    AuthorizationRejected("begin again", reason="invalid_grant"),
    NotAuthorized("not yours"),
    KeyInUse("rotate first", key_id="k1", use=KeyUse()),
    LinkUnreadable("restore it", key=LinkKey("github", "alice")),
    CannotDecrypt("give the key", reason="missing_key", key_id="k1", key=LinkKey("github", "alice")),
    InsufficientScope("ask for more", key=LinkKey("github", "alice"), scopes=frozenset({"repo"})),
]


def every_error() -> set[type[ExtAuthError]]:
    """Return all error classes that the module defines."""
    return {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, ExtAuthError)
    }


def test_the_codes_are_these():
    """Each error has its own code, stated in its own class, and none of them ever changes."""
    assert {error: error.code for error in every_error()} == CODES
    assert len(set(CODES.values())) == len(CODES)
    assert all("code" in vars(error) for error in every_error())


def test_every_error_is_public():
    """What can be raised can be caught by its public name."""
    for error in every_error():
        assert getattr(extauth, error.__name__) is error
        assert error.__name__ in extauth.__all__


@pytest.mark.parametrize(
    ("base", "leaves"),
    [
        (
            TemporarilyUnavailable,
            {
                ProviderUnavailable,
                StoreUnavailable,
                LinkUnreadable,
                RefreshInProgress,
                LinkFenced,
                LinkDoubtful,
            },
        ),
        (ConfigurationError, {UnknownProvider, ProviderMisconfigured, CannotDecrypt, KeyInUse}),
        (LinkNotFound, set()),
        (ReauthorizationRequired, set()),
        (InsufficientScope, set()),
        (NotAuthorized, set()),
    ],
)
def test_they_are_split_by_what_the_caller_can_do(base, leaves):
    """Try again, fix the deployment, connect, connect again, give up: no error is two of these."""
    assert {error for error in every_error() if issubclass(error, base)} == {base, *leaves}


def test_mistakes_of_the_calling_code_stay_outside():
    """``ValueError`` and ``RuntimeError`` are no errors of this tree, nor the other way round."""
    assert not any(issubclass(error, ValueError | RuntimeError | OSError) for error in every_error())


@pytest.mark.parametrize("error", INSTANCES, ids=lambda error: error.code)
def test_the_message_is_what_it_says(error):
    """``str`` gives the message and nothing else."""
    assert [str(error)] == list(error.args)


def test_what_is_known_about_the_wait_is_told():
    """``retry_after`` is None where nothing is known."""
    assert [getattr(error, "retry_after", "none") for error in INSTANCES[2:5]] == [
        timedelta(seconds=3),
        None,
        timedelta(seconds=1),
    ]


def test_an_error_carries_what_it_was_raised_with():
    """The message for people, and for programs the reason, the time to wait or the link."""
    for kind in (ReauthorizationRequired, ProviderMisconfigured):
        error = kind("so it is", reason="a_code")
        assert (str(error), error.reason) == ("so it is", "a_code")
    later = TemporarilyUnavailable("so it is", retry_after=timedelta(seconds=3))
    assert (str(later), later.retry_after) == ("so it is", timedelta(seconds=3))
    unreadable = LinkUnreadable("so it is", key=LinkKey("github", "alice"))
    assert (str(unreadable), unreadable.key) == ("so it is", LinkKey("github", "alice"))


def through_pickle(error: ExtAuthError) -> ExtAuthError:
    """Take the way that exceptions take between processes."""
    arrived: ExtAuthError = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    return arrived


@pytest.mark.parametrize("error", INSTANCES, ids=lambda error: error.code)
@pytest.mark.parametrize("travel", [copy.copy, through_pickle])
def test_an_error_can_leave_its_process(error, travel):
    """Pools and task queues send exceptions on; one that cannot be rebuilt there would hide this one."""
    arrived = travel(error)
    assert type(arrived) is type(error)
    assert arrived.args == error.args
    assert vars(arrived) == vars(error)


def test_why_an_authorization_was_rejected() -> None:
    """A stable code, beside the message."""
    assert AuthorizationRejected("no", reason="invalid_grant").reason == "invalid_grant"


def test_an_error_without_a_message_has_none() -> None:
    """Empty, as of any exception."""
    assert str(LinkNotFound()) == ""


def test_what_does_not_open_says_where_it_is():
    """And which key is missing: an operator looks for both."""
    key = LinkKey("github", "alice")
    error = CannotDecrypt("give the key", reason="missing_key", key_id="k1", key=key)
    assert (error.reason, error.key_id, error.key) == ("missing_key", "k1", key)
