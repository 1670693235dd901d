"""``extauth connect``: connect an account of your own."""

from __future__ import annotations

import argparse
import os
from typing import cast

from extauth.cli.command import Answer, Command
from extauth.cli.listing import found_link
from extauth.cli.parsed import more_than_zero
from extauth.cli.personal.arguments import add_link
from extauth.cli.session import Session
from extauth.cli.summaries import details, summary_json
from extauth.domain.inventory import LinkSummary, inventory_of
from extauth.domain.link import LinkKey
from extauth.domain.linking_ports import LinkingProvider, Store
from extauth.services.providers import provider_of


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_link(parser)
    flow = parser.add_mutually_exclusive_group()
    flow.add_argument(
        "--device",
        dest="flow",
        action="store_const",
        const="device",
        help="by a code to type in on any device (RFC 8628)",
    )
    flow.add_argument(
        "--browser",
        dest="flow",
        action="store_const",
        const="browser",
        help="by a browser on this machine; default, but after ssh and where a provider has the other only",
    )
    parser.add_argument(
        "--no-open", action="store_true", help="open no browser, only say which address to open"
    )
    parser.add_argument(
        "--scope", dest="scopes", metavar="SCOPE", action="append", help="to ask for; may be repeated"
    )
    parser.add_argument(
        "--timeout",
        type=more_than_zero,
        default=600.0,
        metavar="SECONDS",
        help="that it may take (%(default)s)",
    )


async def _run(session: Session) -> Answer:
    from extauth.cli.personal.connecting import Connection, chosen_flow, connect  # noqa: PLC0415 - needs aiohttp
    from extauth.cli.personal.opening import config_of, open_for, user_of  # noqa: PLC0415

    options = session.options
    key = LinkKey(options.provider, user_of(session))
    entry = None
    if session.app is None or options.mine:
        entry = config_of(session).of(options.provider)
    async with open_for(session, options.provider) as auth:
        provider = cast("LinkingProvider", provider_of(auth.tokens.providers, options.provider))
        flow = chosen_flow(
            provider.linking,
            wanted=options.flow,
            configured=None if entry is None else entry.flow,
            environ=os.environ,
        )
        connection = Connection(
            key=key,
            scopes=options.scopes,
            redirect_uri=None if entry is None else entry.redirect_uri,
            opens_browser=not options.no_open,
            timeout=options.timeout,
        )
        link = await connect(auth, connection, flow)
        session.done["links connected"] = 1
        store = cast("Store", auth.store)
        summary = await found_link(inventory_of(store), key)
        if summary is None:  # somebody has unlinked it meanwhile
            summary = LinkSummary.of(link, await store.time())
    return Answer({"link": summary_json(summary)}, ["connected", details(summary)])


COMMAND = Command(
    name="connect",
    help="connect an account of your own",
    description="Connects your account at a provider: your browser opens, you say yes, and it comes back to a"
    " server on this machine that takes this one answer (RFC 8252); or you type in a code on any device. Who"
    " your client is at the provider is in your configuration, or in EXTAUTH_GITHUB_CLIENT_ID and"
    " EXTAUTH_GITHUB_CLIENT_SECRET. Links are kept in extauth/links.db in XDG_DATA_HOME or ~/.local/share, if"
    " no store is said.",
    add_arguments=_add_arguments,
    members={"link": "the link, as told above"},
    run=_run,
)
