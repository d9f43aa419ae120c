"""Payments as callers send and see them."""

from __future__ import annotations

from typing import Any

from chassis.fields import MoneySchema, StrictSerializer, money
from chassis.pages import PageQuery
from rest_framework import serializers

from payments.domain.facts import State
from payments.models import Payment

STATUS = {State.SENT: "authorizing", State.WAITING: "requires_action"}
STATUSES = [STATUS.get(state, str(state)) for state in State]


class ConfirmInput(StrictSerializer):
    """`payment_method` is the provider's token; a card number never reaches us. A payment takes ten attempts at most,
    and none after one that was refused for good.
    """

    payment_method = serializers.RegexField(r"^(?![0-9 -]{12,}$)[A-Za-z0-9_.:-]{3,120}$")
    return_url = serializers.URLField(max_length=500)


class StaffPaymentQuery(PageQuery):
    order_number = serializers.RegexField(r"^CB-[0-9A-Z]{10}$", required=False)
    state = serializers.ChoiceField(choices=[str(state) for state in State], required=False)
    refund_failed = serializers.BooleanField(required=False, allow_null=True, default=None)


class RedirectSchema(serializers.Serializer):
    type = serializers.ChoiceField(choices=["redirect"])
    url = serializers.URLField()


class PaymentSchema(serializers.Serializer):
    id = serializers.UUIDField()
    order_id = serializers.UUIDField()
    order_number = serializers.CharField()
    amount = MoneySchema()
    refunded = MoneySchema()
    status = serializers.ChoiceField(choices=STATUSES)
    last_error = serializers.CharField(allow_null=True, help_text="why the last attempt failed")
    expires_at = serializers.DateTimeField()
    next_action = RedirectSchema(allow_null=True)


class ConfirmedSchema(serializers.Serializer):
    status = serializers.ChoiceField(choices=["authorizing"])
    next_action = RedirectSchema(allow_null=True)


class PaymentPageSchema(serializers.Serializer):
    data = PaymentSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    has_more = serializers.BooleanField()


class ReceivedSchema(serializers.Serializer):
    received = serializers.BooleanField()


def render_payment(payment: Payment) -> dict[str, Any]:
    """From rows fetched with their attempts and refunds."""
    state = State(payment.state)
    redirect = None
    if state is State.WAITING:
        current = next((attempt for attempt in payment.attempts.all() if attempt.state == "current"), None)
        redirect = {"type": "redirect", "url": current.redirect_url} if current else None
    refunded = sum(refund.amount_minor for refund in payment.refunds.all() if refund.state == "succeeded")
    return {
        "id": str(payment.pk),
        "order_id": str(payment.order_id),
        "order_number": payment.order_number,
        "amount": money(payment.total_minor, payment.currency),
        "refunded": money(refunded, payment.currency),
        "status": STATUS.get(state, str(state)),
        "last_error": payment.last_code or None,
        "expires_at": payment.expires_at,
        "next_action": redirect,
    }
