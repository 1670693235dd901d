"""What a request to one of the server's endpoints says: its parameters, however they are encoded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Literal

from aiohttp import web

from extauth.testing.server.json_values import is_object

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


async def read_parameters(
    request: web.Request, encoding: Literal["form", "json", "either"] = "form", *, takes_query: bool = False
) -> tuple[dict[str, str], frozenset[str]] | None:
    """Return the parameters, without empty ones, and the resources, which may be several.

    None if a parameter is repeated (RFC 6749 section 3.2), or the body is encoded otherwise than
    ``encoding`` says. With ``takes_query`` a request with parameters in the query needs no body.
    """
    pairs = await _pairs(request, encoding, takes_query=takes_query)
    if pairs is None:
        return None
    resources, others = resources_in(pairs)
    fields = unique(others)
    return None if fields is None else (fields, resources)


async def _pairs(
    request: web.Request, encoding: Literal["form", "json", "either"], *, takes_query: bool
) -> Iterable[tuple[str, object]] | None:
    if takes_query and request.query:
        return request.query.items()
    if request.content_type == FORM and encoding != "json":
        return (await request.post()).items()
    if request.content_type == JSON and encoding != "form":
        try:
            parsed: object = json.loads(await request.read())
        except ValueError:
            return None
        return _json_pairs(parsed)
    return None


def _json_pairs(parsed: object) -> list[tuple[str, object]] | None:
    """Return the members of a JSON object, with numbers as text."""
    if not is_object(parsed):
        return None
    return [(name, str(value) if isinstance(value, int) else value) for name, value in parsed.items()]


def unique(pairs: Iterable[tuple[str, object]]) -> dict[str, str] | None:
    """Return the pairs without empty values; None if a name is there twice or a value is no text."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found or not isinstance(value, str):
            return None
        found[name] = value
    return {name: value for name, value in found.items() if value}


def missing(required: Mapping[str, str | None], given: Mapping[str, str]) -> bool:
    """Whether a required parameter is not there, or has another value than it must."""
    return any(name not in given or value not in (None, given[name]) for name, value in required.items())


def resources_in(pairs: Iterable[tuple[str, object]]) -> tuple[frozenset[str], list[tuple[str, object]]]:
    """Return the resources, which may be several (RFC 8707 section 2), and all other parameters."""
    kept = list(pairs)
    resources = frozenset(value for name, value in kept if name == "resource" and isinstance(value, str))
    return resources - {""}, [pair for pair in kept if pair[0] != "resource"]
