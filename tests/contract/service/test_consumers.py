"""This service's handlers take every example that the producers publish, of every version, and each once."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.utils.module_loading import import_string
from outbox.models import ParkedEvent
from outbox.testing import deliver

ROOT = Path(__file__).parents[3]
HANDLERS = import_string(settings.OUTBOX["HANDLERS"]) if settings.OUTBOX["HANDLERS"] else {}


def examples() -> list:
    found = []
    for type in sorted(HANDLERS):
        for file in ROOT.glob(f"services/*/contracts/events/{type}.examples.json"):
            for number, data in enumerate(json.loads(file.read_text())):
                found.append(pytest.param(type, data, id=f"{type}-{number}"))
    return found


def test_every_handled_type_has_a_schema_at_its_producer():
    for type in HANDLERS:
        schemas = list(ROOT.glob(f"services/*/contracts/events/{type}.schema.json"))
        assert len(schemas) == 1, type
        assert schemas[0].parts[-4] != settings.SERVICE, f"{type} is this service's own"


@pytest.mark.parametrize(("type", "data"), examples() or [pytest.param(None, None, id="nothing is consumed")])
def test_an_example_is_handled_once(db, type, data):
    if type is None:
        assert not settings.OUTBOX["SUBSCRIPTIONS"]
        return
    event_id, key = str(uuid4()), data.get("order_id") or data.get("sku") or data.get("id")
    assert deliver(type, data, key=key, id=event_id) is True
    assert deliver(type, data, key=key, id=event_id) is False
    assert deliver(type, {**data, "a_field_of_tomorrow": {"x": 1}}, key=key) is True
    assert not ParkedEvent.objects.exists()
