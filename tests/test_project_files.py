"""What hosts and tools read of the project: workflows, issue forms, hooks."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")


def test_there_are_some_of_each():
    """The workflows and the forms are where GitHub looks for them."""
    assert [path.stem for path in WORKFLOWS] == ["ci", "release"]
    assert [path.stem for path in FORMS] == ["bug", "feature", "provider-quirk"]
    assert (ROOT / "SECURITY.md").exists()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_only_read(path):
    """No token of a workflow's can write, and none is left in the checkout."""
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert [step["with"]["persist-credentials"] for step in checkouts] == [False]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned(path):
    """Each action is named by its commit, with the version beside it: tags can be moved."""
    text = path.read_text()
    pinned = re.findall(r"^ +- uses: [\w-]+/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$", text, re.MULTILINE)
    assert len(pinned) == text.count("uses:") > 0


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_what_a_developer_runs(path):
    """Each command is a target of the Makefile or a script of ``.ci``."""
    jobs = yaml.safe_load(path.read_text())["jobs"].values()
    commands = [step["run"].split() for job in jobs for step in job["steps"] if "run" in step]
    targets = [words[1] for words in commands if words[0] == "make"]
    scripts = [words[0] for words in commands if words[0] != "make"]
    assert set(targets) <= set(re.findall(r"^(\w+):", MAKEFILE, re.MULTILINE))
    assert [script for script in scripts if not (ROOT / script).is_file()] == []
    wanted = {"ci": {"coverage", "wheel"}, "release": {"audit", "lowest", "sbom"}}
    assert {"check", ".ci/test-wheel"} | wanted[path.stem] == {*targets, *scripts}


def test_every_python_that_is_supported_is_tested():
    """The matrix is the one that the package's metadata promises."""
    workflow = next(path for path in WORKFLOWS if path.stem == "ci")
    matrix = yaml.safe_load(workflow.read_text())["jobs"]["test"]["strategy"]["matrix"]["python"]
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    assert matrix == promised


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_is_one(path):
    """Each form has what GitHub's schema asks for, and asks for no secrets before anything else."""
    form = yaml.safe_load(path.read_text())
    assert {"name", "description", "labels", "body"} == set(form)
    told, *asked = form["body"]
    assert told["type"] == "markdown"
    assert told["attributes"]["value"].startswith("**No secrets, please")
    ids = [field["id"] for field in asked]
    assert len(set(ids)) == len(ids) > 0
    assert {field["type"] for field in asked} <= {"textarea", "input", "dropdown", "checkboxes"}
    assert [field for field in asked if not field["attributes"]["label"]] == []


def test_a_security_problem_is_led_elsewhere():
    """Whoever opens an issue is told where a vulnerability goes."""
    config = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml").read_text())
    assert ["SECURITY.md" in link["about"] for link in config["contact_links"]] == [True]


def test_hooks_are_the_projects_own_tools():
    """Each hook runs a tool of the group ``check`` from the project's environment, and downloads nothing."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    tools = {re.split(r"[\[>]", requirement)[0] for requirement in PROJECT["dependency-groups"]["check"]}
    for hook in config["repos"][0]["hooks"]:
        assert hook["language"] == "system"
        assert hook["entry"].split()[0] in {f".venv/bin/{tool}" for tool in tools}


def test_no_module_is_too_long():
    """Whoever opens a module finds one concept in it: none has more than 300 lines."""
    lengths = {path: len(path.read_text().splitlines()) for path in (ROOT / "src").rglob("*.py")}
    assert {path: length for path, length in lengths.items() if length > 300} == {}


def test_an_sdist_has_all_that_the_project_has():
    """Whoever unpacks one runs `make test` there, without git: nothing at the top is left out."""
    patterns = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    made = {
        ".git",
        ".gitignore",
        "PKG-INFO",
        "pyproject.toml",
    }  # hatchling adds these, or it is no part of it
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split()]
    tops = [path.name for path in ROOT.iterdir()]
    kept = [name for name in tops if name not in made and not any(fnmatch(name, each) for each in ignored)]
    assert len(kept) > 15
    assert [name for name in kept if not any(fnmatch(f"/{name}", each) for each in patterns)] == []
