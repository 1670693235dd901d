"""Where links can come from: the tables of other libraries, tables of an application's own, and files."""

from extauth.adapters.importing.columns import Columns
from extauth.adapters.importing.json_lines import json_lines
from extauth.adapters.importing.sources import (
    ALLAUTH_QUERY,
    allauth,
    authjs,
    authlib,
    better_auth,
    nango,
)

__all__ = [
    "ALLAUTH_QUERY",
    "Columns",
    "allauth",
    "authjs",
    "authlib",
    "better_auth",
    "json_lines",
    "nango",
]
