"""The books: which accounts a fact about money moves. Pure; a posting sums to zero in its one currency.

Amounts are signed whole minor units: a debit is positive, a credit negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Account(StrEnum):
    RECEIVABLE = "receivable"  # what buyers' banks have promised, and was not captured yet
    CAPTURED = "captured"  # what the provider holds for the shop
    SALES = "sales"
    REFUNDED = "refunded"
    SURPLUS = "surplus"  # what was taken besides what was due, and is owed back
    DISPUTED = "disputed"  # what the provider keeps while a bank contests it
    CHARGEBACKS = "chargebacks"  # what disputes have cost
    FEES = "fees"


@dataclass(frozen=True)
class Posting:
    """`kind` says what happened, `subject` to what if not to the payment itself; together they are its business key."""

    kind: str
    currency: str
    entries: tuple[tuple[Account, int], ...]
    subject: str = ""

    def __post_init__(self) -> None:
        if sum(amount for _, amount in self.entries):
            raise ValueError(f"a posting must balance: {self}")


MOVES: dict[str, tuple[Account, Account]] = {  # what happened: (debited, credited)
    "authorized": (Account.RECEIVABLE, Account.SALES),
    "voided": (Account.SALES, Account.RECEIVABLE),
    "capture_failed": (Account.SALES, Account.RECEIVABLE),
    "captured": (Account.CAPTURED, Account.RECEIVABLE),
    "captured_late": (Account.CAPTURED, Account.SALES),  # after its refusal, when nothing was receivable any more
    "refunded": (Account.REFUNDED, Account.CAPTURED),
    "disputed": (Account.DISPUTED, Account.CAPTURED),
    "dispute_won": (Account.CAPTURED, Account.DISPUTED),
    "dispute_lost": (Account.CHARGEBACKS, Account.DISPUTED),
    "surplus": (Account.CAPTURED, Account.SURPLUS),
    "given_back": (Account.SURPLUS, Account.CAPTURED),
    "fee": (Account.FEES, Account.CAPTURED),
}
AT_THE_PROVIDER = frozenset(  # what a settlement report tells of, too
    {"captured", "captured_late", "refunded", "disputed", "dispute_won", "surplus", "given_back"}
)


def posting(kind: str, amount_minor: int, currency: str, subject: str = "") -> Posting:
    """What happened, written into the books."""
    debited, credited = MOVES[kind]
    return Posting(kind, currency, ((debited, amount_minor), (credited, -amount_minor)), subject)
