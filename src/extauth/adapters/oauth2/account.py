"""Finding an account in an answer."""

from __future__ import annotations

from collections.abc import Mapping

from extauth.adapters.oauth2.identity import AccountPaths, Path
from extauth.adapters.oauth2.json_kinds import is_filled
from extauth.adapters.oauth2.members import object_at, storable_json
from extauth.domain.link import Account

_LARGEST_NUMBER = 2**64


def account_in(answer: Mapping[str, object], paths: AccountPaths) -> Account | None:
    """Return the account that the answer names, or None if it has no id that can be kept. Never raises.

    A whole number counts as text: many providers number their users. Other members that are odd are left
    out.
    """
    try:
        return Account(
            _text(answer, paths.id) or "",
            login=_text(answer, paths.login),
            display_name=_text(answer, paths.display_name),
            avatar_url=_text(answer, paths.avatar_url),
        )
    except ValueError:
        return None


def _text(answer: Mapping[str, object], path: Path | None) -> str | None:
    if not path:
        return None
    *outer, name = path
    value = object_at(answer, outer).get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        # No identifier has more digits than a word of 64 bits; huge ones cannot become text.
        return str(value) if abs(value) < _LARGEST_NUMBER else None
    return value if is_filled(value) and storable_json(value) else None
