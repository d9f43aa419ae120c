"""Whatever is sent to an operation, the answer is one that its OpenAPI document promises, and never a 5xx."""

from __future__ import annotations

import pytest
import schemathesis
from auth_jwt.permissions import ROLES
from auth_jwt.testing import bearer
from django.conf import settings as django_settings
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, settings
from schemathesis import checks

SERVICE = django_settings.SERVICE
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
schema = schemathesis.openapi.from_wsgi(f"/api/schema/{SERVICE}", get_wsgi_application())


@pytest.fixture
def someone(signing_key) -> dict[str, str]:
    """A member of staff with every role: the one who reaches the most code."""
    return bearer(None, list(ROLES))


@schema.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_an_operation_answers_as_it_promises(case, someone):
    response = case.call(headers={**someone, "If-Match": "*", "Idempotency-Key": "fuzz"})
    case.validate_response(response, checks=CHECKS)
