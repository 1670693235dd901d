"""The documentation site: what is staged, and what stops it. Building it is part of `make check`."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def site(tmp_path, monkeypatch):
    """The script that builds the site, for a repository of two pages, one of them in the menu."""
    spec = importlib.util.spec_from_file_location("build_site", ROOT / "docs" / "build_site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "STAGED", tmp_path / "staged")
    monkeypatch.setattr(module, "CONFIGURATION", tmp_path / "zensical.toml")
    (tmp_path / "zensical.toml").write_text('project.nav = [{ "Home" = "README.md" }, { "B" = ["b.md"] }]')
    (tmp_path / "README.md").write_text("[b](b.md#part) [code](src/one.py) `[no](link.md)`\n")
    (tmp_path / "b.md").write_text(
        "```sh\n[no](link)\n```\n[home](README.md) [out](https://example.org/x.md)\n"
    )
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "one.py").write_text("pass\n")
    return module


def test_what_pages_link_to_is_staged_at_its_own_path(site, tmp_path):
    """A link that is right in the repository is right in the site."""
    assert site.stage() == []
    staged = tmp_path / "staged"
    files = sorted(str(path.relative_to(staged)) for path in staged.rglob("*") if path.is_file())
    assert files == ["README.md", "b.md", "src/one.py"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[a](nowhere.md)", "b.md: nowhere.md does not exist"),
        ("[a](src/two.py)", "b.md: src/two.py does not exist"),
        ("[a](src)", "b.md: src is a folder: a site has none; link to a file in it"),
        ("[a](src/page.md)", "b.md: src/page.md is no page of the site: see PAGES in build_site.py"),
    ],
)
def test_a_link_that_leads_nowhere(site, tmp_path, text, fault):
    """It stops the build, and says which page it is on."""
    (tmp_path / "src" / "page.md").write_text("no page of the site\n")
    (tmp_path / "b.md").write_text(text)
    assert site.stage() == [fault]


def test_a_page_that_nobody_finds(site, tmp_path):
    """It stops the build: each page stands in the menu, or hangs on the README of its folder."""
    (tmp_path / "c.md").write_text("forgotten\n")
    (tmp_path / "docs" / "adr").mkdir(parents=True)
    for name in ("README", "0001-one"):
        (tmp_path / "docs" / "adr" / f"{name}.md").write_text("a decision\n")
    assert site.stage() == [
        "c.md stands in no menu of zensical.toml",
        "docs/adr/0001-one.md stands in no menu of zensical.toml",
        "docs/adr/README.md stands in no menu of zensical.toml",
    ]
    nav = 'project.nav = ["README.md", "b.md", "c.md", { "Decisions" = "docs/adr/README.md" }]'
    (tmp_path / "zensical.toml").write_text(nav)
    assert site.stage() == []


def test_each_page_stands_in_the_menu_once():
    """Nobody comes upon a page twice."""
    spec = importlib.util.spec_from_file_location("build_site", ROOT / "docs" / "build_site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    settings = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]
    entries = list(module.menu(settings["nav"]))
    assert sorted(set(entries)) == sorted(entries)
