"""``extauth show``: everything about one link; its tokens only if that is said."""

from __future__ import annotations

import argparse

from extauth.cli.command import Answer, Command, Table
from extauth.cli.listing import found_link
from extauth.cli.one_link import add_key, key_of, not_found
from extauth.cli.output import warn
from extauth.cli.session import KEYS, Session
from extauth.cli.summaries import details, summary_json
from extauth.domain.errors import CannotDecrypt
from extauth.domain.inventory import inventory_of
from extauth.domain.sealed import still_sealed
from extauth.domain.token_set import TokenSet


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_key(parser)
    parser.add_argument(
        "--reveal", action="store_true", help="print the tokens, too: whoever sees them can use them"
    )


async def _run(session: Session) -> Answer:
    key = key_of(session.options)
    async with session.opened() as opened:
        summary = await found_link(inventory_of(opened.store), key)
        if summary is None:
            raise not_found(key)
        if not session.options.reveal:
            return Answer({"link": summary_json(summary)}, [details(summary)])
        link = await opened.store.get(key)
    if link is None:
        raise not_found(key)
    if (key_id := still_sealed(link.tokens)) is not None:
        msg = f"the tokens are encrypted with the key {key_id!r}; give it by --keys-file or {KEYS}"
        raise CannotDecrypt(msg, reason="missing_key", key_id=key_id, key=key)
    warn("tokens are shown: whoever sees this output, or its log, can use them")
    tokens = _revealed(link.tokens)
    rows = [(name, value) for name, value in tokens.items() if isinstance(value, str)]
    return Answer(
        {"link": summary_json(summary), "tokens": tokens}, [details(summary), Table(("", ""), rows)]
    )


def _revealed(tokens: TokenSet) -> dict[str, object]:
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "resource_tokens": {
            resource: token.access_token for resource, token in tokens.resource_tokens.items()
        },
    }


COMMAND = Command(
    name="show",
    help="everything about one link",
    description="Shows one link without its tokens. With --reveal they are shown, too, which needs the keys"
    " if they are encrypted.",
    add_arguments=_add_arguments,
    members={
        "link": "the link, as told above",
        "tokens": '`{"access_token", "refresh_token", "resource_tokens"}`, the last by resource;'
        " only with `--reveal`",
    },
    run=_run,
)
