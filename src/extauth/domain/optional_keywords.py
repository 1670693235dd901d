"""Handing on keywords that a store or provider, which may be an application's own, need not know yet."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from inspect import signature
from typing import Any

from extauth.domain.link import Link


def takes(method: Callable[..., object], keyword: str) -> bool:
    """Whether a method of a provider or store can be told this; an application's own may not know it yet."""
    return _takes(getattr(method, "__func__", method), keyword)


@lru_cache
def _takes(function: Callable[..., object], keyword: str) -> bool:
    parameters = signature(function).parameters
    return keyword in parameters or any(each.kind is each.VAR_KEYWORD for each in parameters.values())


def given(**keywords: object) -> dict[str, Any]:
    """Return those that are not None."""
    return {name: value for name, value in keywords.items() if value is not None}


def understood(method: Callable[..., object], **keywords: object) -> dict[str, Any]:
    """Return those that are not None and that the method knows."""
    return {name: value for name, value in given(**keywords).items() if takes(method, name)}


def as_written(write: Callable[..., object], link: Link) -> dict[str, Any]:
    """Return the condition that the link is the one that is meant, where the store knows it: versions are
    given again where writes were lost."""
    return {"written_at": link.updated_at} if takes(write, "written_at") else {}
