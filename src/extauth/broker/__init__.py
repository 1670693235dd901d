"""The broker: tokens, and requests sent with them, for programs in other languages or that must hold none.

``extauth serve`` runs it. It needs ``extauth[aiohttp]``.
"""

from __future__ import annotations

from extauth.extras import extra_needed

with extra_needed("aiohttp"):
    from extauth.broker.server import Broker, open_broker
from extauth.broker.callers import Caller, Permission
from extauth.broker.config import BrokerConfig, parse_config, read_config
from extauth.broker.listening import tcp_socket, unix_socket

__all__ = [
    "Broker",
    "BrokerConfig",
    "Caller",
    "Permission",
    "open_broker",
    "parse_config",
    "read_config",
    "tcp_socket",
    "unix_socket",
]
