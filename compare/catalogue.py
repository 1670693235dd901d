"""Which ways there are, and what each is known to say of itself."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Final, final

import attrs

ROOT: Final = Path(__file__).parents[1]
REQUIREMENTS: Final = ROOT / "compare" / "requirements.in"


@final
@attrs.frozen
class Entry:
    """One way to do the job."""

    title: str
    module: str
    opened: str = "opened"
    package: str | None = None
    """What must be installed for it beside what extauth needs; None: nothing."""
    claims: str = ""
    """What it says of refreshing by several at once, in its documentation or its code."""
    comparable: bool = True
    """Whether a token can be asked for without a call of the API."""
    ahead: bool = True
    """Whether a token that works for half a minute more is refreshed."""

    @property
    def name(self) -> str:
        """The row's name, with the version that ran."""
        if self.package is None:
            return self.title
        named = f"{self.package} {pinned(self.package)}"
        return f"{named}, {self.title}" if self.title else named


def pinned(package: str) -> str:
    """Return the version of ``compare/requirements.in``, or of extauth itself."""
    if package == "extauth":
        return version("extauth")
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    found = [line.partition("==") for line in lines]
    return next(release for name, _, release in found if name.partition("[")[0] == package)


HAND = "compare.ways.hand_rolled"
WAYS: Final = (
    Entry(
        "",
        "compare.ways.by_extauth",
        package="extauth",
        claims="one exchange for each rotation, in all processes",
    ),
    Entry("read, refresh, write", HAND, "naive", claims="code of an application's own"),
    Entry(
        "`UPDATE ... WHERE refresh_token = old`",
        HAND,
        "conditional",
        claims="code of an application's own; does not overwrite what another wrote",
    ),
    Entry(
        "an `asyncio.Lock` for each user",
        HAND,
        "in_process",
        claims="code of an application's own; one exchange in one process",
    ),
    Entry(
        "`SELECT ... FOR UPDATE`, held meanwhile",
        HAND,
        "row_lock",
        claims="code of an application's own; one exchange at a time in all processes",
    ),
    Entry(
        "a client for each call",
        "compare.ways.by_authlib",
        "each_time",
        package="Authlib",
        claims="a lock in each client; says nothing of several clients",
    ),
    Entry(
        "a client for each user, kept",
        "compare.ways.by_authlib",
        "kept",
        package="Authlib",
        claims="a lock in each client; says nothing of several clients",
    ),
    Entry(
        "",
        "compare.ways.by_requests_oauthlib",
        package="requests-oauthlib",
        claims="says nothing of several sessions",
        comparable=False,
        ahead=False,
    ),
    Entry(
        "",
        "compare.ways.by_httpx_oauth",
        package="httpx-oauth",
        claims="makes the request, and does not claim more",
    ),
    Entry(
        "refreshed by hand",
        "compare.ways.by_allauth",
        package="django-allauth",
        claims="keeps tokens of a sign-in, and does not claim to refresh them",
    ),
    Entry(
        "",
        "compare.ways.by_social_auth",
        package="social-auth-app-django",
        claims="refreshes a token that has ended; says nothing of several callers",
        ahead=False,
    ),
    Entry(
        "",
        "compare.ways.by_google_auth",
        package="google-auth",
        claims="for Google, which does not rotate; saving is the application's",
    ),
    Entry(
        "`AsyncTokenRotator`",
        "compare.ways.by_slack_sdk",
        package="slack-sdk",
        claims="for Slack, which keeps two tokens alive; says nothing of several callers",
    ),
)
