"""Checked, never run: the Postgres store has the shape of the port."""

from __future__ import annotations

from extauth.adapters.postgres import PostgresLinkStore
from extauth.domain.linking_ports import Store

store_type: type[Store] = PostgresLinkStore
