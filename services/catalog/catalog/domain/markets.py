"""Where the shop delivers, in which currency people there buy, and which of its languages they read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Market:
    """A country; `currencies` and `languages` with the usual one first."""

    country: str
    currencies: tuple[str, ...]
    languages: tuple[str, ...] = ("en",)


MARKETS = (
    Market("US", ("USD",)),
    Market("GB", ("GBP",)),
    Market("NL", ("EUR",), ("en", "de")),
    Market("DE", ("EUR",), ("de", "en")),
    Market("FR", ("EUR",)),
    Market("IN", ("USD",)),
    Market("JP", ("JPY",), ("ja", "en")),
    Market("KW", ("USD",)),
)
DEFAULT_CURRENCY = "EUR"
