"""What an operator may have forgotten, or written in another way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from payments.checks import log_needed_settings, needed_settings
from payments.domain.origins import normal

SERVICE = Path(__file__).resolve().parents[1]


def started(*arguments: str, **variables: str) -> str:
    """What a process of the service says with these settings."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "payments.settings"} | variables
    command = [sys.executable, *arguments]
    run = subprocess.run(command, cwd=SERVICE, env=environment, capture_output=True, text=True, timeout=60)
    return run.stdout + run.stderr


@pytest.mark.parametrize(
    ("name", "warning_id"),
    [("PAYMENTS_RETURN_ORIGINS", "payments.W001"), ("PAYMENTS_WEBHOOK_SECRETS", "payments.W002")],
)
def test_an_empty_setting_is_warned_of(settings, name, warning_id, caplog):
    settings.PAYMENTS_RETURN_ORIGINS, settings.PAYMENTS_WEBHOOK_SECRETS = ["https://shop.example"], ["secret"]
    assert needed_settings() == []
    setattr(settings, name, [])
    assert [warning.id for warning in needed_settings()] == [warning_id]
    log_needed_settings()
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [warning_id]


@pytest.mark.parametrize("arguments", [["manage.py", "check"], ["-c", "import payments.wsgi"]])
def test_a_process_that_starts_says_it_once(arguments):
    said = started(*arguments, PAYMENTS_RETURN_ORIGINS="", PAYMENTS_WEBHOOK_SECRETS="")
    assert (said.count("payments.W001"), said.count("payments.W002")) == (1, 1), said


def test_origins_are_read_as_browsers_write_them():
    program = "from payments.settings import PAYMENTS_RETURN_ORIGINS as origins; print(origins)"
    said = started("-c", program, PAYMENTS_RETURN_ORIGINS="HTTPS://Shop.Example/,http://localhost:3000,")
    assert "['https://shop.example', 'http://localhost:3000']" in said


def test_secrets_may_be_written_with_spaces_between_them():
    program = "from payments.settings import PAYMENTS_WEBHOOK_SECRETS as secrets; print(secrets)"
    said = started("-c", program, PAYMENTS_WEBHOOK_SECRETS="whsec_new, whsec_old, ")
    assert "['whsec_new', 'whsec_old']" in said


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://shop.example", "https://shop.example"),
        (" HTTPS://SHOP.example/ ", "https://shop.example"),
        ("https://shop.example/Paid/Here", "https://shop.example/Paid/Here"),
    ],
)
def test_an_address_is_normalised_but_for_its_path(given, expected):
    assert normal(given) == expected


def test_a_return_url_may_have_capitals_in_its_host(purchase):
    assert purchase.confirm("tok_action", return_url="https://Shop.Example/paid").status_code == 202
