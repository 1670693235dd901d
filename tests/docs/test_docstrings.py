"""The docstrings, of which the API reference is made, say something and lead somewhere."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from types import FunctionType

import pytest

import extauth

PACKAGE = Path(extauth.__file__).parent
PAGE = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
PUBLIC = re.findall(r"^- .*", PAGE.partition("## What is public\n")[2].partition("\n## ")[0], re.MULTILINE)
MODULES = re.findall(r"`(extauth[\w.]*)`", "\n".join(PUBLIC))
ROLE = re.compile(r":(?:class|func|meth|data|attr|exc|mod):`~?(extauth\.[\w.]+)`")


def leads_somewhere(reference: str) -> bool:
    """Whether a dotted name is a module, or a name in one, or an attribute of that."""
    module, _, rest = reference, "", ""
    while module:
        try:
            found: object = import_module(module)
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            rest = f"{last}.{rest}"
            continue
        for name in filter(None, rest.split(".")):
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False


def test_every_reference_leads_somewhere():
    """What a docstring refers to by its full name is there."""
    references = {name for path in PACKAGE.rglob("*.py") for name in ROLE.findall(path.read_text())}
    assert len(references) > 20
    assert [name for name in sorted(references) if not leads_somewhere(name)] == []


@pytest.mark.parametrize("name", ["extauth.NoSuchName", "extauth.nosuch.module", "extauth.Link.nothing"])
def test_a_reference_that_leads_nowhere_is_noticed(name):
    """A wrong module, name or attribute is not found."""
    assert not leads_somewhere(name)


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_explained(module):
    """Each public class and function has a docstring."""
    found = {name: getattr(import_module(module), name) for name in import_module(module).__all__}
    defined = {name: value for name, value in found.items() if isinstance(value, type | FunctionType)}
    assert defined
    assert [name for name, value in defined.items() if not value.__doc__] == []
