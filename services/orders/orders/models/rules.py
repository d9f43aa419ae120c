"""The rows that landed costs are reckoned by; `orders.domain.rules` says what each means and how one is chosen."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models, transaction

from orders.domain import duty_expressions, money, rules

country = RegexValidator(r"\A[A-Z]{2}\Z", "A country or customs territory is two capital letters.")
hs_digits = RegexValidator(r"\A([0-9]{2,10})?\Z", "An HS prefix is 2 to 10 digits, or empty for all goods.")
hs_list = RegexValidator(r"\A([0-9]{2,10}( [0-9]{2,10})*)?\Z", "HS prefixes are separated by one space.")
not_negative = MinValueValidator(0)


def currency(value: str) -> None:
    if value not in money.EXPONENTS:
        raise ValidationError(f"{value!r} is not an ISO 4217 currency.")


def expression(value: str) -> None:
    try:
        duty_expressions.parse(value)
    except ValueError as reason:
        raise ValidationError(str(reason)) from reason


def code_field(max_length: int, **options) -> models.CharField:
    """A string that machines compare, byte by byte."""
    return models.CharField(max_length=max_length, db_collation="utf8mb4_bin", **options)


def country_field(**options) -> models.CharField:
    return code_field(2, validators=[country], **options)


def currency_field() -> models.CharField:
    return code_field(3, validators=[currency])


def amount_field(**options) -> models.DecimalField:
    return models.DecimalField(max_digits=18, decimal_places=4, validators=[not_negative], **options)


def percent_field(**options) -> models.DecimalField:
    return models.DecimalField(max_digits=7, decimal_places=4, validators=[not_negative], **options)


def one_of(*values: str) -> list[tuple[str, str]]:
    return [(value, value) for value in values]


class RuleBook(models.Model):
    """One row whose revision is another after every change of a rule, so that readers know what they cached is old."""

    revision = models.UUIDField()

    @classmethod
    def turn_page(cls) -> None:
        """Say that rules changed; in the transaction that changes them. Imports queue here, one after another."""
        cls.objects.update_or_create(pk=1, defaults={"revision": uuid4()})


class Turning(models.Model):
    """Rows whose every save and delete turns the page; bulk writes turn it themselves."""

    class Meta:
        abstract = True

    def save(self, **options) -> None:
        with transaction.atomic():
            super().save(**options)
            RuleBook.turn_page()

    def delete(self, using: Any = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            RuleBook.turn_page()
            return super().delete(using, keep_parents)


class Rule(Turning):
    """A dated row with its source. `KEY` names what makes it another rule: two rows of one key would be a tie."""

    KEY: tuple[str, ...] = ()

    valid_from = models.DateField(help_text="The first day on which it holds.")
    valid_to = models.DateField(null=True, blank=True, help_text="The last day on which it holds.")
    version = models.PositiveIntegerField(default=1, help_text="Grows when the row is corrected.")
    source = models.CharField(max_length=200)
    source_date = models.DateField()
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        abstract = True

    def clean(self) -> None:
        if self.valid_to and self.valid_to < self.valid_from:
            raise ValidationError({"valid_to": "It ends before it begins."})


class Territory(Rule):
    """A country's customs union, its basis of customs value, and the name of its tax (empty: none on imports)."""

    KEY = ("country", "valid_from")

    country = country_field()
    territory = country_field()
    customs_value = code_field(3, choices=one_of(rules.CIF, rules.FOB))
    tax_name = models.CharField(max_length=40, blank=True)

    class Meta:
        verbose_name_plural = "territories"
        constraints = [models.UniqueConstraint(fields=["country", "valid_from"], name="territory_no_tie")]


class DutyRate(Rule):
    """A duty expression for an HS prefix, an origin (empty: any) and a layer."""

    KEY = ("destination", "hs_prefix", "origin", "layer", "name", "valid_from")

    destination = country_field()
    hs_prefix = code_field(10, validators=[hs_digits], blank=True)
    origin = country_field(blank=True)
    layer = code_field(12, choices=one_of(rules.BASE, rules.PREFERENTIAL, rules.ADDITIONAL), default=rules.BASE)
    name = models.CharField(max_length=80, blank=True, help_text="Of an additional duty; these add up by name.")
    expression = models.CharField(
        max_length=120, blank=True, validators=[expression], help_text="Empty: only a person can reckon it; no quotes."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["destination", "hs_prefix", "origin", "layer", "name", "valid_from"], name="duty_rate_no_tie"
            )
        ]

    def clean(self) -> None:
        super().clean()
        if bool(self.name) != (self.layer == rules.ADDITIONAL):
            raise ValidationError({"name": "An additional duty has a name; others have none."})


class TaxRate(Rule):
    """VAT, GST or consumption tax of a country, by HS prefix (empty: the standard rate)."""

    KEY = ("country", "hs_prefix", "valid_from")

    country = country_field()
    hs_prefix = code_field(10, validators=[hs_digits], blank=True)
    percent = percent_field()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["country", "hs_prefix", "valid_from"], name="tax_rate_no_tie")]


class DeMinimis(Rule):
    """A threshold or scheme of a country or territory for one charge."""

    KEY = ("destination", "scheme", "charge", "valid_from")

    destination = country_field()
    scheme = models.CharField(max_length=80)
    charge = code_field(4, choices=one_of("duty", "tax"))
    measure = code_field(5, choices=one_of("goods", "cif"))
    amount = amount_field()
    currency = currency_field()
    comparison = code_field(2, choices=one_of("<", "<="))
    effect = code_field(16, choices=one_of(rules.ZERO, rules.FLAT_PER_HS6, rules.SELLER_COLLECTS))
    flat_amount = amount_field(null=True, blank=True)
    excluded_hs = models.CharField(max_length=300, blank=True, validators=[hs_list])

    class Meta:
        verbose_name_plural = "de minimis rules"
        constraints = [
            models.UniqueConstraint(fields=["destination", "scheme", "charge", "valid_from"], name="de_minimis_no_tie")
        ]

    def clean(self) -> None:
        super().clean()
        if (self.flat_amount is not None) != (self.effect == rules.FLAT_PER_HS6):
            raise ValidationError({"flat_amount": "It belongs to flat_per_hs6, and to that alone."})


class Fee(Rule):
    """What is taken per consignment that crosses a border of customs."""

    KEY = ("destination", "name", "incoterm", "valid_from")

    destination = country_field()
    name = models.CharField(max_length=80)
    incoterm = code_field(3, choices=one_of("DDP", "DAP"), blank=True)
    amount = amount_field()
    currency = currency_field()
    taxed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["destination", "name", "incoterm", "valid_from"], name="fee_no_tie")
        ]


class ReturnPolicy(Rule):
    """What a market's buyers are promised when they send goods back; goods and their tax always come back."""

    KEY = ("destination", "valid_from")

    destination = country_field()
    window_days = models.PositiveSmallIntegerField(help_text="Days from the last arrival.")
    freight = models.BooleanField(help_text="Whether what the delivery cost comes back.")
    duty = models.BooleanField(help_text="Whether import duty and fees that we collected come back.")

    class Meta:
        verbose_name_plural = "return policies"
        constraints = [
            models.UniqueConstraint(fields=["destination", "valid_from"], name="return_policy_no_tie"),
        ]


class ShippingMethod(Turning):
    """A way to ship that shoppers choose among."""

    KEY = ("code",)

    code = code_field(64, primary_key=True)
    name = models.CharField(max_length=80)
    carrier = models.CharField(max_length=80)
    duties_paid = models.BooleanField(help_text="Whether the carrier delivers duties paid; DDP needs that.")


class ShippingRate(Rule):
    """The price of a weight band of a method, from a country to a country of its zone."""

    KEY = ("method", "origin", "destination", "up_to_g", "valid_from")

    method = models.ForeignKey(ShippingMethod, models.PROTECT, related_name="rates")
    zone = models.CharField(max_length=40)
    origin = country_field()
    destination = country_field()
    up_to_g = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    amount = amount_field()
    currency = currency_field()
    insurance_percent = percent_field(default=0)
    min_days = models.PositiveSmallIntegerField()
    max_days = models.PositiveSmallIntegerField()

    class Meta:
        indexes = [models.Index(fields=["destination", "origin"], name="shipping_rate_lane")]
        constraints = [
            models.UniqueConstraint(
                fields=["method", "origin", "destination", "up_to_g", "valid_from"], name="shipping_rate_no_tie"
            )
        ]


class ExchangeRate(Turning):
    """What one euro cost on a day, in major units of a currency."""

    KEY = ("currency", "day")

    currency = currency_field()
    day = models.DateField()
    per_euro = models.DecimalField(max_digits=20, decimal_places=10, validators=[MinValueValidator(Decimal("1e-9"))])
    version = models.PositiveIntegerField(default=1)
    source = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["currency", "day"], name="exchange_rate_no_tie")]
