"""Money: integer minor units of an ISO 4217 currency, rounded half-up, converted through the euro, shared exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext

ROUNDING_MODE = "half_up"  # stored with every quote
PRECISION = 60  # digits kept between the first factor and the one rounding at the end

_TWO_DECIMALS = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE
CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR
KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN
PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD
TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG
"""
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
EXPONENTS: Mapping[str, int] = {
    **dict.fromkeys(_TWO_DECIMALS.split(), 2),
    **dict.fromkeys(_NO_DECIMALS.split(), 0),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
}
CHARGE_STEPS: Mapping[str, int] = dict.fromkeys(["BHD", "JOD", "KWD", "OMR", "TND"], 10)
"""Minor units that a charged total is a multiple of, where not of one: card providers want the third decimal 0."""


class UnknownCurrency(ValueError):
    """No ISO 4217 currency has this code."""


class NoExchangeRate(LookupError):
    """There is no rate for a currency on or before the day."""


def exponent(currency: str) -> int:
    """How many decimals the currency's major unit has. Raises UnknownCurrency."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(f"{currency!r} is not an ISO 4217 currency") from None


def half_up(amount: Decimal) -> int:
    """The nearest integer, halves away from zero."""
    with localcontext(prec=PRECISION):
        return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def to_minor(amount: Decimal, currency: str) -> Decimal:
    """An amount of major units in minor units, not rounded. Raises UnknownCurrency."""
    return amount.scaleb(exponent(currency))


def charge_step(currency: str) -> int:
    """The step, in minor units, that a total in this currency is rounded to."""
    return CHARGE_STEPS.get(currency, 1)


def rounding_to_step(amount_minor: int, currency: str) -> int:
    """What has to be added to make the amount a multiple of the currency's charge step, half-up."""
    step = charge_step(currency)
    return half_up(Decimal(amount_minor) / step) * step - amount_minor


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Share `total` out in proportion to `weights` (not negative) by largest remainder; ties go to the earlier one.

    The shares add up to the total exactly. Weights that are all zero count as equal. Raises ValueError without weights.
    """
    if not weights or min(weights) < 0:
        raise ValueError("an amount is shared out by weights of zero and more")
    weights = weights if any(weights) else [1] * len(weights)
    whole, sign = sum(weights), 1 if total >= 0 else -1
    shares = [abs(total) * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(abs(total) * weights[i] % whole), i))
    for i in by_remainder[: abs(total) - sum(shares)]:
        shares[i] += 1
    return [sign * share for share in shares]


@dataclass(frozen=True)
class ExchangeRate:
    """What one euro cost, in major units of the currency, on a day."""

    currency: str
    per_euro: Decimal
    day: date
    source: str


@dataclass(frozen=True)
class ExchangeRates:
    """The rates of a quote: at most one per currency; the euro needs none."""

    rows: Mapping[str, ExchangeRate] = field(default_factory=dict)

    def per_euro(self, currency: str) -> Decimal:
        """Raises NoExchangeRate."""
        if currency == "EUR":
            return Decimal(1)
        try:
            return self.rows[currency].per_euro
        except KeyError:
            raise NoExchangeRate(f"there is no exchange rate for {currency}") from None

    def exact(self, amount_minor: Decimal | int, source: str, target: str) -> Decimal:
        """Minor units of one currency in minor units of another, by the cross rate through the euro, not rounded.

        Raises NoExchangeRate, UnknownCurrency.
        """
        shift = exponent(target) - exponent(source)
        if source == target:
            return Decimal(amount_minor)
        with localcontext(prec=PRECISION):
            return (Decimal(amount_minor) * self.per_euro(target) / self.per_euro(source)).scaleb(shift)

    def convert(self, amount_minor: int, source: str, target: str) -> int:
        """The same, rounded half-up: half_up(minor x rate x 10^(e_target - e_source))."""
        return half_up(self.exact(amount_minor, source, target))

    def of_major(self, amount: Decimal, source: str, target: str) -> int:
        """Major units of one currency, as rules state them, in minor units of another, rounded half-up."""
        return half_up(self.exact(to_minor(amount, source), source, target))

    def major(self, amount_minor: int, source: str, target: str) -> Decimal:
        """Minor units of one currency in major units of another, not rounded: to hold against a threshold."""
        return self.exact(amount_minor, source, target).scaleb(-exponent(target))
