"""Stock and bulk imports over HTTP, for staff."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

from auth_jwt.permissions import FreshLogin, has_role
from chassis.pages import page
from chassis.parsers import MAX_BYTES, BoundedJSONParser, TooLarge
from chassis.views import View
from chassis.writes import writes
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.models import Stock
from catalog.serializers.stock import (
    AdjustmentInput,
    ImportInput,
    ImportQuery,
    ImportSchema,
    StockPageSchema,
    StockQuery,
    StockSchema,
    parse_rows,
)
from catalog.use_cases import imports, stock, write_offs

KEEPS_STOCK = [has_role("catalog"), FreshLogin]


class CSVParser(BaseParser):
    """`text/csv` with a header line, as the same `rows` that JSON would give; an empty cell is an absent field."""

    media_type = "text/csv"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict:
        raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise TooLarge("too_large", f"The body may have at most {MAX_BYTES} bytes.")
        try:
            rows = list(csv.DictReader(StringIO(raw.decode("utf-8-sig")), restkey="surplus", strict=True))
        except (ValueError, csv.Error) as error:
            raise ParseError(f"The body is not valid CSV: {error}") from error
        return {"rows": [{name: cell for name, cell in row.items() if cell not in ("", None)} for row in rows]}


class StaffStockList(View):
    permission_classes = KEEPS_STOCK

    @extend_schema(parameters=[StockQuery], responses=StockPageSchema)
    def get(self, request: Request) -> Response:
        """What lies where and what of it is promised, by SKU; `available_lte=0` lists what is sold out."""
        query = self.query(StockQuery, request)
        chosen = Stock.objects.all()
        if "sku" in query:
            chosen = chosen.filter(variant_id=query["sku"])
        if "warehouse" in query:
            chosen = chosen.filter(warehouse_id=query["warehouse"])
        if "available_lte" in query:
            chosen = chosen.available_at_most(query["available_lte"])
        render = lambda rows: StockSchema(rows, many=True).data  # noqa: E731
        return Response(page(chosen, order=("variant_id", "warehouse_id"), query=query, render=render))


class StaffAdjustments(View):
    permission_classes = KEEPS_STOCK

    @extend_schema(request=AdjustmentInput, responses={201: StockSchema})
    @writes()
    def post(self, request: Request) -> Response:
        """Units came or are gone, and why; refused below what is promised to orders, unless forced: then orders lose
        what they were promised, and are cancelled or refunded.
        """
        given = self.parse(AdjustmentInput, request)
        told: dict[str, Any] = {"by": str(request.user.id), "now": timezone.now()}
        if given.pop("force"):
            row = write_offs.write_off(units=-given.pop("delta"), **given, **told)
        else:
            row = stock.adjust_stock(**given, **told)
        return Response(StockSchema(row).data, status=201)


class StaffImports(View):
    permission_classes = KEEPS_STOCK
    parser_classes = [BoundedJSONParser, CSVParser]

    @extend_schema(
        parameters=[ImportQuery],
        request={"application/json": ImportInput, "text/csv": OpenApiTypes.STR},
        responses=ImportSchema,
    )
    @writes("none")
    def post(self, request: Request) -> Response:
        """Prices or counted stock in bulk; good rows are applied, the others are listed with what is wrong."""
        kind = self.query(ImportQuery, request)["kind"]
        rows = self.parse(ImportInput, request)["rows"]
        good, errors = parse_rows(kind, rows)
        if kind == "prices":
            refused = imports.import_prices(rows=good)
        else:
            refused = imports.import_stock(rows=good, by=str(request.user.id), now=timezone.now())
        errors = sorted([*errors, *refused], key=lambda error: error["row"])
        return Response({"applied": len(good) - len(refused), "errors": errors})
