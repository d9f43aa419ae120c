"""An order's papers over HTTP: invoice, customs invoice, and the caller's orders as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from chassis.problems import NotFound
from chassis.views import View
from django.db.models import Q
from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from outbox.transactions import retry_conflicts
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from orders.api.orders import find_order
from orders.models import Order
from orders.serializers.documents import (
    CustomsInvoiceSchema,
    InvoiceSchema,
    crosses_customs,
    csv_of,
    render_customs_invoice,
    render_invoice,
)
from orders.use_cases.invoices import invoice_of

CHUNK = 200


class OrderInvoice(View):
    permission_classes = [AllowAny]

    @extend_schema(responses=InvoiceSchema)
    def get(self, request: Request, order_id: UUID) -> Response:
        """The invoice of a paid order; its number is given when it is first asked for."""
        order = find_order(request, order_id)
        invoice = retry_conflicts(lambda: invoice_of(order=order, now=timezone.now()))
        return Response(render_invoice(order, invoice))


class OrderCustomsInvoice(View):
    permission_classes = [AllowAny]

    @extend_schema(responses=CustomsInvoiceSchema)
    def get(self, request: Request, order_id: UUID) -> Response:
        """What customs ask for of a paid order that crosses their border: codes, origins, weights and values."""
        order = find_order(request, order_id)
        invoice = retry_conflicts(lambda: invoice_of(order=order, now=timezone.now()))
        if not crosses_customs(order):
            raise NotFound("This order crosses no customs border; it needs no customs invoice.", code="no_customs")
        return Response(render_customs_invoice(order, invoice))


class OrderExport(View):
    permission_classes = [IsAuthenticated]

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request) -> StreamingHttpResponse:
        """The caller's orders as CSV, newest first, however many they are."""
        response = StreamingHttpResponse(csv_of(_newest_first(request.user.id)), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="orders.csv"'
        return response


def _newest_first(user_id: UUID) -> Iterator[Order]:
    """Chunk by chunk: the driver would otherwise fetch all rows before the first."""
    mine = Order.objects.filter(user_id=user_id).order_by("-placed_at", "-id").prefetch_related("shipments")
    rows = list(mine[:CHUNK])
    while rows:
        yield from rows
        last = rows[-1]
        older = Q(placed_at__lt=last.placed_at) | Q(placed_at=last.placed_at, id__lt=last.id)
        rows = list(mine.filter(older)[:CHUNK])
