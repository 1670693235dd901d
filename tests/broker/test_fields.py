"""Which header fields go through, where the rules alone are asked."""

from __future__ import annotations

import pytest

from extauth.broker.fields import methods_meant, request_fields, response_fields, wants_websocket


def test_a_token_in_another_field():
    """The caller's Authorization stays here also then, and theirs of that name is replaced."""
    given = [("Authorization", "Bearer secret"), ("x-token", "theirs"), ("X-Kept", "1"), ("X-Kept", "2")]
    sent = request_fields(given, {"X-Token": "ours"})
    assert sent == [("X-Kept", "1"), ("X-Kept", "2"), ("X-Token", "ours")]


@pytest.mark.parametrize(
    "name", ["X-Original-URL", "X-Rewrite-Url", "X_Original_URL", "X_Forwarded_For", "X_Token"]
)
def test_what_a_server_may_read_otherwise(name):
    """Another path, another caller or another token, also where underscores are taken for hyphens."""
    assert request_fields([(name, "/admin")], {"X-Token": "ours"}) == [("X-Token", "ours")]


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "x-http-method", "X_Method_Override"])
def test_methods_that_a_request_may_mean(name):
    """Its own, and what its fields say instead."""
    assert methods_meant("POST", [(name, "delete, Put"), ("X-Kept", "PATCH")]) == {"POST", "DELETE", "PUT"}


def test_connection_cannot_take_the_token_away():
    """It names fields for this hop alone; ours is for the next."""
    given = [("Connection", "Authorization, X-Hop, x_hop, close"), ("X-Hop", "1"), ("X_Hop", "1")]
    assert request_fields(given, {"Authorization": "Bearer ours"}) == [("Authorization", "Bearer ours")]


def test_a_websocket_has_a_handshake_of_its_own():
    """What the two ends agree on is for each of them."""
    given = [("Sec-WebSocket-Key", "x"), ("Sec-WebSocket-Extensions", "x"), ("X-Kept", "1")]
    assert request_fields(given, {}, websocket=True) == [("X-Kept", "1")]


def test_fields_that_may_be_repeated_stay_so():
    """In their order."""
    given = [("Link", "a"), ("Link", "b"), ("Set-Cookie", "x"), ("Keep-Alive", "x")]
    assert response_fields(given, "not-a-token") == [("Link", "a"), ("Link", "b")]


@pytest.mark.parametrize(
    ("method", "fields", "wanted"),
    [
        ("GET", {"Upgrade": "websocket", "Connection": "Upgrade"}, True),
        ("GET", {"upgrade": "h2c, WebSocket", "connection": "keep-alive, upgrade"}, True),
        ("POST", {"Upgrade": "websocket", "Connection": "Upgrade"}, False),
        ("GET", {"Upgrade": "websocket"}, False),
        ("GET", {"Upgrade": "h2c", "Connection": "Upgrade"}, False),
    ],
)
def test_what_asks_for_a_websocket(method, fields, wanted):
    """Both fields, by GET."""
    assert wants_websocket(method, fields.items()) is wanted
