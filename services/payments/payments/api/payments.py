"""Payments over HTTP, for those who owe them, for staff, and for the provider."""

from __future__ import annotations

import hashlib
from uuid import UUID

from auth_jwt.permissions import FreshLogin, has_role
from chassis.pages import page
from chassis.problems import NotFound, Problem, Unauthorized
from chassis.views import View
from chassis.writes import writes
from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from payments.domain.origins import normal
from payments.models import Payment
from payments.providers.base import BadSignature
from payments.providers.registry import provider_named
from payments.serializers.payments import (
    ConfirmedSchema,
    ConfirmInput,
    PaymentPageSchema,
    PaymentSchema,
    ReceivedSchema,
    StaffPaymentQuery,
    StaffPaymentSchema,
    render_for_staff,
    render_payment,
)
from payments.use_cases import payments, refunds, webhooks

WHOLE = ("attempts", "refunds")


def find_payment(request: Request, payment_id: UUID) -> Payment:
    """Raises NotFound for a payment that is not the caller's, or that orders has not asked for yet."""
    token = request.headers.get("Order-Token", "")
    user_id = request.user.id if request.user.is_authenticated else None
    sha256 = hashlib.sha256(token.encode()).hexdigest() if token else None
    mine = Payment.objects.of(user_id=user_id, token_sha256=sha256).prefetch_related(*WHOLE)
    payment = mine.filter(pk=payment_id).first()
    if payment is None:
        raise NotFound("There is no such payment (yet), or it is not yours.", headers={"Retry-After": "1"})
    return payment


def payment_response(payment: Payment) -> Response:
    body = render_payment(payment)
    headers = {"Retry-After": "1"} if body["status"] == "authorizing" else {}
    return Response(body, headers=headers)


class PaymentDetail(View):
    permission_classes = [AllowAny]

    @extend_schema(responses=PaymentSchema)
    def get(self, request: Request, payment_id: UUID) -> Response:
        """What is owed, how far it is, and where the shopper must go, if anywhere."""
        return payment_response(find_payment(request, payment_id))


class PaymentConfirm(View):
    permission_classes = [AllowAny]

    @extend_schema(request=ConfirmInput, responses={202: ConfirmedSchema})
    @writes("required")
    def post(self, request: Request, payment_id: UUID) -> Response:
        """Pay with a provider's token. The result is seen by asking for the payment, and on the order.

        409 `payment_in_progress`: ask again; `already_paid`, `order_closed`: nothing is to be paid; `payment_refused`:
        the last attempt was refused for good (e.g. as fraudulent); `too_many_attempts`: there were ten.
        """
        given = self.parse(ConfirmInput, request)
        return_url = normal(given["return_url"])
        if not any(f"{return_url}/".startswith(f"{origin}/") for origin in settings.PAYMENTS_RETURN_ORIGINS):
            raise Problem("return_url_not_allowed", "return_url leads to an origin that is not on the shop's list.")
        payments.confirm_payment(payment=find_payment(request, payment_id), **given, now=timezone.now())
        return Response({"status": "authorizing", "next_action": None}, status=202, headers={"Retry-After": "1"})


class ProviderWebhook(View):
    permission_classes = [AllowAny]
    authentication_classes: list = []
    throttle_classes: list = []

    @extend_schema(request={"application/json": dict}, responses={200: ReceivedSchema})
    def post(self, request: Request, provider: str) -> Response:
        """A signed hint from the provider; answered at once, read afterwards."""
        try:
            verify = provider_named(provider).verify
        except LookupError as error:
            raise NotFound("There is no such provider.") from error
        try:
            hint = verify(request.body, dict(request.headers), settings.PAYMENTS_WEBHOOK_SECRETS)
        except BadSignature as error:
            raise Unauthorized("bad_signature", f"This webhook is refused: {error}.") from error
        webhooks.receive_webhook(provider=provider, hint=hint, now=timezone.now())
        return Response({"received": True})


class StaffPaymentList(View):
    permission_classes = [has_role("finance", "support")]

    @extend_schema(parameters=[StaffPaymentQuery], responses=PaymentPageSchema)
    def get(self, request: Request) -> Response:
        """All payments, newest first; by order number, state or dispute, or those with a refund that failed."""
        query = self.query(StaffPaymentQuery, request)
        chosen = Payment.objects.prefetch_related(*WHOLE, "disputes")
        for name, field in (("order_number", "order_number"), ("state", "state"), ("dispute", "dispute_state")):
            if name in query:
                chosen = chosen.filter(**{field: query[name]})
        if query["refund_failed"]:
            chosen = chosen.filter(refunds__state="failed").distinct()
        render = lambda rows: [render_for_staff(payment) for payment in rows]  # noqa: E731
        return Response(page(chosen, order=("-created_at", "-id"), query=query, render=render))


class StaffRefundRetry(View):
    permission_classes = [has_role("finance"), FreshLogin]

    @extend_schema(request=None, responses=StaffPaymentSchema)
    @writes()
    def post(self, request: Request, payment_id: UUID, refund_id: UUID) -> Response:
        """Send a failed refund once more."""
        refunds.retry_refund(payment_id=payment_id, refund_id=refund_id, now=timezone.now())
        return Response(render_for_staff(Payment.objects.prefetch_related(*WHOLE, "disputes").get(pk=payment_id)))
