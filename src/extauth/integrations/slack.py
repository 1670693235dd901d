"""An installation store of the Slack SDK, for Bolt, over the links of the preset ``slack``.

Bolt rotates tokens by itself where an installation has a refresh token: in each process, two hours ahead, the
bot's and the user's together. Those that this store hands out have none, so it never does.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final, NoReturn, TypeAlias, final

import attrs

from extauth.auth import Auth
from extauth.domain.errors import LinkNotFound, ReauthorizationRequired
from extauth.domain.link import Link
from extauth.domain.linking import named_provider_id
from extauth.domain.storable import JsonValue
from extauth.extras import extra_needed
from extauth.integrations.user_tokens import UserTokens

with extra_needed("slack"):
    from slack_sdk.oauth.installation_store import Bot, Installation
    from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore

__all__ = ["InstallationOwner", "InstalledFor", "UserInstallationStore"]

_LOGGER: Final = logging.getLogger(__name__)


@final
@attrs.frozen
class InstalledFor:
    """Whose installation Bolt wants, in Slack's ids."""

    enterprise_id: str | None
    team_id: str | None
    """``None`` if the app is installed for the whole organization."""
    user_id: str | None
    """Who acts in Slack; ``None``: whoever installed the app there last, whose bot it is."""


InstallationOwner: TypeAlias = Callable[[InstalledFor], Awaitable[str | None]]
"""Returns the application's id of the user whose link that is; ``None`` if it knows of none."""


@final
class UserInstallationStore(AsyncInstallationStore):
    """The ``AsyncInstallationStore`` that Bolt looks tokens up in, for ``AsyncApp(installation_store=...)``.

    The bot's token is that of the link ``slack``, the user's that of ``slack/user``. They are asked for at
    each event, refreshed if need be, and handed out without a refresh token. ``valid_for`` is for how long
    a listener needs one at least.

    An installation is None, as Slack's interface has it, if there is no link or the user must connect
    again: Bolt then asks for a new installation. Whatever else :meth:`extauth.Auth.link` raises is raised:
    Bolt answers with 500, and Slack sends the event again. With Bolt's ``installation_store_bot_only``,
    though, it takes every error of ``async_find_bot`` for an app that is not installed.

    Users connect with :meth:`extauth.Auth.begin` and ``complete``, and not by Bolt's own OAuth flow, whose
    installations are refused: it checks neither who came back nor that the grant belongs to the client that
    refreshes it, and an installation that was read here and is written back has no refresh token any more.
    Slack's events ``app_uninstalled`` and ``tokens_revoked`` disconnect.
    """

    def __init__(
        self,
        auth: Auth,
        *,
        owner: InstallationOwner,
        provider_id: str = "slack",
        valid_for: timedelta | None = None,
    ) -> None:
        """Look up the links of ``provider_id`` of whom ``owner`` names.

        :raises ValueError: for an id that cannot be a provider's.
        :raises TypeError: if ``auth`` is none that is open.
        """
        UserTokens(auth, provider_id, "anybody")  # checks both
        self._auth = auth
        self._owner = owner
        self._bots = provider_id
        self._users = named_provider_id(provider_id, "user")
        self._valid_for = valid_for

    @property
    def logger(self) -> logging.Logger:
        """Where Bolt's listeners may write."""
        return _LOGGER

    async def async_find_bot(
        self, *, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> Bot | None:
        """Return the bot that is installed there.

        :raises ValueError: if the link of whom ``owner`` named is for another workspace.
        """
        asked = _asked(enterprise_id, team_id, None, is_enterprise_install)
        owner = await self._owner(asked)
        link = None if owner is None else await self._link(self._bots, owner, asked)
        if link is None:
            return None
        place = _place(link, asked)
        return Bot(
            bot_token=link.tokens.access_token,
            bot_id="",  # Bolt asks auth.test for it
            bot_user_id=_text(link.tokens.extra.get("bot_user_id")) or "",
            bot_scopes=sorted(link.tokens.scopes),
            installed_at=link.created_at.timestamp(),
            **place,
        )

    async def async_find_installation(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None = None,
        is_enterprise_install: bool | None = False,
    ) -> Installation | None:
        """Return the installation of ``user_id``, or without one the newest, whose bot it is.

        :raises ValueError: if the link of whom ``owner`` named is for another workspace, or another user of
        it.
        """
        asked = _asked(enterprise_id, team_id, user_id, is_enterprise_install)
        owner = await self._owner(asked)
        if owner is None:
            return None
        bot = await self._link(self._bots, owner, asked)
        user = await self._link(self._users, owner, asked)
        found = bot or user
        if found is None:
            return None
        account = next((link.account.id for link in (bot, user) if link and link.account), None)
        return Installation(
            user_id=account or user_id or "",
            bot_token=bot and bot.tokens.access_token,
            bot_user_id=bot and _text(bot.tokens.extra.get("bot_user_id")),
            bot_scopes=sorted(bot.tokens.scopes) if bot else "",
            user_token=user and user.tokens.access_token,
            user_scopes=sorted(user.tokens.scopes) if user else "",
            installed_at=found.created_at.timestamp(),
            **_place(found, asked),
        )

    async def async_delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        """Disconnect whoever's bot is installed there, and revoke the tokens."""
        await self._unlink(self._bots, InstalledFor(enterprise_id, team_id, None))

    async def async_delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        """Disconnect the user's own tokens; without ``user_id`` the bot's, too."""
        kind = self._bots if user_id is None else self._users
        await self._unlink(kind, InstalledFor(enterprise_id, team_id, user_id))

    async def async_save(self, installation: object) -> NoReturn:
        """Refuse; see the class.

        :raises RuntimeError: always.
        """
        _refuse()

    async def async_save_bot(self, bot: object) -> NoReturn:
        """Refuse; see the class.

        :raises RuntimeError: always.
        """
        _refuse()

    async def _link(self, provider_id: str, owner: str, asked: InstalledFor) -> Link | None:
        try:
            link = await self._auth.link(provider_id, owner, valid_for=self._valid_for)
        except (LinkNotFound, ReauthorizationRequired):
            return None
        _check(link, asked)
        return link

    async def _unlink(self, provider_id: str, asked: InstalledFor) -> None:
        owner = await self._owner(asked)
        if owner is not None:
            await self._auth.unlink(provider_id, owner)


def _asked(enterprise: str | None, team: str | None, user: str | None, whole: bool | None) -> InstalledFor:
    return InstalledFor(enterprise, None if whole else team, user)


def _check(link: Link, asked: InstalledFor) -> None:
    """Check that the owner has not confused two workspaces or users: that would be somebody else's token."""
    extra = link.tokens.extra
    wanted = {
        "team": (asked.team_id, _id(extra.get("team"))),
        "enterprise": (asked.enterprise_id, _id(extra.get("enterprise"))),
        "user": (asked.user_id, link.account.id if link.account else None),
    }
    for name, (one, other) in wanted.items():
        if one is not None and other is not None and one != other:
            msg = f"owner({asked}) named {link.key.user_id!r}, whose link is for the {name} {other!r}"
            raise ValueError(msg)


def _place(link: Link, asked: InstalledFor) -> dict[str, Any]:
    extra = link.tokens.extra
    return {
        "app_id": _text(extra.get("app_id")),
        "enterprise_id": _id(extra.get("enterprise")) or asked.enterprise_id,
        "enterprise_name": _name(extra.get("enterprise")),
        "team_id": _id(extra.get("team")) or asked.team_id,
        "team_name": _name(extra.get("team")),
        "is_enterprise_install": extra.get("is_enterprise_install") is True,
    }


def _id(value: JsonValue) -> str | None:
    return _text(value.get("id")) if isinstance(value, Mapping) else None


def _name(value: JsonValue) -> str | None:
    return _text(value.get("name")) if isinstance(value, Mapping) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _refuse() -> NoReturn:
    msg = (
        "extauth keeps the installations and rotates their tokens: connect users with auth.begin and"
        " auth.complete, not by Bolt's OAuth flow"
    )
    raise RuntimeError(msg)
