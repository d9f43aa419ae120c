"""The tables of the orders service, by feature."""

from orders.models.audit import Violation
from orders.models.carts import Cart, CartItem
from orders.models.coupons import Coupon, CouponUse
from orders.models.invoices import Invoice, InvoiceSeries
from orders.models.items import SellableItem, StockLevel
from orders.models.orders import Order, OrderLine, Shipment, TimelineEntry
from orders.models.quotes import Quote
from orders.models.refunds import Refund, Return
from orders.models.rules import (
    DeMinimis,
    DutyRate,
    ExchangeRate,
    Fee,
    ReturnPolicy,
    RuleBook,
    ShippingMethod,
    ShippingRate,
    TaxRate,
    Territory,
)

__all__ = [
    "Cart",
    "CartItem",
    "Coupon",
    "CouponUse",
    "DeMinimis",
    "DutyRate",
    "ExchangeRate",
    "Fee",
    "Invoice",
    "InvoiceSeries",
    "Order",
    "OrderLine",
    "Quote",
    "Refund",
    "Return",
    "ReturnPolicy",
    "RuleBook",
    "SellableItem",
    "Shipment",
    "ShippingMethod",
    "ShippingRate",
    "StockLevel",
    "TaxRate",
    "Territory",
    "TimelineEntry",
    "Violation",
]
