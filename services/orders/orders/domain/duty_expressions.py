"""Duty expressions: parsed, evaluated, and translated from the way the United States publish theirs.

    expression := term { "+" term }
    term       := percent | specific | ("MIN" | "MAX") "(" expression { "," expression } ")"
    percent    := number "%"                                   of the customs value
    specific   := number currency "/" [count] unit             0.088 USD/kg, 0.20 USD/1000 item

Units: kg, item, l, m2, pair.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache

from .money import PRECISION, exponent

UNITS = ("kg", "item", "l", "m2", "pair")


class InvalidExpression(ValueError):
    """The text is not a duty expression."""


class Untranslatable(ValueError):
    """A published rate that our expressions cannot say; it must never be taken as zero."""


class MissingUnit(LookupError):
    """A specific duty asks for a measure that the goods do not state."""

    def __init__(self, unit: str) -> None:
        super().__init__(f"the duty is per {unit}, which is not known of the item")
        self.unit = unit


@dataclass(frozen=True)
class Goods:
    """What a duty is reckoned on: the customs value in minor units of `currency`, and measures by unit.

    `convert` turns exact minor units of another currency into exact minor units of `currency`.
    """

    value_minor: int
    measures: Mapping[str, Decimal]
    convert: Callable[[Decimal, str], Decimal]


@dataclass(frozen=True)
class Percent:
    percent: Decimal

    def of(self, goods: Goods) -> Decimal:
        return goods.value_minor * self.percent / 100

    def __str__(self) -> str:
        return f"{self.percent:f}%"


@dataclass(frozen=True)
class Specific:
    amount: Decimal
    currency: str
    count: int
    unit: str

    def of(self, goods: Goods) -> Decimal:
        if self.unit not in goods.measures:
            raise MissingUnit(self.unit)
        due = self.amount.scaleb(exponent(self.currency)) * goods.measures[self.unit] / self.count
        return goods.convert(due, self.currency)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}/{f'{self.count} ' if self.count != 1 else ''}{self.unit}"


@dataclass(frozen=True)
class Sum:
    terms: tuple["Expression", ...]

    def of(self, goods: Goods) -> Decimal:
        return sum((term.of(goods) for term in self.terms), Decimal(0))

    def __str__(self) -> str:
        return " + ".join(map(str, self.terms))


@dataclass(frozen=True)
class Choice:
    name: str  # MIN or MAX
    options: tuple["Expression", ...]

    def of(self, goods: Goods) -> Decimal:
        return (min if self.name == "MIN" else max)(option.of(goods) for option in self.options)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.options))})"


Expression = Percent | Specific | Sum | Choice

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_TOKEN = re.compile(
    rf"\s*(?:(?P<choice>MIN|MAX)\s*\(|(?P<percent>{_NUMBER})\s*%"
    rf"|(?P<amount>{_NUMBER})\s*(?P<currency>[A-Z]{{3}})\s*/\s*(?:(?P<count>[1-9][0-9]*)\s+)?(?P<unit>[a-z][a-z0-9]*)"
    r"|(?P<mark>[+,)]))\s*"
)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def token(self) -> re.Match:
        match = _TOKEN.match(self.text, self.at)
        if not match:
            raise InvalidExpression(f"{self.text!r} is not a duty expression (at character {self.at + 1})")
        self.at = match.end()
        return match

    def expression(self) -> Expression:
        terms = [self.term()]
        while self.text.startswith("+", self.at):
            self.token()
            terms.append(self.term())
        return terms[0] if len(terms) == 1 else Sum(tuple(terms))

    def term(self) -> Expression:
        token = self.token()
        if token["percent"]:
            return Percent(Decimal(token["percent"]))
        if token["amount"]:
            if token["unit"] not in UNITS:
                raise InvalidExpression(f"{token['unit']!r} is not one of the units {', '.join(UNITS)}")
            exponent(token["currency"])
            return Specific(Decimal(token["amount"]), token["currency"], int(token["count"] or 1), token["unit"])
        if token["choice"]:
            options = [self.expression()]
            while (mark := self.token()["mark"]) == ",":
                options.append(self.expression())
            if mark == ")" and len(options) > 1:
                return Choice(token["choice"], tuple(options))
        raise InvalidExpression(f"{self.text!r} is not a duty expression (before character {self.at + 1})")


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """The expression that the text says; `str()` of it says the same. Raises InvalidExpression or UnknownCurrency."""
    parser = _Parser(text.strip())
    expression = parser.expression()
    if parser.at != len(parser.text):
        raise InvalidExpression(f"{text!r} goes on after a whole expression (character {parser.at + 1})")
    return expression


def duty(text: str, goods: Goods) -> Decimal:
    """Minor units of duty, not rounded. Raises InvalidExpression, MissingUnit, NoExchangeRate."""
    with localcontext(prec=PRECISION):
        return parse(text).of(goods)


def currencies(text: str) -> tuple[str, ...]:
    """The currencies of an expression's specific duties. Raises InvalidExpression."""
    parse(text)
    return tuple(sorted(set(re.findall(r"[A-Z]{3}(?=\s*/)", text))))


_USITC_UNITS = {
    "kg": "kg", "t": "1000 kg", "each": "item", "head": "item", "doz.": "12 item", "gross": "144 item",
    "thousand": "1000 item", "liter": "l", "liters": "l", "m2": "m2", "m²": "m2", "pr.": "pair",
}  # fmt: skip
_USITC_TERM = re.compile(
    rf"(?P<percent>{_NUMBER})%"
    rf"|(?:\$(?P<dollars>{_NUMBER})|(?P<cents>{_NUMBER})¢)\s*(?:/\s*|\s)"
    rf"(?P<unit>{'|'.join(map(re.escape, _USITC_UNITS))})"
)


def translate_usitc(text: str) -> str:
    """A United States rate as published (`12.1¢/kg + 4.6%`, `68¢/head`, `Free`) as an expression of ours.

    Raises Untranslatable for everything else: rates on parts, on contents, by degree or jewel, or told in words.
    """
    if text.strip() == "Free":
        return "0%"
    terms = []
    for part in text.split("+"):
        match = _USITC_TERM.fullmatch(part.strip())
        if not match:
            raise Untranslatable(f"{text!r} cannot be said as an expression")
        if match["percent"]:
            terms.append(f"{match['percent']}%")
        else:
            amount = Decimal(match["dollars"]) if match["dollars"] else Decimal(match["cents"]).scaleb(-2)
            terms.append(f"{amount:f} USD/{_USITC_UNITS[match['unit']]}")
    return str(parse(" + ".join(terms)))
