"""Counts how often each refresh token is presented to the authorization server.

The server itself forgives presentations that arrive at the same instant. So each one is written down, in a
transaction of its own that is committed before the server looks at the token: none can hide.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from http import HTTPStatus

from django.db import connection
from django.http import HttpRequest, HttpResponse

from chaos.wire import EXCHANGE, TOKEN_PATH

_TABLE = """CREATE TABLE chaos_presentation (
  id INTEGER PRIMARY KEY,
  token TEXT NOT NULL,  -- SHA-256
  exchange TEXT NOT NULL,
  at REAL NOT NULL,  -- of the monotonic clock
  status INTEGER,  -- NULL until the server has answered
  issued TEXT  -- SHA-256 of the new refresh token
)"""
_BEFORE = "INSERT INTO chaos_presentation (token, exchange, at) VALUES (%s, %s, %s)"
_AFTER = "UPDATE chaos_presentation SET status = %s, issued = %s WHERE id = %s"


def make_table() -> None:
    """Make the table of presentations."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLE)


class CountPresentations:
    """Django middleware; runs in autocommit mode, outside of the view's transactions."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path != TOKEN_PATH or "refresh_token" not in request.POST:
            return self._get_response(request)
        with connection.cursor() as cursor:
            presented = (
                _sha256(request.POST["refresh_token"]),
                request.POST[EXCHANGE],
                time.monotonic(),
            )
            cursor.execute(_BEFORE, presented)
            row = cursor.lastrowid
        response = self._get_response(request)
        issued = None
        if response.status_code == HTTPStatus.OK:
            issued = _sha256(json.loads(response.content)["refresh_token"])
        with connection.cursor() as cursor:
            cursor.execute(_AFTER, (response.status_code, issued, row))
        return response


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
