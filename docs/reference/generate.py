"""``make docs``: write the API reference, made of the docstrings, to build/docs. A warning is an error.

What is public, and so in it, says docs/architecture.md.
"""

from __future__ import annotations

import re
import shutil
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import attrs
import pdoc
import pdoc.render

import extauth

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "build" / "docs"
PAGE = ROOT / "docs" / "architecture.md"


def public_modules() -> list[str]:
    """Return the modules that the page on the architecture calls public, in its order."""
    section = PAGE.read_text().partition("## What is public\n")[2].partition("\n## ")[0]
    return re.findall(r"`(extauth[\w.]*)`", section)


def explain_constructor(kind: type) -> None:
    """Put types in the place of the names that attrs copies from converters and nothing else can look up."""
    for field in attrs.fields(kind):
        converter = getattr(field.converter, "converter", field.converter)
        if field.init and converter is not None:
            given = [hint for name, hint in get_type_hints(converter).items() if name != "return"]
            kind.__init__.__annotations__[field.alias] = given[0] if given else field.type


def show_all_methods(port: type) -> None:
    """Make a port's own what it is composed of: who implements it looks in one place."""
    for part in port.__mro__[1:]:
        if part.__module__.startswith("extauth."):
            for name, member in vars(part).items():
                if not name.startswith("_") and name not in vars(port):
                    setattr(port, name, member)


def main() -> None:
    """Write the pages anew."""
    warnings.simplefilter("error")
    # asyncpg's stubs say so, and the class itself does not.
    warnings.filterwarnings(
        "ignore", message=r".* for \S+PostgresLinkStore.__init__: type 'Pool' is not subscriptable"
    )
    modules = public_modules()
    extauth.__all__ = sorted([*extauth.__all__, "open"])  # left out for the sake of star imports only
    for module in map(import_module, modules):
        for name in module.__all__:
            value = getattr(module, name)
            setattr(module, name, value)  # pdoc does not see what a module looks up when it is asked
            if isinstance(value, type) and attrs.has(value):
                explain_constructor(value)
            if getattr(value, "_is_protocol", False):
                show_all_methods(value)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    pdoc.render.configure(docformat="restructuredtext", show_source=False)
    # After each module, not the ones below it, which are not public for being there.
    chosen = [spec for name in modules for spec in (name, rf"!{re.escape(name)}\.")]
    pdoc.pdoc(*chosen, output_directory=OUTPUT)
    print(f"{len(modules)} modules: {OUTPUT / 'index.html'}")


if __name__ == "__main__":
    sys.exit(main())
