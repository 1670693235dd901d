"""``make docs``: build the documentation site in build/site, of pages as they lie in the repository.

The pages link to each other, to the source and to pictures by relative paths, for those who read them in the
repository. So the site has the repository's own layout: what a page links to is staged at its own path. A
link that leads nowhere and a page that stands in no menu are errors, and so is each warning of the generator.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).parents[1]
STAGED = ROOT / "build" / "site-pages"
API = ROOT / "build" / "docs"
CONFIGURATION = ROOT / "zensical.toml"
PAGES = (
    "*.md",
    "docs/**/*.md",
    "examples/**/*.md",
    "findings/README.md",
    "bench/RESULTS.md",
    "tests/mutants/SURVIVORS.md",
)

_LINK = re.compile(r"!?\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)\s]*)?\)")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Return each page of the site, below the root of the repository."""
    return sorted({path.relative_to(ROOT) for glob in PAGES for path in ROOT.glob(glob)})


def linked(page: Path) -> Iterator[Path]:
    """Return what a page links to in the repository, below its root."""
    text = _CODE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    for target in _LINK.findall(text):
        yield ((ROOT / page).parent / unquote(target)).resolve().relative_to(ROOT)


def menu(entries: object) -> Iterator[str]:
    """Return the paths of the pages that stand in the menu."""
    match entries:
        case str():
            yield entries
        case list():
            for entry in entries:
                yield from menu(entry)
        case dict():
            for entry in entries.values():
                yield from menu(entry)
        case _:
            msg = f"neither a page nor a part of the menu: {entries!r}"
            raise TypeError(msg)


def stage() -> list[str]:
    """Copy the pages and what they link to, and return what is wrong with them."""
    faults = []
    shutil.rmtree(STAGED, ignore_errors=True)
    found = pages()
    for page in found:
        _copy(page)
        for target in linked(page):
            if (ROOT / target).is_dir():
                faults.append(f"{page}: {target} is a folder: a site has none; link to a file in it")
            elif not (ROOT / target).exists():
                faults.append(f"{page}: {target} does not exist")
            elif target.suffix != ".md":
                _copy(target)
            elif target not in found:
                faults.append(f"{page}: {target} is no page of the site: see PAGES in {Path(__file__).name}")
    settings = tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))["project"]
    in_menu = list(menu(settings["nav"]))
    faults += [f"{page} stands in no menu of {CONFIGURATION.name}" for page in _unlisted(found, in_menu)]
    return faults


def _unlisted(found: list[Path], in_menu: list[str]) -> list[Path]:
    """Return the pages that no menu has. The pages of a folder may hang on its README alone."""
    folders = {Path(entry).parent for entry in in_menu if Path(entry).name == "README.md"} - {
        Path(),
        Path("docs"),
    }
    return [page for page in found if str(page) not in in_menu and page.parent not in folders]


def _copy(path: Path) -> None:
    (STAGED / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / path, STAGED / path)


def main() -> None:
    """Build the site anew."""
    if faults := stage():
        sys.exit("\n".join(faults))
    shutil.copytree(API, STAGED / "docs" / "api")
    generator = Path(sys.executable).with_name("zensical")
    built = subprocess.run([generator, "build", "--clean", "--strict"], cwd=ROOT, check=False)  # noqa: S603
    if built.returncode:
        sys.exit("The site was not built: see the warnings above.")
    print(f"wrote {(ROOT / 'build' / 'site').relative_to(ROOT)}/index.html")


if __name__ == "__main__":
    main()
