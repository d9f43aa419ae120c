"""The catalog's tables, by feature."""

from catalog.models.products import (
    Category,
    LoadedFolder,
    Media,
    Price,
    PriceRange,
    Product,
    ProductFacet,
    ProductText,
    Restriction,
    Variant,
)
from catalog.models.reservations import HandledLine, Reservation, ReservationLine
from catalog.models.stock import Discrepancy, Stock, StockLevel, StockMovement, Warehouse

__all__ = [
    "Category",
    "Discrepancy",
    "HandledLine",
    "LoadedFolder",
    "Media",
    "Price",
    "PriceRange",
    "Product",
    "ProductFacet",
    "ProductText",
    "Reservation",
    "ReservationLine",
    "Restriction",
    "Stock",
    "StockLevel",
    "StockMovement",
    "Variant",
    "Warehouse",
]
