"""``extauth serve``: the broker, for programs in other languages or that must hold no tokens."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, AsyncExitStack
from typing import TYPE_CHECKING, Final

from extauth.cli.command import Answer, Command
from extauth.cli.output import warn
from extauth.cli.parsed import at_least_zero
from extauth.cli.session import Session, UsageError
from extauth.domain.hidden import Hidden

if TYPE_CHECKING:
    from extauth.broker import Broker

CALLERS: Final = "EXTAUTH_BROKER"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--callers",
        metavar="PATH",
        help=f"the file that says who may ask for what; default: {CALLERS}; for its owner alone",
    )
    parser.add_argument("--socket", metavar="PATH", help="a Unix socket to listen on, with mode 0600")
    parser.add_argument(
        "--socket-group", metavar="GROUP", help="whose members may connect to it, too: mode 0660"
    )
    parser.add_argument(
        "--listen",
        type=_address,
        metavar="HOST:PORT",
        help="an address to listen on; loopback, such as 127.0.0.1:8470",
    )
    parser.add_argument(
        "--beyond-loopback", action="store_true", help="let that be any address: behind TLS that you provide"
    )
    parser.add_argument(
        "--host", metavar="NAME", action="append", default=[], help="another name that Host may have there"
    )
    parser.add_argument(
        "--grace",
        type=at_least_zero,
        default=30.0,
        metavar="SECONDS",
        help="for requests under way at the end (%(default)s)",
    )
    parser.add_argument(
        "--new-secret", action="store_true", help="only print a new secret and its hash, for a caller"
    )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not int(port) < 1 << 16:
        msg = "must be HOST:PORT, such as 127.0.0.1:8470 or [::1]:8470"
        raise argparse.ArgumentTypeError(msg)
    return host.strip("[]"), int(port)


async def _run(session: Session) -> Answer:
    if session.options.new_secret:
        return _new_secret()
    from extauth.broker import open_broker, read_config  # noqa: PLC0415 - it needs aiohttp

    options = session.options
    callers: str | None = options.callers or os.environ.get(CALLERS)
    if callers is None or not (options.socket or options.listen):
        msg = f"say who may ask by --callers or {CALLERS}, and where by --socket, --listen or both"
        raise UsageError(msg)
    config = read_config(callers, os.environ)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    ended = asyncio.Event()
    async with AsyncExitStack() as stack:
        # First, so that they are closed last; who connects meanwhile waits.
        sockets = [stack.enter_context(each) for each in _sockets(options)]
        opened = await stack.enter_async_context(session.opened("needed"))
        assert opened.auth is not None, "providers were needed"  # noqa: S101
        broker = await stack.enter_async_context(open_broker(opened.auth, config, grace=options.grace))
        for listening in sockets:
            await _listen(options, broker, listening)
        _end_by_signal(ended)
        await ended.wait()
        warn("serve: finishing what is under way")
    return Answer({"served": True}, ["ended"])


def _sockets(options: argparse.Namespace) -> Iterator[AbstractContextManager[socket.socket]]:
    from extauth.broker import tcp_socket, unix_socket  # noqa: PLC0415 - it needs aiohttp

    if options.socket:
        group = None if options.socket_group is None else _group(options.socket_group)
        yield unix_socket(options.socket, group=group)
    if options.listen:
        yield tcp_socket(*options.listen, beyond_loopback=options.beyond_loopback)


async def _listen(options: argparse.Namespace, broker: Broker, listening: socket.socket) -> None:
    from extauth.broker.guards import own_names  # noqa: PLC0415 - it needs aiohttp

    if listening.family == socket.AF_UNIX:
        await broker.listen(listening, hosts=None)
        warn(f"serve: listening on {options.socket}")
        return
    host, port = options.listen[0], listening.getsockname()[1]
    await broker.listen(listening, hosts=own_names(host, port, options.host))
    warn(f"serve: listening on {f'[{host}]' if ':' in host else host}:{port}")


def _end_by_signal(ended: asyncio.Event) -> None:
    """Let the first signal end it in good order; the second is as for any program."""
    loop = asyncio.get_running_loop()

    def end(number: signal.Signals) -> None:
        ended.set()
        loop.remove_signal_handler(number)

    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, end, each)


def _group(name: str) -> int:
    import grp  # noqa: PLC0415 - not on every system

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        msg = f"there is no group {name}"
        raise UsageError(msg) from None


def _new_secret() -> Answer:
    from extauth.broker.callers import PREFIX, digest_of  # noqa: PLC0415 - it needs aiohttp

    secret = Hidden(secrets.token_urlsafe(32))
    hashed = f"{PREFIX}{digest_of(secret).hex()}"
    data = {"secret": secret.value, "secret_hash": hashed}
    return Answer(data, [f"secret, for the caller: {secret.value}", f'secret_hash = "{hashed}"'])


COMMAND = Command(
    name="serve",
    help="give tokens to other programs, or send their requests with them",
    description="Runs the broker, on a Unix socket, on loopback or on both: programs in any language ask it"
    " for tokens, or have it send requests to an API with the token put in, which they then never see. A file"
    " says which caller may have what. It logs who asked for what, and no path, user or secret. SIGTERM or"
    " Ctrl-C end it in good order, with the exit code 0.",
    add_arguments=_add_arguments,
    members={
        "served": "true, when it has ended",
        "secret": "a new secret; only with `--new-secret`",
        "secret_hash": "what the file has of it; likewise",
    },
    run=_run,
)
