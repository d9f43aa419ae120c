"""I8: the books of payments. What each service can ask of itself alone is in its own `audit_invariants`."""

from __future__ import annotations

ENTRIES = "crossborder_payments.payments_ledgerentry"
POSTINGS = "crossborder_payments.payments_ledgerposting"

QUESTIONS: dict[str, str] = {
    "I8 the ledger does not balance in a currency": f"""
        SELECT currency, SUM(amount_minor) FROM {ENTRIES} GROUP BY currency HAVING SUM(amount_minor) <> 0""",
    "I8 a posting does not balance": f"""
        SELECT g.business_key, SUM(e.amount_minor) FROM {POSTINGS} g LEFT JOIN {ENTRIES} e ON e.posting_id = g.id
        GROUP BY g.business_key HAVING COUNT(e.id) < 2 OR SUM(e.amount_minor) <> 0""",
    "I8 captured money is not in the books": f"""
        SELECT p.order_number, p.total_minor FROM crossborder_payments.payments_payment p
        WHERE p.state = 'captured' AND NOT EXISTS (SELECT 1 FROM {POSTINGS} g
            WHERE g.payment_id = p.id AND g.kind IN ('captured', 'captured_late'))""",
    "I8 the books know a capture that payments does not": f"""
        SELECT p.order_number, p.state FROM {POSTINGS} g
        JOIN crossborder_payments.payments_payment p ON p.id = g.payment_id
        WHERE g.kind IN ('captured', 'captured_late') AND p.state <> 'captured'""",
}
