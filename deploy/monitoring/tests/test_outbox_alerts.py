"""Alert rules: each metric that they name is emitted, each has a page in the runbook, and promtool accepts them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from outbox.metrics import ROW_COUNTS
from prometheus_client import REGISTRY

ROOT = Path(__file__).parents[3]
FILE = ROOT / "deploy/monitoring/alerts/outbox.yml"
RULES = [rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]]
WORDS = {"max", "sum", "by", "rate", "or", "and", "job", "topic", "kind", "group"}


def emitted() -> set[str]:
    """Every metric name of the library: the process's own, and the row counts of the web process."""
    families = {family.name: family for family in REGISTRY.collect()}
    counters = {f"{name}_total" for name, family in families.items() if family.type == "counter"}
    return {*families, *counters, *ROW_COUNTS}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_names_metrics_that_are_emitted(rule):
    names = set(re.findall(r"\b[a-z][a-z_]+\b", re.sub(r"\[[^]]*\]", "", rule["expr"]))) - WORDS
    assert names
    assert names <= emitted()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_has_a_page_in_the_runbook(rule):
    file, anchor = rule["annotations"]["runbook"].split("#")
    headings = re.findall(r"^## (\w+)$", (ROOT / file).read_text(), re.MULTILINE)
    assert anchor == rule["alert"].lower()
    assert rule["alert"] in headings


def test_the_runbook_has_no_page_of_an_alert_that_is_gone():
    headings = re.findall(r"^## (\w+)$", (ROOT / "libs/outbox/RUNBOOK.md").read_text(), re.MULTILINE)
    assert set(headings) == {rule["alert"] for rule in RULES}


def test_promtool_accepts_the_rules_where_it_is_installed():
    promtool = shutil.which("promtool")
    if promtool is None:  # then its grammar is what the other tests read
        return
    done = subprocess.run([promtool, "check", "rules", *FILE.parent.glob("*.yml")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
