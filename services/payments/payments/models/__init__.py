"""The payments service's tables, by feature."""

from payments import checks  # noqa: F401 - so that they are made in every process
from payments.models.ledger import LedgerEntry, LedgerPosting, Unchangeable
from payments.models.payments import Attempt, Dispute, Payment, ProviderOperation, Refund, WebhookEvent
from payments.models.reconciliation import Difference, SettlementLine, SettlementReport, Violation

__all__ = [
    "Attempt",
    "Difference",
    "Dispute",
    "LedgerEntry",
    "LedgerPosting",
    "Payment",
    "ProviderOperation",
    "Refund",
    "SettlementLine",
    "SettlementReport",
    "Unchangeable",
    "Violation",
    "WebhookEvent",
]
