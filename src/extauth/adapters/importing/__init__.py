"""Where links can come from: the tables of other libraries, tables of an application's own, and files."""

from extauth.adapters.importing.columns import Columns
from extauth.adapters.importing.json_lines import json_lines

__all__ = ["Columns", "json_lines"]
