"""Amounts as Stripe writes them: its smallest unit is not always ours (ISO 4217's)."""

from __future__ import annotations

from chassis.fields import exponent

from payments.providers.base import Refused

NO_DECIMALS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
THREE_DECIMALS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])  # in tens of the smallest unit alone


def to_stripe(amount_minor: int, currency: str) -> int:
    """Raises Refused `unsupported_amount` for what cannot be written: 1.234 KWD, half a currency without parts."""
    shift = _decimals(currency) - exponent(currency)
    amount, left = divmod(amount_minor * 10 ** max(shift, 0), 10 ** max(-shift, 0))
    if left or (currency in THREE_DECIMALS and amount % 10):
        raise Refused("unsupported_amount", f"Stripe takes no {amount_minor} minor units of {currency}")
    return amount


def from_stripe(amount: int, currency: str) -> int:
    """In our minor units."""
    shift = _decimals(currency) - exponent(currency)
    return amount * 10 ** max(-shift, 0) // 10 ** max(shift, 0)


def _decimals(currency: str) -> int:
    """ISK and UGX have none any more, but Stripe goes on writing two."""
    return 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
