"""Quotes and shipping methods over HTTP."""

from __future__ import annotations

from uuid import UUID

from chassis.problems import NotFound
from chassis.views import View
from chassis.writes import writes
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from orders.api.owners import cart_owner
from orders.domain.owner import Owner, hashed, new_token
from orders.models import Quote
from orders.serializers.quotes import (
    QuoteInput,
    QuoteSchema,
    QuotesSchema,
    ShippingMethodQuery,
    ShippingMethodsSchema,
    render_quote,
)
from orders.use_cases import quotes


class QuoteList(View):
    permission_classes = [AllowAny]

    @extend_schema(request=QuoteInput, responses={201: QuotesSchema})
    @writes()
    def post(self, request: Request) -> Response:
        """What a delivery to the door costs; `incoterm: both` answers two quotes. A new guest gets a `Cart-Token`."""
        wanted = self.parse(QuoteInput, request)
        owner, token = cart_owner(request), None
        if owner.is_nobody and "items" in wanted:
            token = new_token()
            owner = Owner(token_sha256=hashed(token))
        made, refused = quotes.make_quotes(owner=owner, wanted=wanted, now=timezone.now())
        response = Response({"data": [render_quote(quote) for quote in made], "refused": refused}, status=201)
        if token:
            response["Cart-Token"] = token
        return response


class QuoteDetail(View):
    permission_classes = [AllowAny]

    @extend_schema(responses=QuoteSchema)
    def get(self, request: Request, quote_id: UUID) -> Response:
        """A quote of the caller's, with every rule and rate that went into it."""
        owner = cart_owner(request)
        quote = None if owner.is_nobody else Quote.objects.filter(pk=quote_id, **owner.fields()).first()
        if quote is None:
            raise NotFound("There is no such quote, or it is not yours.")
        return Response(render_quote(quote))


class ShippingMethods(View):
    permission_classes = [AllowAny]

    @extend_schema(parameters=[ShippingMethodQuery], responses=ShippingMethodsSchema)
    def get(self, request: Request) -> Response:
        """How we ship to a country: days, weight bands, prices, and whether duties are paid by us."""
        query = self.query(ShippingMethodQuery, request)
        return Response({"data": quotes.shipping_methods(ship_to=query["ship_to"], now=timezone.now())})
