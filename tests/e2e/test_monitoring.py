"""The shop's alert rules against the running stack: what they name is emitted, and each has a page in the runbook."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy/monitoring/alerts/shop.yml"
RULES = [rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]]
WORDS = {"max", "sum", "by", "rate", "and", "min_over_time", "job", "queue", "invariant", "state", "status", "failed"}


@pytest.fixture(scope="module")
def emitted(stack) -> set[str]:
    """The names of all samples that the five web processes show."""
    pages = [
        httpx.get(f"{stack.layout.url('operators')}/metrics/{service}", timeout=10).text
        for service in ("identity", "catalog", "orders", "payments", "notifications")
    ]
    return set(re.findall(r"^([a-z_]+)[ {]", "\n".join(pages), re.M)) | set(
        re.findall(r"^# TYPE ([a-z_]+) ", "\n".join(pages), re.M)
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_names_metrics_that_are_emitted(emitted, rule):
    without_ranges = re.sub(r"\[[^]]*\]|\"[^\"]*\"", "", rule["expr"])
    names = set(re.findall(r"\b[a-z][a-z_]+\b", without_ranges)) - WORDS
    assert names
    assert names <= emitted, names - emitted


def test_each_alert_has_a_page_in_the_runbook_and_none_is_left_over():
    headings = set(re.findall(r"^### (\w+)$", (ROOT / "docs/runbook.md").read_text(), re.M))
    assert headings == {rule["alert"] for rule in RULES}
    assert all(rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}" for rule in RULES)
