"""The catalogue of presets, printed: a table, one preset in full, JSON, and the page of the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import cast

from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.providers import CATALOGUE, Preset
from extauth.adapters.providers.quirks import QUIRKS, quirks_of, showing

DOCUMENT = Path("docs/reference/providers.md")
"""Where the generated page is kept."""
REGENERATE = f"extauth providers --markdown > {DOCUMENT}"

_INTRODUCTION = (
    f"{len(CATALOGUE)} presets, each to be called for a client:"
    " `from extauth.adapters.providers import github`. `extauth providers github` says more about one."
    " PKCE is sent where the table does not say no. A rotating refresh token works once, and a reusable"
    " one goes on; where a provider does not say which, its tokens are taken for rotating, which is safe."
)
_HEADINGS = ("id", "name", "flows", "PKCE", "refresh tokens", "revocation", "checked")
_OVERDUE = " That day has come since the facts were checked."
_WITHOUT_PKCE = {
    "off": "No code challenge is sent",
    "public_only": "A client with a secret sends no code challenge",
}
_PKCE = {"allowed": "yes", "required": "required", "public_only": "public clients", "off": "no"}


def flows(preset: Preset) -> str:
    """Return the flows by which users can be connected."""
    return "code, device" if preset.device_url else "code"


def refreshing(preset: Preset) -> str:
    """Return what becomes of a refresh token when it is used."""
    if preset.replies.access_token_refreshes_itself:
        return "none, access tokens are exchanged"
    if not preset.gives_refresh_tokens:
        return "none"
    return "rotating" if preset.traits.rotates else "reusable"


def revoking(preset: Preset) -> str:
    """Return how tokens are revoked."""
    way = preset.revocation
    if way is None:
        return "none"
    standard = way.call == Revocation.standard(way.call.url).call
    name = "RFC 7009" if standard else f"own ({way.call.method})"
    return f"{name}, whole grant" if way.whole_grant else name


def _row(preset: Preset) -> tuple[str, ...]:
    return (
        preset.id,
        preset.display_name,
        flows(preset),
        _PKCE[preset.authorization.pkce],
        refreshing(preset),
        revoking(preset),
        preset.checked.isoformat(),
    )


def _rows() -> list[tuple[str, ...]]:
    return [_row(preset) for preset in CATALOGUE.values()]


def table() -> str:
    """Return the catalogue as a table of plain text."""
    lines = [_HEADINGS, *_rows()]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def facts(preset: Preset) -> dict[str, object]:
    """Return what is known of a preset, as JSON has it."""
    traits = preset.traits
    return {
        "id": preset.id,
        "name": preset.display_name,
        "documentation": preset.docs_url,
        "checked": preset.checked.isoformat(),
        "flows": flows(preset).split(", "),
        "authorize_url": preset.authorize_url,
        "token_url": preset.token_url,
        "device_url": preset.device_url,
        "client_auth": preset.client_auth,
        "pkce": preset.authorization.pkce,
        "no_pkce": preset.no_pkce,
        "issuer": preset.issuer,
        "scopes": [*preset.scopes, *preset.authorization.extra_scopes],
        "refresh_tokens": refreshing(preset),
        "replay_window_seconds": traits.replay_window and int(traits.replay_window.total_seconds()),
        "refresh_token_idle_days": (
            traits.refresh_token_idle_lifetime and traits.refresh_token_idle_lifetime.days
        ),
        "refresh_token_days": traits.refresh_token_lifetime and traits.refresh_token_lifetime.days,
        "revocation": revoking(preset),
        "grant_cap": preset.grant_cap,
        "variables": [
            {
                "name": variable.name,
                "description": variable.description,
                "example": variable.example,
                "default": variable.default,
            }
            for variable in preset.variables
        ],
        "dead_codes": sorted(preset.replies.dead_codes),
        "quirks": list(quirks_of(preset)),
        "deadlines": [{"on": change.on.isoformat(), "what": change.what} for change in preset.deadlines],
        "notes": list(preset.notes),
    }


def details(preset: Preset, today: date) -> str:
    """Return everything about a preset as plain text; what is overdue ``today`` says so."""
    lines: list[str] = []
    for name, value in facts(preset).items():
        label = name.replace("_", " ")
        if name == "quirks":
            lines += _list("differs from the standard", [QUIRKS[number].name for number in quirks_of(preset)])
        elif name == "variables":
            lines += _list(label, [_variable_line(preset, number) for number in range(len(preset.variables))])
        elif name == "deadlines":
            overdue = preset.overdue(today)
            lines += _list(
                label,
                [
                    f"{change.on}: {change.what}{_OVERDUE if change in overdue else ''}"
                    for change in preset.deadlines
                ],
            )
        elif name == "notes":
            lines += _list(label, preset.notes)
        elif value is not None and value != []:
            shown = (
                ", ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)
            )
            lines.append(f"{label + ':':24} {shown}")
    return "\n".join(lines)


def _variable_line(preset: Preset, number: int) -> str:
    variable = preset.variables[number]
    default = "" if variable.default is None else f" (default {variable.default!r})"
    return f"{variable.name}: {variable.description}, such as {variable.example!r}{default}"


def _list(label: str, items: Sequence[str]) -> list[str]:
    return [f"{label}:", *(f"  - {item}" for item in items)] if items else []


def as_json(presets: Iterable[Preset]) -> str:
    """Return the facts of presets as a JSON list."""
    return json.dumps([facts(preset) for preset in presets], indent=2)


def markdown() -> str:
    """Return the page of the documentation."""
    lines = [
        "# Providers",
        "",
        "<!-- Generated from the catalogue. Do not edit; run:",
        f"     {REGENERATE} -->",
        "",
        _INTRODUCTION,
        "",
        f"| {' | '.join(_HEADINGS)} |",
        f"|{' --- |' * len(_HEADINGS)}",
        *(f"| `{row[0]}` | {' | '.join(row[1:])} |" for row in _rows()),
        "",
        "## What differs from the standard",
        "",
        "| | class | presets |",
        "| --- | --- | --- |",
        *(
            f"| {number} | {quirk.name} | {', '.join(f'`{name}`' for name in showing(number))} |"
            for number, quirk in QUIRKS.items()
        ),
        "",
        "## What to know",
    ]
    for preset in CATALOGUE.values():
        said = [
            *(f"`{_variable_line(preset, n).replace(': ', '`: ', 1)}." for n in range(len(preset.variables))),
            *(f"{change.on}: {change.what}" for change in preset.deadlines),
            *([f"No more than {preset.grant_cap} live grants of one account."] if preset.grant_cap else []),
            *([f"{_WITHOUT_PKCE[preset.authorization.pkce]}: {preset.no_pkce}"] if preset.no_pkce else []),
            *preset.notes,
        ]
        heading = f"[{preset.display_name}]({preset.docs_url})" if preset.docs_url else preset.display_name
        if said:
            lines += ["", f"### `{preset.id}`: {heading}", "", *(f"- {sentence}" for sentence in said)]
    return "\n".join(lines) + "\n"


def show(preset_id: str | None, *, form: str | None, today: date) -> str:
    """Return what the command prints: the table, one preset, or either in another form.

    Only one preset in full depends on the day.

    :raises ValueError: if there is no such preset.
    """
    if preset_id is not None and preset_id not in CATALOGUE:
        msg = f"there is no preset {preset_id!r}; `extauth providers` lists them"
        raise ValueError(msg)
    if form == "markdown":
        return markdown().removesuffix("\n")
    if form == "json":
        return as_json(CATALOGUE.values() if preset_id is None else [CATALOGUE[preset_id]])
    return table() if preset_id is None else details(CATALOGUE[preset_id], today)
