"""Checked, never run: the Postgres store has the shape of the port."""

from __future__ import annotations

from extauth.adapters.postgres import PostgresLinkStore
from extauth.adapters.postgres.outbox import PostgresOutbox
from extauth.domain.linking_ports import Store
from extauth.domain.outbox import Outbox

store_type: type[Store] = PostgresLinkStore
outbox_type: type[Outbox] = PostgresOutbox
