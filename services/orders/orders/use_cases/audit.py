"""What must never be, asked of orders' own rows: each question answers with (subject, detail), or with nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection

from orders.domain import lifecycle
from orders.domain.asking import ALARM
from orders.models import Order, TimelineEntry, Violation

logger = logging.getLogger(__name__)
RECENT = timedelta(hours=3)  # of questions that read each order whole; the audit runs every hour

QUESTIONS = {
    "an answer never came": """
        SELECT number, CONCAT(state, ' for more than an hour, asked three times') FROM orders_order
        WHERE state IN ('pending_stock', 'confirmed') AND asked_again >= {ALARM}
        UNION ALL
        SELECT o.number, CONCAT('refund of ', r.amount_minor, ' was asked for three times') FROM orders_refund r
        JOIN orders_order o ON o.id = r.order_id WHERE r.state = 'requested' AND r.asked_again >= {ALARM}""",
    "coupon uses are counted": """
        SELECT c.code, CONCAT('counted ', c.uses, ', orders use ', COALESCE(u.n, 0)) FROM orders_coupon c
        LEFT JOIN (SELECT coupon_id, COUNT(*) AS n FROM orders_couponuse WHERE given_back_at IS NULL
                   GROUP BY coupon_id) u ON u.coupon_id = c.code
        WHERE c.uses <> COALESCE(u.n, 0)""",
    "a coupon is given back when its order closes": """
        SELECT o.number, CONCAT(o.state, ', its use of ', u.coupon_id, ' counts: ', u.given_back_at IS NULL)
        FROM orders_couponuse u JOIN orders_order o ON o.id = u.order_id
        WHERE (o.state IN ('rejected', 'expired', 'cancelled')) = (u.given_back_at IS NULL)""",
    "refunds stay within what was charged": """
        SELECT o.number, CONCAT('refunds of ', r.asked, ' asked, ', o.refunded_minor, ' kept, charged ', o.total_minor)
        FROM orders_order o
        JOIN (SELECT order_id, SUM(amount_minor) AS asked FROM orders_refund WHERE requested_at IS NOT NULL
              GROUP BY order_id) r ON r.order_id = o.id
        WHERE r.asked > o.total_minor OR r.asked <> o.refunded_minor""",
    "units shipped, cancelled, returned and refunded fit": """
        SELECT o.number, CONCAT('line ', l.line_id, ': ', l.quantity, ' ordered, ', l.shipped, ' shipped, ',
               l.cancelled, ' cancelled, ', l.returning, ' returning, ', l.refunded, ' refunded')
        FROM orders_orderline l JOIN orders_order o ON o.id = l.order_id
        WHERE l.shipped + l.cancelled > l.quantity OR l.refunded > l.shipped + l.cancelled OR l.returning > l.shipped
           OR (l.shipped > 0 AND o.state NOT IN ('partially_shipped', 'shipped', 'delivered'))
           OR (l.shipped + l.cancelled < l.quantity AND o.state IN ('shipped', 'delivered'))""",
    "shipments add up to what shipped": """
        SELECT o.number, CONCAT('lines say ', SUM(l.shipped), ', shipments ', COALESCE(s.units, 0)) FROM orders_order o
        JOIN orders_orderline l ON l.order_id = o.id
        LEFT JOIN (SELECT s.order_id, SUM(j.quantity) AS units FROM orders_shipment s,
                   JSON_TABLE(s.`lines`, '$[*]' COLUMNS (quantity INT PATH '$.quantity')) j GROUP BY s.order_id) s
               ON s.order_id = o.id
        WHERE o.state_since >= {since}
        GROUP BY o.id, o.number, s.units HAVING SUM(l.shipped) <> COALESCE(s.units, 0)""",
    "an order's total is what its charges add up to": """
        SELECT o.number, CONCAT('total ', o.total_minor, ', charges at checkout ', SUM(j.amount)) FROM orders_order o,
        JSON_TABLE(o.charges, '$[*]'
                   COLUMNS (amount BIGINT PATH '$.amount_minor', place VARCHAR(10) PATH '$.collect')) j
        WHERE j.place = 'checkout' AND o.state_since >= {since}
        GROUP BY o.id, o.number, o.total_minor HAVING o.total_minor <> SUM(j.amount)""",
}


def check_orders(*, now: datetime) -> list[tuple[str, str, str]]:
    """Write down and log every violation, a known one only once; returns them as (invariant, subject, detail)."""
    found = [*_answers(now), *_timelines(now)]
    told = set(Violation.objects.filter(resolved_at=None).values_list("invariant", "subject"))
    fresh = []
    for invariant, subject, detail in found:
        logger.error("invariant is violated", extra={"invariant": invariant, "subject": subject, "detail": detail})
        if (invariant, subject) not in told:
            told.add((invariant, subject))
            fresh.append(Violation(invariant=invariant, subject=subject, detail=detail[:500], found_at=now))
    Violation.objects.bulk_create(fresh)
    return found


def _answers(now: datetime) -> Iterator[tuple[str, str, str]]:
    since = f"'{now - RECENT:%Y-%m-%d %H:%M:%S}'"
    with connection.cursor() as cursor:
        for invariant, question in QUESTIONS.items():
            cursor.execute(question.replace("{ALARM}", str(ALARM)).replace("{since}", since))
            yield from ((invariant, subject, str(detail)) for subject, detail in cursor.fetchall())


def _timelines(now: datetime) -> Iterator[tuple[str, str, str]]:
    """Of orders that changed lately: each state follows from the one before by the table, the last is the order's own.

    An order and its timeline are read in one statement, so that they are of one moment.
    """
    steps = {(before, after) for (before, _), (after, _) in lifecycle.TRANSITIONS.items()}
    changed = Order.objects.filter(state_since__gte=now - RECENT)
    entries = TimelineEntry.objects.filter(order__in=changed).order_by("order_id", "id")
    last: tuple[str, str, str] | None = None
    for number, is_now, state in entries.values_list("order__number", "order__state", "state").iterator():
        if last and last[0] != number:
            yield from _ends_well(last)
        elif last and state != last[2] and (last[2], state) not in steps:
            yield "a timeline follows the table", number, f"{last[2]} was followed by {state}"
        last = (number, is_now, state)
    if last:
        yield from _ends_well(last)


def _ends_well(last: tuple[str, str, str]) -> Iterator[tuple[str, str, str]]:
    number, is_now, told = last
    if is_now != told:
        yield "a timeline has each change of state", number, f"the order is {is_now}, its timeline ends with {told}"
