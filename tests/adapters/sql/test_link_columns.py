"""Columns of rows are selected in the order in which they are read."""

from __future__ import annotations

from extauth.adapters.sql import link_columns as column
from extauth.adapters.sql.linking_rows import PENDING_NAMES, REGISTERED_NAMES, PendingColumn, RegisteredColumn


def test_each_column_is_selected_where_it_is_read():
    """The number of a name is its place in the statement."""
    names = column.select_list(
        pending_since="pending_since", lease_left="lease_left", updated_at="updated_at"
    ).split(", ")
    assert list(range(30)) == [getattr(column, name.upper()) for name in names]
    assert len(names) == column.UNRESOLVED_FOR


def test_what_is_no_column_of_the_table_is_an_expression():
    """In the place of its name."""
    names = column.select_list(pending_since="since()", lease_left="left()", updated_at="at()").split(", ")
    assert names[column.PENDING_SINCE] == "since()"
    assert names[column.LEASE_LEFT] == "left()"
    assert names[column.UPDATED_AT] == "at()"
    assert column.WRITTEN_AT in column.select_list(pending_since="since()", lease_left="left()")


def test_each_column_of_linking_is_selected_where_it_is_read():
    """Likewise for authorizations and registrations."""
    assert list(range(9)) == [PendingColumn[name.upper()] for name in PENDING_NAMES]
    assert list(range(9)) == [RegisteredColumn[name.upper()] for name in REGISTERED_NAMES]
