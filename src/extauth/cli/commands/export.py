"""``extauth export``: give links away, in a file that is encrypted."""

from __future__ import annotations

import argparse

from extauth.cli.command import Answer, Command, Table
from extauth.cli.exit_codes import FOUND, OK
from extauth.cli.link_files import add_key_argument, file_key, told
from extauth.cli.session import Session, UsageError
from extauth.cli.summaries import key_json
from extauth.domain.link import LinkKey
from extauth.transfer import export_links


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="to make; it is its owner's alone")
    add_key_argument(parser, "the key to encrypt to, the first one in it")
    parser.add_argument("--provider", metavar="ID", help="links of this provider and named below it only")
    parser.add_argument(
        "--freeze", action="store_true", help="fence each link here: it is refreshed here no more"
    )


async def _run(session: Session) -> Answer:
    options = session.options
    file: str = options.file
    if file == "-":
        msg = "links are exported to a file, never to stdout; give its name"
        raise UsageError(msg)
    if options.provider is not None:
        LinkKey(options.provider, "any")  # no id that no link can have
    key = file_key(options)
    async with session.opened(writes=True) as opened:
        with session.progress.of("exporting") as bar, told(file, "written"):

            def count(number: int) -> None:
                bar.advance()
                session.done["links read"] = number

            report = await export_links(
                opened.store,
                file,
                key=key,
                freeze=options.freeze,
                provider_id=options.provider,
                progress=count,
            )
    left_out = report.left_out
    rows = [(left.key.provider_id, left.key.user_id, left.reason) for left in left_out]
    frozen = f", {report.frozen} of them fenced here" if report.frozen else ""
    return Answer(
        {
            "exported": report.exported,
            "frozen": report.frozen,
            "left_out": [{**key_json(left.key), "reason": left.reason} for left in left_out],
        },
        [
            *([Table(("provider", "user", "left out"), rows)] if rows else []),
            f"{report.exported} links exported{frozen}, {len(left_out)} left out",
        ],
        FOUND if left_out else OK,
    )


COMMAND = Command(
    name="export",
    help="give links away, in an encrypted file",
    description="Writes links with their tokens to a new file that only the given key opens. They stay here;"
    " to move them give --freeze, so that only the other side refreshes them from then on. Interrupted, it"
    " leaves no file, and fences stand: run it again, or lift them by extauth retry PROVIDER --reason"
    " fenced. Exits with 1 if a link was left out.",
    add_arguments=_add_arguments,
    members={
        "exported": "how many links are in the file",
        "frozen": "how many of them are fenced here",
        "left_out": '`[{"provider", "user", "reason"}]` that are not in it',
    },
    run=_run,
)
