"""The tables of the orders service, by feature."""

from orders.models.carts import Cart, CartItem
from orders.models.items import SellableItem, StockLevel
from orders.models.orders import Order, OrderLine, Refund, Shipment, TimelineEntry
from orders.models.quotes import Quote
from orders.models.rules import (
    DeMinimis,
    DutyRate,
    ExchangeRate,
    Fee,
    RuleBook,
    ShippingMethod,
    ShippingRate,
    TaxRate,
    Territory,
)

__all__ = [
    "Cart",
    "CartItem",
    "DeMinimis",
    "DutyRate",
    "ExchangeRate",
    "Fee",
    "Order",
    "OrderLine",
    "Quote",
    "Refund",
    "RuleBook",
    "SellableItem",
    "Shipment",
    "ShippingMethod",
    "ShippingRate",
    "StockLevel",
    "TaxRate",
    "Territory",
    "TimelineEntry",
]
