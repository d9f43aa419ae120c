"""Invariants I3 and I8, checked: the money kept is the money due, and the books say what the rows say.

One statement each, so that each compares one moment's rows with one another; all rows, however old.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from payments.models import Violation

logger = logging.getLogger(__name__)

REFUNDS = """(SELECT payment_id, SUM(IF(state = 'succeeded', amount_minor, 0)) AS back,
    SUM(IF(asked_by_order AND state <> 'refused', amount_minor, 0)) AS asked,
    SUM(IF(state IN ('requested', 'failed'), 1, 0)) AS waiting
    FROM payments_refund GROUP BY payment_id)"""
IDLE = "NOT EXISTS (SELECT 1 FROM payments_provideroperation o WHERE o.open_payment = p.id)"
BOOKED = """(SELECT g.payment_id,
    SUM(IF(e.account = 'captured' AND g.kind NOT IN ('fee', 'surplus', 'given_back'), e.amount_minor, 0)) AS captured,
    SUM(IF(e.account = 'receivable', e.amount_minor, 0)) AS receivable,
    SUM(IF(e.account = 'refunded', e.amount_minor, 0)) AS refunded,
    SUM(IF(e.account = 'surplus', -e.amount_minor, 0)) AS surplus
    FROM payments_ledgerposting g JOIN payments_ledgerentry e ON e.posting_id = g.id GROUP BY g.payment_id)"""
CONTESTED = """(SELECT payment_id, SUM(IF(state <> 'won', amount_minor, 0)) AS gone
    FROM payments_dispute GROUP BY payment_id)"""
TWICE = """(SELECT payment_id, SUM(IF(state = 'surplus', surplus_minor, 0)) AS surplus
    FROM payments_attempt WHERE surplus_minor IS NOT NULL GROUP BY payment_id)"""

# (invariant, what is said of a row, question): each row is (what it is about, figures of the sentence ...)
QUESTIONS = [
    (
        "I3",
        "of {} captured {} went back and {} were lost, but due is {}",
        f"""SELECT * FROM (SELECT p.order_number, p.total_minor, COALESCE(r.back, 0) AS back, p.lost_minor,
                IF(p.closed_by <> '', 0, p.total_minor - COALESCE(r.asked, 0)) AS due,
                p.total_minor - COALESCE(r.back, 0) - IF(p.closed_by <> '', p.lost_minor, 0) AS kept
            FROM payments_payment p LEFT JOIN {REFUNDS} r ON r.payment_id = p.id
            WHERE p.state = 'captured' AND p.dispute_state <> 'open' AND COALESCE(r.waiting, 0) = 0) money
        WHERE kept > due OR (kept < due AND lost_minor = 0)""",
    ),
    (
        "I3",
        "it is closed ({}), {}, and nobody lets go of the money",
        f"""SELECT p.order_number, p.closed_by, p.state FROM payments_payment p
        WHERE p.closed_by <> '' AND p.state IN ('authorized', 'waiting') AND {IDLE}""",
    ),
    (
        "I3",
        "it is confirmed and authorised, and nobody captures {}",
        f"""SELECT p.order_number, p.total_minor FROM payments_payment p
        WHERE p.state = 'authorized' AND p.confirmed AND p.closed_by = '' AND {IDLE}""",
    ),
    (
        "I3",
        "attempt {} took {} besides what was due, more than a day ago",
        """SELECT p.order_number, a.number, a.surplus_minor FROM payments_attempt a
        JOIN payments_payment p ON p.id = a.payment_id
        WHERE a.state = 'surplus' AND a.surplus_minor IS NOT NULL AND a.created_at < %(yesterday)s""",
    ),
    (
        "I3",
        "it was captured {} times",
        """SELECT p.order_number, COUNT(*)
        FROM payments_provideroperation o JOIN payments_payment p ON p.id = o.payment_id
        WHERE o.kind = 'capture' AND o.state = 'done' GROUP BY p.order_number HAVING COUNT(*) > 1""",
    ),
    (
        "I8",
        "its entries in {} sum to {}, not to 0",
        """SELECT g.business_key, COALESCE(e.currency, 'no currency'), COALESCE(SUM(e.amount_minor), 'nothing')
        FROM payments_ledgerposting g LEFT JOIN payments_ledgerentry e ON e.posting_id = g.id
        GROUP BY g.business_key, e.currency HAVING COUNT(e.id) < 2 OR SUM(e.amount_minor) <> 0""",
    ),
    (
        "I8",
        "captured, receivable, refunded, surplus are {} {} {} {} in the books and {} {} {} {} in the rows",
        f"""SELECT * FROM (SELECT p.order_number,
                COALESCE(b.captured, 0) AS c, COALESCE(b.receivable, 0) AS v, COALESCE(b.refunded, 0) AS b,
                COALESCE(b.surplus, 0) AS s,
                IF(p.state = 'captured', p.total_minor, 0) - COALESCE(r.back, 0) - COALESCE(d.gone, 0) AS captured,
                IF(p.state = 'authorized' AND p.capture_code = '', p.total_minor, 0) AS receivable,
                COALESCE(r.back, 0) AS refunded, COALESCE(t.surplus, 0) AS surplus
            FROM payments_payment p LEFT JOIN {BOOKED} b ON b.payment_id = p.id
            LEFT JOIN {REFUNDS} r ON r.payment_id = p.id LEFT JOIN {CONTESTED} d ON d.payment_id = p.id
            LEFT JOIN {TWICE} t ON t.payment_id = p.id) money
        WHERE c <> captured OR v <> receivable OR b <> refunded OR s <> surplus""",
    ),
]


@dataclass(frozen=True)
class Found:
    invariant: str
    about: str
    detail: str


def check_invariants(*, now: datetime) -> list[Found]:
    """Log every violation, and write it down: a known one only once, until it is gone."""
    found = _ask(now)
    known = {(row.invariant, row.about, row.detail): row for row in Violation.objects.filter(gone_at=None)}
    for each in found:
        logger.error("invariant %s is violated", each.invariant, extra={"about": each.about, "detail": each.detail})
        if known.pop((each.invariant, each.about, each.detail), None) is None:
            Violation.objects.create(**vars(each), found_at=now)
    Violation.objects.filter(pk__in=[row.pk for row in known.values()]).update(gone_at=now)
    return found


def _ask(now: datetime) -> list[Found]:
    yesterday = now - timedelta(days=1)
    found = []
    with connection.cursor() as cursor:
        for invariant, sentence, question in QUESTIONS:
            cursor.execute(question, {"yesterday": yesterday.replace(tzinfo=None)})
            for about, *figures in cursor.fetchall():
                found.append(Found(invariant, str(about)[:100], sentence.format(*figures)[:300]))
    return found
