"""The guide to logs, metrics and traces, the dashboard and the alert rules, by what a real run shows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from extauth import events
from extauth.domain.event_reports import SENTENCES
from tests.monitoring.observed_app import FAULTS, GUIDE
from tests.servers.postgres_server import free_port

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "docs" / "monitoring"
RULES: list[dict[str, Any]] = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
QUERIES = {
    **{rule["alert"]: [rule["expr"]] for rule in RULES},
    **{panel["title"]: [target["expr"] for target in panel["targets"]] for panel in PANELS},
    "the variables": [each["query"] for each in DASHBOARD["templating"]["list"] if each["type"] == "query"],
}
SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? \S+$", re.MULTILINE)
MATCHER = re.compile(r'([a-z_]+)(=~|!=|=)"([^"]*)"')
SELECTOR = re.compile(r"\b(extauth_[a-z_]+)\b(?:\{([^}]*)\})?")
OWN_LABELS = {"instance"}
"""What Prometheus adds to what it scrapes."""


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> dict[str, Any]:
    """What a process shows in which every kind of refresh has happened."""
    folder = tmp_path_factory.mktemp("observed")
    command = [sys.executable, "-m", "tests.monitoring.observed_app", str(folder), str(free_port())]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.stderr == ""
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def series(text: str) -> dict[str, list[dict[str, str]]]:
    """Return what was scraped: the labels of each series, by metric."""
    found: dict[str, list[dict[str, str]]] = {}
    for name, labels in SAMPLE.findall(text):
        found.setdefault(name, []).append(dict(re.findall(r'(\w+)="([^"]*)"', labels)))
    return found


@pytest.mark.parametrize("name", QUERIES)
def test_queries_are_about_metrics_that_there_are(seen, name):
    """Each metric, label, event and result that a panel or rule asks for is exported by a real run."""
    exported = series(seen["metrics"])
    selected = [(metric, matchers) for query in QUERIES[name] for metric, matchers in SELECTOR.findall(query)]
    named = [
        each
        for each in selected
        if each[0] not in {"extauth_provider", "extauth_event", "extauth_refresh_result"}
    ]
    assert named
    for metric, matchers in named:
        assert metric in exported, metric
        labels = {label for each in exported[metric] for label in each} | OWN_LABELS
        for label, _, value in MATCHER.findall(matchers):
            assert label in labels
            if label == "extauth_event":
                assert set(value.split("|")) <= {kind.__name__ for kind in get_args(events.Event)}
    for grouping in re.findall(r"by \(([^)]*)\)", " ".join(QUERIES[name])):
        known = {label for metric, _ in named for each in exported[metric] for label in each} | OWN_LABELS
        assert set(re.split(r",\s*", grouping)) <= known


def test_each_metric_of_the_guide_is_exported_and_each_exported_one_is_in_it(seen):
    """By the names that Prometheus gives it."""
    exported = {
        re.sub(r"_(bucket|count|sum)$", "", name)
        for name in series(seen["metrics"])
        if name.startswith("extauth_")
    }
    told = set(re.findall(r"`(extauth_[a-z_]+)`", GUIDE)) - {f"extauth_{name}" for name in FACTS}
    assert told == exported
    results = set(re.search(r"`extauth.refresh.result`: (.*?) \|", GUIDE)[1].split("`")[1::2])
    assert {
        each["extauth_refresh_result"]
        for each in series(seen["metrics"])["extauth_refresh_duration_seconds_count"]
    } < results


FACTS = ("event", "provider_id", "user_id", "version", "reason", "took", "retry_after")
"""What a record of the log has, as the guide says."""


def test_the_log_is_as_the_guide_says(seen):
    """A JSON object a line, with the attributes that the guide names; levels have the events it says."""
    lines = [json.loads(line) for line in seen["log"].splitlines()]
    assert {f"extauth_{name}" for name in FACTS} <= {name for line in lines for name in line}
    (example,) = re.findall(r"^```json\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    refreshed = [line for line in lines if line["extauth_event"] == "LinkRefreshed"]
    (like,) = [line for line in refreshed if line["extauth_user_id"] == "refreshed"]
    assert json.loads(example).keys() == like.keys()
    table = dict(re.findall(r"^\| `([A-Z]+)` \| (.*?) \|", GUIDE, re.MULTILINE))
    for kind, (severity, _) in SENTENCES.items():
        assert f"`{kind.__name__}`" in table[severity.upper()]
    assert {line["level"] for line in lines} == {"INFO", "WARNING", "ERROR"}


def test_unsaved_tokens_show_while_they_are(seen):
    """The gauge that says which process must not be ended rises and falls."""
    gauge = re.compile(r"^extauth_link_unsaved\{[^}]*\} (\S+)$", re.MULTILINE)
    assert [gauge.findall(seen[when]) for when in ("unsaved", "metrics")] == [["1.0"], ["0.0"]]


def test_a_probe_over_http(seen):
    """200 while the store answers, 503 with the reason while it does not."""
    assert seen["ready"] == [[200, '{"reason": null}'], [503, '{"reason": "store_unavailable"}']]


def test_each_caller_is_linked_to_its_refresh(seen):
    """Six refreshes, each a trace of its own, and six callers that waited, each in its own."""
    spans = seen["spans"]
    refreshes = [span for span in spans if span["name"] == "refresh example"]
    waits = [span for span in spans if span["name"] == "wait_for_refresh example"]
    assert [span["parent_id"] for span in refreshes] == [None] * len(FAULTS)
    linked = [link["context"]["span_id"] for span in waits for link in span["links"]]
    assert linked == [span["context"]["span_id"] for span in refreshes]
    assert {span["context"]["trace_id"] for span in waits}.isdisjoint(
        span["context"]["trace_id"] for span in refreshes
    )


def test_no_secret_is_in_any_of_it(seen):
    """Nothing has a token or the client's secret; metrics and spans name no user."""
    assert len(seen["secrets"]) > len(FAULTS)
    everything = json.dumps({name: shown for name, shown in seen.items() if name != "secrets"})
    assert [secret for secret in seen["secrets"] if secret in everything] == []
    unnamed = json.dumps([seen["metrics"], seen["unsaved"], seen["spans"]])
    assert [
        name for name in ("own-name", '"limited"', '"rejected"', '"misconfigured"') if name in unnamed
    ] == []


def test_alerts_lead_to_the_runbook():
    """Each alert links to a heading that there is, and each has its test for `make promtool`."""
    runbook = (ROOT / "docs" / "howto" / "incident-runbook.md").read_text()
    anchors = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^## (.*)$", runbook, re.MULTILINE)
    }
    for rule in RULES:
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert page == "docs/howto/incident-runbook.md"
        assert anchor in anchors
    tested = yaml.safe_load((ROOT / "tests" / "monitoring" / "alerts_test.yml").read_text())["tests"]
    fired = {case["alertname"] for test in tested for case in test["alert_rule_test"] if case["exp_alerts"]}
    quiet = {
        case["alertname"] for test in tested for case in test["alert_rule_test"] if not case["exp_alerts"]
    }
    assert fired == quiet == {rule["alert"] for rule in RULES}


def test_the_dashboard_can_be_imported():
    """Grafana wants an id and a place for each panel, and they must not overlap."""
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    cells = [
        (x, y)
        for panel in PANELS
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert {x for x, _ in cells} == set(range(24))
