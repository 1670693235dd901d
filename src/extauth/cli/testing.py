"""``extauth testing serve``: the authorization server of the test kit, for tests in any language."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Mapping
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, get_args

from extauth.cli.exit_codes import CONFIGURATION, OK, USAGE
from extauth.cli.output import print_json, warn
from extauth.testing.provider_model.faults import Fault, Faults
from extauth.testing.provider_model.reuse import Reuse

if TYPE_CHECKING:
    from extauth.cli.parsing import Parser
    from extauth.testing.server.authorization_server import AuthorizationServer

_ADDRESSES: Final = (
    "issuer",
    "authorize_url",
    "token_url",
    "device_authorization_url",
    "introspection_url",
    "registration_url",
    "userinfo_url",
    "jwks_url",
    "resource_url",
)
_FAULTS: Final = tuple(fault.value for fault in Fault if fault is not Fault.NOT_SENT)
"""A server that was reached cannot play that one."""
_LAST_PORT: Final = 65535
_DESCRIPTION: Final = (
    "Runs an authorization server on 127.0.0.1 until SIGTERM or Ctrl-C. When it listens it prints one line of"
    " JSON: its addresses, client_id, client_secret and redirect_uris. It says yes to everybody who"
    " opens its authorization URL, or types a device's code in; it gives single-use refresh tokens, and"
    " forgets all at the end. For tests only: it lets anybody in."
)


def add_testing(
    commands: argparse._SubParsersAction[Parser],  # pyright: ignore[reportPrivateUsage] - it has no other name
) -> None:
    """Add the command."""
    testing = commands.add_parser("testing", help="an authorization server for tests in any language")
    serve = testing.add_subparsers(dest="testing", metavar="COMMAND", required=True).add_parser(
        "serve", help="run it until SIGTERM", description=_DESCRIPTION
    )
    serve.add_argument("--port", type=_port, default=0, help="to listen on (default: any that is free)")
    serve.add_argument("--client-id", metavar="ID", help="of its client (default: drawn)")
    serve.add_argument("--client-secret", metavar="SECRET", help="of its client (default: drawn)")
    serve.add_argument(
        "--redirect-uri", action="append", metavar="URI", help="that the client registered; may be repeated"
    )
    serve.add_argument(
        "--lifetime", type=int, default=3600, metavar="SECONDS", help="of access tokens (%(default)s)"
    )
    serve.add_argument(
        "--reuse", choices=get_args(Reuse), default="strict", help="of refresh tokens (%(default)s)"
    )
    serve.add_argument(
        "--replay-window",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="where --reuse has one (%(default)s)",
    )
    serve.add_argument(
        "--refresh-revokes-access-token",
        action="store_true",
        help="a refresh ends the access token before it",
    )
    serve.add_argument(
        "--quirk",
        action="append",
        default=[],
        type=_quirk,
        metavar="NAME=VALUE",
        help="a field of ServerQuirks and its value as JSON, spans in seconds; may be repeated."
        " client_auth=none lets a client without a secret in",
    )
    serve.add_argument(
        "--fault",
        action="append",
        default=[],
        type=_fault,
        metavar="NAME",
        help="what the next token request meets with; may be repeated, first come first served: "
        + ", ".join(_FAULTS),
    )
    serve.add_argument(
        "--fault-rate",
        action="append",
        default=[],
        type=_rate,
        metavar="NAME=P",
        help="how probable a fault is at every other request; may be repeated",
    )
    serve.add_argument("--seed", type=int, default=0, help="of --fault-rate (%(default)s)")


def _named(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        msg = f"write NAME=VALUE, not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return name, value


def _quirk(text: str) -> tuple[str, object]:
    import json  # noqa: PLC0415

    name, value = _named(text)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value  # a word needs no quotes


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _LAST_PORT:
        msg = f"a port is a number up to {_LAST_PORT}, not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _fault(text: str) -> Fault:
    if text not in _FAULTS:
        msg = f"no fault of a server is called {text!r}; there are {', '.join(_FAULTS)}"
        raise argparse.ArgumentTypeError(msg)
    return Fault(text)


def _rate(text: str) -> tuple[Fault, float]:
    name, value = _named(text)
    try:
        return _fault(name), float(value)
    except ValueError:
        msg = f"write how probable it is, such as {name}=0.1, not {text!r}"
        raise argparse.ArgumentTypeError(msg) from None


def run_testing(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Run the server until it is told to end, and return the exit code."""
    if find_spec("aiohttp") is None:
        warn('testing: this needs aiohttp; run: pip install "extauth[testing]"')
        return USAGE
    try:
        server = _server(options)
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    return asyncio.run(_serve(server))


def _server(options: argparse.Namespace) -> AuthorizationServer:
    from extauth.cli.quirk_values import quirks_of  # noqa: PLC0415 - they need aiohttp
    from extauth.testing.server.authorization_server import REDIRECT_URI, AuthorizationServer  # noqa: PLC0415

    faults = Faults(seed=options.seed, rates=dict(options.fault_rate))
    faults.plan(*options.fault)
    server = AuthorizationServer(
        port=options.port,
        access_token_lifetime=timedelta(seconds=options.lifetime),
        reuse=options.reuse,
        replay_window=timedelta(seconds=options.replay_window),
        refresh_revokes_access_token=options.refresh_revokes_access_token,
        faults=faults,
        quirks=quirks_of(dict(options.quirk)),
        redirect_uris=options.redirect_uri or [REDIRECT_URI],
    )
    if options.client_id is not None:
        server.client_id = options.client_id
    if options.client_secret is not None:
        server.client_secret = options.client_secret
    return server


async def _serve(server: AuthorizationServer) -> int:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    try:
        async with server:
            print_json(_told(server))
            await ended.wait()
    except OSError as error:
        print(f"extauth: testing: it cannot listen there: {error.strerror}", file=sys.stderr)
        return CONFIGURATION
    return OK


def _told(server: AuthorizationServer) -> Mapping[str, object]:
    told: dict[str, Any] = {name: getattr(server, name) for name in _ADDRESSES}
    try:
        told["revoke_url"] = server.revoke_url
    except LookupError:
        told["revoke_url"] = None
    credentials = {"client_id": server.client_id, "client_secret": server.client_secret}
    return {**told, **credentials, "redirect_uris": sorted(server.redirect_uris)}
