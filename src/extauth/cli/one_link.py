"""Commands about one link: how it is named, and what is said where there is none."""

from __future__ import annotations

import argparse

from extauth.domain.errors import LinkNotFound
from extauth.domain.link import LinkKey


def add_key(parser: argparse.ArgumentParser) -> None:
    """Take which link is meant."""
    parser.add_argument("provider", metavar="PROVIDER", help="its id, such as github or github/work")
    parser.add_argument("user", metavar="USER", help="the application's id of the user")


def key_of(options: argparse.Namespace) -> LinkKey:
    """Return which link is meant.

    :raises ValueError: if no link can have such a key.
    """
    return LinkKey(options.provider, options.user)


def not_found(key: LinkKey) -> LinkNotFound:
    """Return the error that there is no such link."""
    return LinkNotFound(f"user {key.user_id!r} has no link to {key.provider_id}")
