"""The demo's picture: one rotation of extauth's as a timeline, and the naive loop's beneath. Pure."""

from __future__ import annotations

from extauth.cli.demo.drawing import STYLE, WIDTH, Section
from extauth.cli.demo.exchange_timeline import exchange_timeline
from extauth.cli.demo.race_timeline import race_timeline
from extauth.cli.demo.rotations import Race, Rotation, common_length


def draw(rotation: Rotation | None, race: Race | None, replicas: int) -> str:
    """Return the picture as an SVG document with a background of its own.

    Both timelines have the same scale, each from its own first presentation on, so that they compare.
    """
    length = common_length(rotation, race)
    sections: list[tuple[str, Section]] = []
    if rotation is not None:
        sections.append(("extauth", exchange_timeline(rotation, replicas, length)))
    if race is not None:
        sections.append(("naive", race_timeline(race, replicas, length)))
    height = sum(section.height for _, section in sections)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
            f' width="{WIDTH}" height="{height}" role="img" aria-label="timelines of the demo">'
        ),
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}" rx="12"/>',
    ]
    top = 0
    for name, section in sections:
        parts += [f'<g id="{name}" transform="translate(0 {top})">', *section.parts, "</g>"]
        top += section.height
    return "\n".join([*parts, "</svg>"]) + "\n"
