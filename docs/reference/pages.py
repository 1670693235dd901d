"""Write the reference pages that are made of the source: ``python docs/reference/pages.py``.

``--check`` writes none and exits with 1 if one is not as it would be written. What stands on a page is each field's
default and the docstring below it, so that there is one place to change.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import attrs

import extauth
from extauth import Backoff, ProviderTraits, RateLimit, RefreshPolicy, Upkeep, events
from extauth.domain.errors import ExtAuthError

FOLDER = Path(__file__).parent
_ROLE = re.compile(r":(?:\w+:)?\w+:`~?([^`<]+?)(?: <[^`>]+>)?`")


def as_markdown(docstring: str) -> str:
    """Return one line of a docstring in the pages' Markdown."""
    text = " ".join(docstring.split())
    text = _ROLE.sub(lambda role: f"`{role[1].rpartition('.')[2]}`", text)
    return text.replace("``", "`").replace("|", "\\|")


def field_docs(kind: type) -> Mapping[str, str]:
    """Return the docstring below each field of a class, or each attribute that its constructor sets."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    found = {}
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        for field, text in itertools.pairwise(body):
            match field, text:
                case (
                    ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(attr=name))
                    | ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)]),
                    ast.Expr(value=ast.Constant(value=str(docs))),
                ):
                    found[name] = as_markdown(docs)
    return found


def span(value: timedelta) -> str:
    """Return a span of time as a reader says it."""
    if timedelta(0) < value < timedelta(seconds=1):
        return f"{value / timedelta(milliseconds=1):g} ms"
    for unit, name in ((timedelta(hours=1), "h"), (timedelta(minutes=1), "min")):
        if value and not value % unit:
            return f"{value // unit} {name}"
    return f"{value.total_seconds():g} s"


def default(field: attrs.Attribute[object]) -> str:
    """Return a field's default as it stands in the table."""
    match field.default:
        case timedelta() as value:
            return span(value)
        case Backoff() as value:
            return f"{span(value.initial)} to {span(value.maximum)}"
        case attrs.Factory():  # type: ignore[misc]
            return "none"
        case None:
            return "none"
        case bool() as value:
            return "yes" if value else "no"
        case value:
            return f"{value:g}" if isinstance(value, float) else str(value)


def opening() -> Iterator[str]:
    """Return the rows of what `extauth.open` takes; how the pages that say more are linked stands here."""
    more = {
        "store": "A URL, or a store that is open: [SQLite](../howto/run-on-sqlite.md), [Postgres](../howto/run-on-postgres.md).",
        "providers": "[Presets](providers.md), or [your own](../howto/add-a-provider.md).",
        "keys": "What is stored is [encrypted](../howto/encrypt-tokens.md) with them.",
        "plain_rows": 'What to do with rows that are not encrypted yet: "migrate" or "refuse".',
        "access": "[Who reaches whose links](../howto/control-access.md).",
        "audit": "[Who did what](../howto/audit-trail.md) is noted.",
        "policy": "`RefreshPolicy`, below.",
        "observer": "Is told each [event](events.md): [logs, metrics and traces](../howto/logs-metrics-traces.md).",
        "clock": "The machine's, unless a [test](../howto/test-your-application.md) moves one.",
        "redirect_uris": "All that `begin` accepts: [connect users](../howto/connect-users.md).",
        "authorization_ttl": "How long a user may take at the provider.",
        "on_account_change": 'A user comes back with [another account](../howto/connect-users.md#another-account): "replace" or "refuse".',
        "on_shared_grant": 'Disconnecting a link whose grant [other links share](../howto/disconnect.md): "spare" or "end" them.',
        "upkeep": "`Upkeep`, below.",
        "on_link_event": "[Tells you](../howto/tell-users-in-time.md) of links that break, work again or end soon.",
        "rng": "What spreads refreshes and pauses; a test gives one with a seed.",
    }
    yield "| argument | default | meaning |"
    yield "| --- | --- | --- |"
    for name, parameter in inspect.signature(extauth.open).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        match parameter.default:
            case inspect.Parameter.empty:
                told = "must be given"
            case timedelta() as value:
                told = span(value)
            case None:
                told = "none"
            case value:
                told = f"{value}"
        yield f"| `{name}` | {told} | {more[name]} |"


def table(kind: type) -> Iterator[str]:
    """Return the rows of a class of settings."""
    docs = field_docs(kind)
    yield "| setting | default | meaning |"
    yield "| --- | --- | --- |"
    for field in attrs.fields(kind):
        yield f"| `{field.name}` | {default(field)} | {docs.get(field.name, '')} |"


def configuration() -> str:
    """Return the page of all settings."""
    parts = [
        "# Configuration",
        (
            "Every setting with its default, made of the source. Spans are `timedelta`s; what does not fit together is a"
            " `ValueError` when you say it. What each span does for safety says"
            " [a page of its own](../explanation/concurrency.md#what-each-span-does-for-safety); options of a store's URL"
            " are with [SQLite](../howto/run-on-sqlite.md) and [Postgres](../howto/run-on-postgres.md)."
        ),
        "## Opening: `extauth.open`",
        "\n".join(opening()),
        "Further options go to the store: see the pages of the databases.",
        "## Refreshing: `RefreshPolicy`",
        "`extauth.open(..., policy=RefreshPolicy(refresh_ahead=timedelta(minutes=2)))`",
        "\n".join(table(RefreshPolicy)),
        (
            "A `Backoff(initial=..., maximum=...)` waits twice as long each time, up to its maximum, and up to half of it less"
            " at random."
        ),
        "## Your own limit at a provider: `RateLimit`",
        (
            '`RefreshPolicy(rate_limits={"github": RateLimit(per_second=5)})`: see'
            " [keep to a limit](../howto/keep-to-a-limit.md)."
        ),
        "\n".join(table(RateLimit)),
        "## Keeping links warm and alive: `Upkeep`",
        "`extauth.open(..., upkeep=Upkeep())`: see [upkeep](../howto/upkeep.md).",
        "\n".join(table(Upkeep)),
        "## What a provider is known to do: `ProviderTraits`",
        (
            "Presets have them. The defaults are the strictest case; a wrong one can cost links, so say only what you know:"
            " see [add a provider](../howto/add-a-provider.md)."
        ),
        "\n".join(table(ProviderTraits)),
    ]
    return "\n\n".join(parts) + "\n"


def events_page() -> str:
    """Return the page of what an observer is told."""
    parts = [
        "# Events",
        (
            "What an [observer](../howto/logs-metrics-traces.md) is told, made of the source. All are in `extauth.events`,"
            " where `Event` is any of them, so that a type checker knows which cases a `match` leaves out. None holds a token."
            " For events that must reach you at least once, see [tell users in time](../howto/tell-users-in-time.md)."
        ),
    ]
    for name in events.__all__:
        if name == "Event":
            continue
        kind = getattr(events, name)
        docs = field_docs(kind)
        first = as_markdown((kind.__doc__ or "").partition("\n\n")[0])
        rows = [
            f"| `{field.name}` | `{field.type if isinstance(field.type, str) else inspect.formatannotation(field.type)}`"
            f" | {docs.get(field.name, '')} |"
            for field in attrs.fields(kind)
        ]
        parts += [
            f"## {name}",
            first,
            "\n".join(["| field | type | meaning |", "| --- | --- | --- |", *rows]),
        ]
    return "\n\n".join(parts) + "\n"


def kinds(base: type[ExtAuthError], depth: int = 0) -> Iterator[tuple[type[ExtAuthError], int]]:
    """Return an error and all public ones that are kinds of it, with how deep they stand."""
    yield base, depth
    for kind in base.__subclasses__():
        if getattr(extauth, kind.__name__, None) is kind:
            yield from kinds(kind, depth + 1)


def errors_page() -> str:
    """Return the page of the errors."""
    rows = ["| error | code | what it says | what it has |", "| --- | --- | --- | --- |"]
    for kind, depth in kinds(ExtAuthError):
        indent = "&nbsp;" * 4 * depth
        has = "; ".join(f"`{name}`: {text}" for name, text in field_docs(kind).items() if name != "code")
        first = as_markdown((kind.__doc__ or "").partition("\n\n")[0])
        rows.append(f"| {indent}`{kind.__name__}` | `{kind.code}` | {first} | {has} |")
    parts = [
        "# Errors",
        (
            "All that extauth raises on purpose in operation, made of the source; indented below what it is a kind of. `code` is"
            " stable and for machines. A mistake in the call is a `ValueError` or `TypeError` beside these, use after closing a"
            " `RuntimeError`. No message holds a token."
        ),
        "\n".join(rows),
    ]
    return "\n\n".join(parts) + "\n"


PAGES = {"configuration.md": configuration, "events.md": events_page, "errors.md": errors_page}


def main() -> None:
    """Write the pages, or compare them."""
    stale = []
    for name, page in PAGES.items():
        path, text = FOLDER / name, page()
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        sys.exit(f"{', '.join(stale)}: not as the source says; run python docs/reference/pages.py")


if __name__ == "__main__":
    main()
