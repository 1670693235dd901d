"""Arguments of another type than was meant: what is taken all the same, and messages that say what to write.

No message repeats a value: any may be a secret in the wrong place.
"""

from __future__ import annotations

from typing import Protocol, TypeGuard, runtime_checkable


@runtime_checkable
class UrlObject(Protocol):
    """A ``yarl.URL``, as aiohttp has them: its ``str()`` is the whole URL.

    That is not so of every URL object: SQLAlchemy's shows ``***`` for the password.
    """

    def human_repr(self) -> str:
        """Show the URL to a human, as no other library's URLs do."""
        ...


def is_url_object(value: object) -> TypeGuard[UrlObject]:
    """Tell a ``yarl.URL`` from everything else, its class included."""
    return isinstance(value, UrlObject) and not isinstance(value, type)


def must_be(wanted: str, value: object, what: str, hint: str = "") -> str:
    """Return the message for a value that is not what is ``wanted``, with a hint of what to write."""
    if value is None:
        found, hint = "None", hint or "is it configured?"
    elif isinstance(value, type):
        found = f"the class {value.__name__}"
    else:
        found = type(value).__name__
    if isinstance(value, bytes | bytearray):
        hint = "decode it: value.decode()"
    return f"{what} must be {wanted}, not {found}" + (f"; {hint}" if hint else "")


def id_text(value: object, what: str) -> str:
    """Return a provider's or a user's id that is a ``str``.

    :raises TypeError: for anything else; a number, a UUID or a whole provider is not made an id by guessing.
    """
    if isinstance(value, str):
        return value
    hint = ""
    if value is None:
        hint = "is anybody signed in?" if what == "user_id" else hint
    elif hasattr(value, "provider_id"):
        hint = "write its .provider_id"
    elif what == "user_id":
        hint = "ids are text: write str(user.id)"
    raise TypeError(must_be("a str", value, what, hint))


def url_text(url: object, what: str, wanted: str = "a str or a yarl.URL") -> str:
    """Return a URL that is a ``str`` or a ``yarl.URL`` as a ``str``.

    :raises TypeError: for anything else.
    """
    if isinstance(url, str):
        return url
    if is_url_object(url):
        return str(url)
    msg = must_be(wanted, url, what)
    raise TypeError(msg)
