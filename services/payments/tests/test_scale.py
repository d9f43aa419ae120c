"""What staff look at stays quick when there are many payments."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from auth_jwt.testing import bearer
from django.db import connection
from django.utils import timezone
from payments.models import Payment


@pytest.mark.parametrize("query", ["", "?state=captured"])
def test_the_newest_payments_are_found_without_sorting_all(api, statements, query):
    now = timezone.now()
    rows = [
        Payment(
            id=uuid4(),
            order_id=uuid4(),
            order_number=f"CB-{number:010}",
            total_minor=100,
            currency="EUR",
            expires_at=now,
            state="captured",
            provider="sandbox",
            created_at=now - timedelta(seconds=number),
        )
        for number in range(5000)
    ]
    Payment.objects.bulk_create(rows, batch_size=1000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE payments_payment")
        cursor.fetchall()
    with statements() as run:
        assert len(api.get(f"/api/v1/staff/payments{query}", headers=bearer(uuid4(), ["finance"])).json()["data"]) == 50
    [listing] = [each for each in run if "ORDER BY" in each and "LIMIT 51" in each]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {listing}")
        names = [column[0] for column in cursor.description]
        [plan] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    assert "filesort" not in (plan["Extra"] or ""), plan
