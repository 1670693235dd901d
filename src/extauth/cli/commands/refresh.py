"""``extauth refresh``: refresh one link now, as the application would."""

from __future__ import annotations

from extauth.cli.command import Answer, Command
from extauth.cli.listing import found_link
from extauth.cli.one_link import add_key, key_of
from extauth.cli.session import Session
from extauth.cli.summaries import details, summary_json
from extauth.domain.inventory import LinkSummary, inventory_of


async def _run(session: Session) -> Answer:
    key = key_of(session.options)
    async with session.opened("needed", writes=True, only=key.provider_id) as opened:
        assert opened.auth is not None, "providers were needed"  # noqa: S101
        link = await opened.auth.refresh(key.provider_id, key.user_id)
        session.done["links refreshed"] = 1
        summary = await found_link(inventory_of(opened.store), key)
        if summary is None:  # the user has left meanwhile
            summary = LinkSummary.of(link, await opened.store.time())
    return Answer(
        {"link": summary_json(summary)}, [f"refreshed; version {link.version} now", details(summary)]
    )


COMMAND = Command(
    name="refresh",
    help="refresh one link now",
    description="Refreshes the access token of one link although it may still work, by the same leases as the"
    " application. Tokens that the provider gives are stored also if it is interrupted.",
    add_arguments=add_key,
    members={
        "link": "the link after it, as told above",
    },
    run=_run,
)
